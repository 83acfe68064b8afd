"""Checks of single option values. Each takes the words, gives the value, and raises `BadOption` with rule and way out.

Ranges and texts are AWS's (`lambda-contract.md` sections 1, 5, 6 and 20): what passes here passes the API too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal, InvalidOperation

from lambdalab.client.near import did_you_mean
from lambdalab.client.variables import check_names
from lambdalab.client.way_out import NAME_RULE
from lambdalab.errors import BadOption
from lambdalab.model import arn
from lambdalab.model import runtime as runtimes

RUNTIMES = (*(one.name for one in runtimes.known().values() if not one.blocked), "go")
"""Those that Tab offers. "go" is provided.al2023 with Go source."""
ARCHITECTURES = ("x86_64", "arm64")
LOG_FORMATS = ("Text", "JSON")
PUBLISHED = "published"
NONE = "none"
"""The word that takes a setting away."""
_SEVERAL = re.compile(r"[A-Z][A-Z0-9_]+=[^,=]*(,[A-Z][A-Z0-9_]+=[^,=]*)+")
"""Assignments joined by commas, all to names in capitals: `STAGE=dev,TABLE=orders`. `RUST_LOG=info,hyper=debug` is
one variable."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _whole_number(flag: str, member: str, low: int, high: int, unit: str) -> Callable[[str], int]:
    def convert(words: str) -> int:
        if not re.fullmatch(r"[+-]?\d+", words):
            raise BadOption(f"{flag} is {words!r}; it takes a whole number of {unit}, such as {flag} {max(low, 30)}.")
        value = int(words)
        if low <= value <= high:
            return value
        bound = f"greater than or equal to {low}" if value < low else f"less than or equal to {high}"
        raise BadOption(
            f"{flag} is {value}; AWS: '{member}' value failed to satisfy constraint: Member must have value {bound}."
            f" Choose {low} to {high} {unit}."
        )

    return convert


memory = _whole_number("--memory", "memorySize", 128, 10_240, "MB")
timeout = _whole_number("--timeout", "timeout", 1, 900, "seconds")
ephemeral = _whole_number("--tmp", "ephemeralStorage.size", 512, 10_240, "MB")
limit = _whole_number("--limit", "limit", 1, 10_000, "lines")


def runtime(words: str) -> str:
    """A runtime that Lambda has or had, "go" among them, for a setting. A cell's own is checked against the region."""
    if words in RUNTIMES or words in runtimes.known():
        return words
    guess = did_you_mean(words, RUNTIMES) or " Tab after --runtime shows those there are."
    raise BadOption(f"the runtime is {words!r}, which Lambda does not have.{guess}")


def function(words: str) -> str:
    """A function's name or ARN. AWS's own check says what is wrong with an ARN; a `$name` here was no variable."""
    if "$" in words.replace("$LATEST", "") or "{" in words:
        raise BadOption(
            f"the function is {words!r}; $name and {{name}} stand for the value of a Python variable of the notebook,"
            " and there is none of that name."
        )
    if not (words.startswith("arn:") or arn.is_address(words)):
        possible = possible_name(words)
        raise BadOption(f"the function is {words!r}. {NAME_RULE}{f' {possible} would do.' if possible else ''}")
    return words


def possible_name(words: str) -> str:
    """The name of a function nearest to `words`; "" when nothing is left of them."""
    return re.sub(r"[^a-zA-Z0-9_]+", "-", words).strip("-")


def architecture(words: str) -> str:
    """`x86_64` or `arm64`."""
    if words not in ARCHITECTURES:
        raise BadOption(f"--arch is {words!r}; choose x86_64 or arm64.{did_you_mean(words, ARCHITECTURES)}")
    return words


def variable(words: str) -> tuple[str, str]:
    """An environment variable, `NAME=VALUE`."""
    name, equals, value = words.partition("=")
    if not equals or not name:
        raise BadOption(
            f'--env is {words!r}; write --env NAME=VALUE, with quotes around spaces: --env "GREETING=good day".'
        )
    check_names([name])
    if _SEVERAL.fullmatch(words):
        more = " ".join(f"--env {one}" for one in words.split(","))
        raise BadOption(
            f"--env is {words!r}, which would be one variable; for several repeat it: {more}. A value with such a comma"
            f" is set in Python: lab[NAME].configure(env={{{name!r}: {value!r}}})."
        )
    return name, value


def since(words: str) -> timedelta:
    """How long ago: a whole number and s, m, h or d. What is longer than Python counts is all time."""
    match = re.fullmatch(r"(\d+)([smhd])", words)
    if match is None:
        raise BadOption(f"--since is {words!r}; write a number and s, m, h or d, such as --since 5m.")
    try:
        return timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    except (OverflowError, ValueError):
        return timedelta.max


