"""Checks of single option values. Each takes the words, gives the value, and raises `BadOption` with rule and way out.

Ranges and texts are AWS's (`lambda-contract.md` sections 1 and 20): what passes here passes the API too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from lambdalab.errors import BadOption
from lambdalab.notebook.words import did_you_mean

RUNTIMES = (
    "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python3.9",
)  # fmt: skip
ARCHITECTURES = ("x86_64", "arm64")
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
    """A runtime's name. One that is unknown here but not a misspelling goes on to AWS's own check."""
    if words in RUNTIMES:
        return words
    guess = did_you_mean(words, RUNTIMES)
    if guess and words.lower().startswith("py"):
        raise BadOption(f"--runtime is {words!r}, which Lambda does not have.{guess}")
    return words


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
    return name, value


def since(words: str) -> timedelta:
    """How long ago: a whole number and s, m, h or d."""
    match = re.fullmatch(r"(\d+)([smhd])", words)
    if match is None:
        raise BadOption(f"--since is {words!r}; write a number and s, m, h or d, such as --since 5m.")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])
