"""The event of `%lambda invoke`: a cell's body, JSON, a Python variable, a file; then single values set in it."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lambdalab.brackets import opened
from lambdalab.client.near import did_you_mean
from lambdalab.errors import BadEvent, BadOption
from lambdalab.notebook.context import FIRST_LINE

_SHOWN = 60
"""Characters of a `--set` that are shown where it is too long for Python."""
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)\s*=(?!=)\s*(?P<value>[^\n]*)")
_SCALAR = re.compile(r"true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
"""JSON that is no text, list or object."""
_CURLY = re.compile("[\u201c\u201d\u201e\u2018\u2019]")
_CLOSING = {"[": "]", "{": "}"}
_IN_JSON = {"True": "true", "False": "false", "None": "null", "undefined": "null"}


def build(
    *,
    body: str | None,
    source: str | None,
    assignments: Sequence[str],
    namespace: Mapping[str, Any],
    cell: str,
    first_line: int = FIRST_LINE,
) -> Any:
    """The event to send: `{}`, or the body, or what `source` names; with each `path=value` of `assignments` set.

    `cell` is the label of the running cell ("Cell In[4]") and `first_line` the number of its body's first line, for
    error messages. Raises `BadEvent` for text that is not JSON, or JSON that cannot be read, and `BadOption` for a
    name, file, path or value that cannot be used.
    """
    if body is not None and body.strip():
        if source is not None:
            raise BadOption(f"the event is given twice: in the cell's body and by --event {source}. Keep one.")
        event = parse_body(body, cell, first_line)
    else:
        event = {} if source is None else _named(source, namespace)
    for assignment in assignments:
        event = _assigned(event, assignment)
    return event


def parse_body(body: str, cell: str, first_line: int = FIRST_LINE) -> Any:
    """The JSON in a cell's body. Raises `BadEvent` naming line and column as the editor counts them."""
    return _parsed(body, cell, first_line)


def _parsed(words: str, where: str, first_line: int) -> Any:
    try:
        return _loaded(words, where)
    except json.JSONDecodeError as error:
        place = f"{where}, line {error.lineno - 1 + first_line}, column {error.colno}"
        raise BadEvent(_pointing_at(error, words, place)) from error


def _loaded(words: str, where: str) -> Any:
    """What the JSON says. Raises `BadEvent` for what Python alone reads or JSON alone writes, else JSONDecodeError."""
    try:
        return json.loads(words, parse_constant=_no_constant)
    except json.JSONDecodeError:
        raise
    except _NoConstant as error:
        raise BadEvent(f"the event in {where} is not JSON: {error}") from error
    except (ValueError, RecursionError) as error:
        raise BadEvent(f"the event in {where} cannot be read: {_too_much(error)}") from error


class _NoConstant(ValueError):
    """NaN and the infinities, which Python's reader takes."""


def _no_constant(name: str) -> None:
    raise _NoConstant(f"JSON has no {name}; null is a value that is not known.")


def _too_much(error: Exception) -> str:
    """Why Python does not read or write what is JSON: it has limits of its own, and JSON has none."""
    if isinstance(error, RecursionError):
        return "lists or objects are nested deeper in it than Python goes."
    return f"a number in it has more than {sys.get_int_max_str_digits():,} digits."


def _pointing_at(error: json.JSONDecodeError, words: str, place: str) -> str:
    lines = words.split("\n")
    line = lines[min(error.lineno, len(lines)) - 1]
    said = f"the event is not JSON: {error.msg} at {place}\n    {line}\n    {' ' * (error.colno - 1)}^"
    return "\n".join(part for part in (said, _as_json_writes_it(words[: error.pos], words[error.pos :])) if part)


def _as_json_writes_it(before: str, rest: str) -> str:
    """What JSON writes for what stands there, in Python's or JavaScript's way; "" where that is not plain."""
    word = re.match(r"[A-Za-z_$][\w$]*", rest)
    assigned = None if before.strip() else _ASSIGNMENT.match(rest)
    if assigned is not None:
        return _as_an_event(assigned["name"], assigned["value"].strip())
    if not before.strip() and word and word[0] == rest.strip() and word[0] not in _IN_JSON:
        return f"A Python variable is the event by its name on the line: --event {word[0]}."
    if word and word[0] in _IN_JSON:
        return f"JSON writes {_IN_JSON[word[0]]}, not {word[0]}."
    if _CURLY.match(rest):
        return f"JSON writes straight double quotes, not {rest[0]}."
    if not rest.strip():
        return _unclosed(before)
    if rest.startswith("'"):
        return "JSON writes text and names in double quotes, not in single ones."
    if word and before.rstrip()[-1:] in {"{", ","}:
        return f'JSON writes names in double quotes: "{word[0]}".'
    if word and before.rstrip()[-1:] in {":", "["}:
        return f'JSON writes text in double quotes: "{word[0]}".'
    if before.strip() and _is_json(before):
        return "An event is one JSON value; a list holds several: [..., ...]."
    if rest.startswith(("//", "/*", "#")):
        return "JSON has no comments."
    if re.match(r",\s*[}\]]", rest) or (rest[:1] in {"}", "]"} and before.rstrip().endswith(",")):
        return "JSON writes no comma after the last item."
    return ""


def _is_json(words: str) -> bool:
    try:
        json.loads(words)
    except (ValueError, RecursionError):
        return False
    return True


def _unclosed(before: str) -> str:
    """Which brackets are missing at the end of a text that ends too early; "" where they alone would not mend it."""
    closing = "".join(_CLOSING[sign] for sign, _ in reversed(opened(before)))
    return f"A closing {closing} is missing at the end." if closing and _is_json(before + closing) else ""


