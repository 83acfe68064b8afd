"""The model's constraints, all of them, in AWS's words (`lambda-contract.md` section 1).

boto3 checks a few of them before it sends; the service checks all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any

from botocore.model import OperationModel, Shape

from lambdalab.api.service_model import service_model
from lambdalab.errors import ValidationFailed
from lambdalab.model import runtime

_NULL = "Member must not be null"
_EXEMPT = "runtime"
"""The path of the one member that the rules of the model layer check: AWS answers InvalidParameterValueException."""
_ORDER = {"InvokeMode": ["RESPONSE_STREAM", "BUFFERED"]}
"""Enums that AWS prints in another order than its model has them."""


def validate(operation: OperationModel, params: Mapping[str, Any]) -> None:
    """Raise one `ValidationFailed` that lists every broken constraint, or return."""
    if operation.input_shape is None:
        return
    found = list(_structure(operation.input_shape, params, ""))
    if found:
        found.sort(key=lambda failure: "'compatibleRuntimes'" not in failure)  # AWS says of a layer's runtimes first
        plural = "s" if len(found) > 1 else ""
        raise ValidationFailed(f"{len(found)} validation error{plural} detected: {'; '.join(found)}")


@lru_cache(maxsize=4096)
def validate_words(operation: OperationModel, words: frozenset[tuple[str, str]]) -> None:
    """The same for parameters that are all strings; those that were valid once are remembered to be."""
    validate(operation, dict(words))


def _structure(shape: Shape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield _failure(None, f"{path}{_lower(name)}", _NULL)
    for name, item in value.items():
        member = shape.members.get(name)
        if member is not None and item is not None:
            yield from _value(member, item, f"{path}{_lower(name)}")


def _value(shape: Shape, value: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    if path == _EXEMPT:
        return
    for rule in _broken(shape, value):
        yield _failure(value, path, rule, shape)
    if kind == "structure":
        yield from _structure(shape, value, f"{path}.")
    elif kind == "list":
        yield from _elements(shape, value, path)
    elif kind == "map":
        yield from _entries(shape, value, path)


def _elements(shape: Shape, value: list[Any], path: str) -> Iterator[str]:
    element = shape.member
    if element.type_name in {"structure", "list", "map"}:
        for number, item in enumerate(value, 1):
            if item is not None:
                yield from _value(element, item, f"{path}.{number}.member")
    elif element.name == "Runtime" and any(item not in _runtimes() for item in value):
        yield _failure(value, path, _enum(_runtimes()), shape)  # the one list whose elements' rule AWS prints bare
    elif any(item is None or list(_broken(element, item)) for item in value):
        yield _failure(value, path, f"Member must satisfy constraint: [{', '.join([*_rules(element), _NULL])}]", shape)


def _entries(shape: Shape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    if any(list(_broken(shape.key, key)) for key in value):
        yield _failure(
            value, path, f"Map keys must satisfy constraint: [{', '.join([*_rules(shape.key), _NULL])}]", shape
        )
    if shape.value.type_name in {"structure", "list", "map"}:
        for key, item in value.items():
            if item is not None:
                yield from _value(shape.value, item, f"{path}.{key}.member")
    elif any(item is None or list(_broken(shape.value, item)) for item in value.values()):
        yield _failure(
            value, path, f"Map value must satisfy constraint: [{', '.join([*_rules(shape.value), _NULL])}]", shape
        )


def _broken(shape: Shape, value: Any) -> Iterator[str]:
    """The rules of one shape that one value breaks."""
    metadata, kind = shape.metadata, shape.type_name
    if kind in {"string", "blob", "list", "map"}:
        if "max" in metadata and len(value) > metadata["max"]:
            yield _longest(metadata["max"])
        if "min" in metadata and len(value) < metadata["min"]:
            yield _shortest(metadata["min"])
    elif kind in {"integer", "long", "float", "double"}:
        if "max" in metadata and value > metadata["max"]:
            yield _most(shape, metadata["max"])
        if "min" in metadata and value < metadata["min"]:
            yield _least(shape, metadata["min"])
    if kind == "string":
        if "pattern" in metadata and not _compiled(metadata["pattern"]).fullmatch(value):
            yield _pattern(metadata["pattern"])
        if "enum" in metadata and value not in _values(shape):
            yield _enum(_values(shape))


def _rules(shape: Shape) -> list[str]:
    """All rules of a shape, in the order AWS prints them for elements."""
    metadata, numeric = shape.metadata, shape.type_name not in {"string", "blob", "list", "map"}
    rules = []
    if "max" in metadata:
        rules.append(_most(shape, metadata["max"]) if numeric else _longest(metadata["max"]))
    if "min" in metadata:
        rules.append(_least(shape, metadata["min"]) if numeric else _shortest(metadata["min"]))
    if "pattern" in metadata:
        rules.append(_pattern(metadata["pattern"]))
    if "enum" in metadata:
        rules.append(_enum(_values(shape)))
    return rules


def _values(shape: Shape) -> list[str]:
    """What an enum allows, in AWS's order."""
    return _runtimes() if shape.name == "Runtime" else _ORDER.get(shape.name, shape.metadata["enum"])