def alias(words: str) -> str:
    """An alias's name."""
    if re.fullmatch(r"(?![0-9]+$)[a-zA-Z0-9-_]{1,128}", words):
        return words
    raise BadOption(
        f"the alias is {words!r}; AWS has letters, digits, - and _ there, and not only digits, which would be a "
        "version. The order is %lambda alias FUNCTION ALIAS VERSION."
    )


def version(words: str) -> str:
    """A version: its number, or $LATEST."""
    if words.isdecimal() or words == "$LATEST":
        return words
    guess = " Did you mean $LATEST?" if words.lstrip("$").lower() == "latest" else ""
    raise BadOption(f"the version is {words!r}; it is a number, as %lambda publish gives it, or $LATEST.{guess}")


def canary(words: str) -> tuple[str, float]:
    """A version and its share of the calls, 0 to 1: `2=10%`, `2=0.1`."""
    number, equals, share = words.partition("=")
    try:
        value = Decimal(share.removesuffix("%")) / (100 if share.endswith("%") else 1)
    except InvalidOperation:
        value = Decimal(-1)
    if not equals or not number.isdecimal():
        raise BadOption(f"--canary is {words!r}; write a version's number and its share: --canary 2=10%.")
    if not 0 <= value <= 1:
        raise BadOption(
            f"--canary is {words!r}; the share is 0% to 100%, or a number from 0 to 1: --canary {number}=10%."
        )
    return number, float(value)


def layer(words: str) -> str:
    """A layer's name."""
    if re.fullmatch(r"[a-zA-Z0-9-_]{1,64}", words):
        return words
    name, colon, number = words.rpartition(":")
    way = f" For one version: %lambda layer {name} --delete {number}." if colon and number.isdecimal() else ""
    raise BadOption(f"the layer is {words!r}; AWS has letters, digits, - and _ there, at most 64.{way}")


def layer_version(words: str) -> str:
    """A version of a layer, `common:1`, or its ARN; "" for none."""
    if words == NONE:
        return ""
    if words.startswith("arn:") or re.fullmatch(r"[a-zA-Z0-9-_]+:\d+", words):
        return words
    name = words.rpartition(":")[0] or words
    raise BadOption(
        f"--layer is {words!r}; a function has one version of a layer: --layer {name}:1."
        f" %lambda layer {name} lists them."
    )


def layer_number(words: str) -> int:
    """The number of a layer's version."""
    if words.isdecimal() and int(words) >= 1:
        return int(words)
    raise BadOption(f"--delete is {words!r}; it takes the number of a version, such as --delete 1.")


def module(words: str) -> str:
    """A Python module's name."""
    if words.isidentifier():
        return words
    raise BadOption(f"--module is {words!r}; it is what `import` would say, such as --module common, without .py.")


def kms(words: str) -> str:
    """A KMS key as `client/configuring.py` takes it; "" for none."""
    if words == NONE:
        return ""
    if re.fullmatch(r"arn:\S+|alias/[a-zA-Z0-9/_-]+|[a-f0-9-]{36}|mrk-[a-f0-9]{32}", words):
        return words
    raise BadOption(f"--kms is {words!r}; write alias/NAME, a key's id, its ARN, or none.")


def vpc(words: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Subnets and security groups, `subnet-1,subnet-2/sg-1`; two empty ones for none."""
    if words == NONE:
        return (), ()
    left, _, right = words.partition("/")
    subnets, groups = tuple(left.split(",")), tuple(right.split(","))
    if all(one.startswith("subnet-") for one in subnets) and all(one.startswith("sg-") for one in groups):
        return subnets, groups
    raise BadOption(
        f"--vpc is {words!r}; write subnets, a slash, security groups: --vpc subnet-1,subnet-2/sg-1, or none."
    )


def log_format(words: str) -> str:
    """`Text` or `JSON`."""
    if words in LOG_FORMATS:
        return words
    raise BadOption(f"--log-format is {words!r}; choose Text or JSON.{did_you_mean(words, LOG_FORMATS)}")


def snapstart(words: str) -> bool:
    """`published`, or none."""
    if words in (PUBLISHED, NONE):
        return words == PUBLISHED
    raise BadOption(f"--snapstart is {words!r}; SnapStart is for {PUBLISHED} versions, or {NONE}.")


def reserved(words: str) -> int | None:
    """Concurrency to reserve; None gives it back."""
    return _count("--reserved", words, 0)


def provisioned(words: str) -> int | None:
    """Environments to keep ready; None ends them."""
    return _count("--provisioned", words, 1)


def _count(flag: str, words: str, low: int) -> int | None:
    if words == NONE:
        return None
    if words.isdecimal() and int(words) >= low:
        return int(words)
    raise BadOption(f"{flag} is {words!r}; it takes a whole number from {low}, or none to take it away.")