def _as_an_event(name: str, value: str) -> str:
    """What an event is, told to someone who wrote `name = value`."""
    if value[:1] in {"{", "["}:
        return f"An event is JSON alone: leave out `{name} =`."
    if not value or len(value) > _SHOWN:
        name, value = "name", "Ada"
    value = value.strip("'")
    shown = f'"{value}"' if re.search(r"\s", value) and '"' not in value else value
    return (
        f"An event is JSON: {json.dumps({name: _value(value)}, ensure_ascii=False)}. On the line: --set {name}={shown}."
    )


def may_be_event(name: str, value: Any) -> bool:
    """Whether a variable of the notebook is likely to be meant: a document, and none of IPython's own."""
    return not name.startswith("_") and name not in ("In", "Out") and isinstance(value, dict | list | str)


def _named(source: str, namespace: Mapping[str, Any]) -> Any:
    if source[:1] in {"{", "[", '"'}:  # neither a variable nor a file is called so
        return _from_json(source)
    if source.endswith(".json"):
        return _from_file(Path(source).expanduser())
    if source in namespace:
        return _from_variable(source, namespace[source])
    if _SCALAR.fullmatch(source):
        return _from_json(source)
    if assigned := _ASSIGNMENT.fullmatch(source):
        raise BadOption(f"--event {source}: {_as_an_event(assigned['name'], assigned['value'].strip())}")
    names = [name for name, value in namespace.items() if may_be_event(name, value)]
    raise BadOption(
        f"--event {source}: there is no Python variable of that name, it does not end in .json, and it is not JSON."
        f"{did_you_mean(source, names)} JSON writes text in double quotes: --event '{json.dumps(source)}'."
    )


def _from_json(words: str) -> Any:
    try:
        return _loaded(words, "--event")
    except json.JSONDecodeError as error:
        if (braced := words.strip("{} ")).isidentifier():
            raise BadOption(f"--event {words}: there is no Python variable {braced}.") from error
        raise BadEvent(_pointing_at(error, words, f"--event, column {error.colno}")) from error


def _from_file(path: Path) -> Any:
    try:
        words = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadOption(f"--event {path}: the file cannot be read: {error}.") from error
    return _parsed(words, str(path), 1)


def _from_variable(name: str, value: Any) -> Any:
    try:
        return json.loads(json.dumps(value))
    except RecursionError as error:
        raise BadEvent(f"the variable {name} cannot be an event: {_too_much(error)}") from error
    except (TypeError, ValueError) as error:
        raise BadEvent(f"the variable {name} cannot be an event: {error}. Events are JSON values.") from error


def _assigned(event: Any, assignment: str) -> Any:
    path, equals, value = assignment.partition("=")
    if not equals or not path:
        raise BadOption(f"--set {assignment}: write --set path.to.value=VALUE, such as --set name=Ada.")
    try:
        return _with(event, _steps(path, assignment), _set_value(path, value), assignment)
    except (ValueError, RecursionError) as error:
        raise BadOption(f"--set {_shortened(assignment)} cannot be set: {_too_much(error)}") from error


def _shortened(words: str) -> str:
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"


def _steps(path: str, assignment: str) -> list[str | int]:
    """The keys of a path, text, and after a key its indexes in brackets, numbers: `orders[0].id`."""
    steps: list[str | int] = []
    for at, part in enumerate(path.split(".")):
        found = _STEP.fullmatch(part)
        if found is None or not (found["key"] or (at == 0 and found["indexes"])):
            raise BadOption(
                f"--set {assignment}: {part!r} is no step of a path; they are names and numbers of items:"
                " --set orders[0].id=7. Write other keys in the cell's body, with %%lambda invoke."
            )
        steps += [found["key"]] if found["key"] else []
        steps += map(int, re.findall(r"\d+", found["indexes"]))
    return steps


_STEP = re.compile(r"(?P<key>[^\[\]]*)(?P<indexes>(\[\d+\])*)")


def _value(words: str) -> Any:
    try:
        return json.loads(words, parse_constant=_no_constant)
    except (_NoConstant, json.JSONDecodeError):
        return words


def _set_value(path: str, words: str) -> Any:
    """A value as the line has it: JSON or text. Python's constants are neither, and hardly meant as text."""
    if words in {"True", "False", "None"}:
        json_word = _IN_JSON[words]
        raise BadOption(
            f"--set {path}={words}: JSON writes {json_word}: --set {path}={json_word}; the text is --set"
            f""" {path}='"{words}"'."""
        )
    value = _value(words)
    if isinstance(value, float) and math.isinf(value):
        raise BadOption(f"--set {path}={words} cannot be set: Python has no numbers of that size.")
    return value


def _with(event: Any, path: Sequence[str | int], value: Any, assignment: str) -> Any:
    """`event` with `value` at `path`. Objects grow; a list takes the index of an item it has, or the next.

    What is not there becomes a list where an index in brackets follows, else an object.
    """
    if not path:
        return value
    key, *rest = path
    new: Any = [] if rest and isinstance(rest[0], int) else {}
    if isinstance(event, dict) and isinstance(key, str):
        return {**event, key: _with(event.get(key, new), rest, value, assignment)}
    if isinstance(event, list) and str(key).isdecimal() and int(key) <= len(event):
        at = int(key)
        return [*event[:at], _with(event[at] if at < len(event) else new, rest, value, assignment), *event[at + 1 :]]
    if isinstance(event, list):
        raise BadOption(f"--set {assignment}: {key!r} is not the index of one of {len(event)} items.")
    kind = "a list" if isinstance(key, int) else "an object"
    raise BadOption(f"--set {assignment}: {key!r} cannot be set in {json.dumps(event)}, which is not {kind}.")
