"""Names that were meant: the nearest of those there are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean x?` for the nearest known word, or nothing when none is near."""
    near = nearest(word, known, 0.6)
    return f" Did you mean {near}?" if near else ""


def nearest(word: str, known: Iterable[str], likeness: float) -> str:
    """The known word that is most like it, by at least `likeness` (0 to 1); empty where none is."""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=likeness)
    return near[0] if near else ""