@cache
def _runtimes() -> list[str]:
    """Every runtime that AWS ever had: a layer may say that it goes with a deprecated one."""
    model = service_model("lambda").shape_for("Runtime").metadata["enum"]
    return list(dict.fromkeys([*runtime.known(), *model]))


def _longest(bound: int) -> str:
    return f"Member must have length less than or equal to {bound}"


def _shortest(bound: int) -> str:
    return f"Member must have length greater than or equal to {bound}"


def _most(shape: Shape, bound: float) -> str:
    return f"Member must have value less than or equal to {_bound(shape, bound)}"


def _least(shape: Shape, bound: float) -> str:
    return f"Member must have value greater than or equal to {_bound(shape, bound)}"


def _bound(shape: Shape, bound: float) -> str:
    return f"{float(bound)}" if shape.type_name in {"float", "double"} else f"{int(bound)}"


def _pattern(pattern: str) -> str:
    return f"Member must satisfy regular expression pattern: {pattern}"


def _enum(values: list[str]) -> str:
    return f"Member must satisfy enum value set: [{', '.join(values)}]"


def _failure(value: Any, path: str, rule: str, shape: Shape | None = None) -> str:
    shown = "Value null" if value is None else f"Value '{_java(value)}'"
    if shape is not None and shape.metadata.get("sensitive"):
        shown = "Value"  # of what the model calls sensitive, AWS's messages show nothing
    return f"{shown} at '{path}' failed to satisfy constraint: {rule}"


def _java(value: Any) -> str:
    """A value as Java prints it."""
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(_java(item) for item in value)}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={_java(item)}" for key, item in value.items()) + "}"
    return "null" if value is None else str(value)


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


_JAVA_CLASSES = {
    r"\p{L}": r"\w",  # with digits and _, which every pattern of the models that has it allows too
    r"\p{Z}": r"\s",
    r"\p{N}": r"\d",
    r"\p{Alnum}": "a-zA-Z0-9",
    r"\p{Alpha}": "a-zA-Z",
    r"\p{Punct}": r"!-/:-@\[-`{-~",
    r"\p{ASCII}": r"\x00-\x7f",
    r"\p{Graph}": r"!-~",
    r"\p{Print}": r" -~",
    r"\p{Space}": r"\s",
}


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of Java's, for Python: POSIX classes are spelt out, possessive quantifiers exist since 3.11."""
    text = pattern.replace(r"\w-_", r"\w\-_")
    for java, python in _JAVA_CLASSES.items():
        text = text.replace(java, python)
    return re.compile(text, re.ASCII if "\\p{" not in pattern else 0)
