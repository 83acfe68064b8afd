"""Names that were meant: the nearest of those there are."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

from lambdalab.errors import AwsError, ResourceNotFound


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean x?` for the nearest known word, or nothing when none is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]}?" if near else ""


def pointing(missing: ResourceNotFound, name: str, functions: Callable[[], Iterable[str]]) -> AwsError:
    """The refusal of a function that is not there, with the name that was meant if one of `functions` is near it.

    What else may be missing (a version, an alias) is told as it was.
    """
    text = missing.message or ""
    if not text.startswith("Function not found:"):
        return missing
    known = set(functions())
    guess = "" if name in known else did_you_mean(name, known)
    if not guess:
        return missing
    return ResourceNotFound(f"{text}.{guess}", code=missing.error_code, status=missing.http_status, **missing.extra)
