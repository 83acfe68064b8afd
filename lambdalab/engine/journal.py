"""The last calls through each name of a function: which version they ran and what became of them.

Kept in memory since the region started, for displays such as an alias's observed split. It is no log and no bill.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import NamedTuple

from lambdalab.model.invocation import InvocationRecord

CALLS = 1000
"""Calls that are kept of one name."""
_NAMES = 1000
"""Names (qualified ARNs) that are kept: the last ones called."""


class Entry(NamedTuple):
    """One call: the version that ran, whether it was ok, its handler's milliseconds, whether it started cold."""

    version: str
    ok: bool
    duration_ms: float
    cold: bool


class Journal:
    """The last calls of a region."""

    def __init__(self) -> None:
        self._calls: OrderedDict[str, deque[Entry]] = OrderedDict()

    def add(self, record: InvocationRecord) -> None:
        """Keep a call under the ARN that it was made with."""
        kept = self._calls.get(record.invoked_arn)
        if kept is None:
            kept = self._calls[record.invoked_arn] = deque(maxlen=CALLS)
            if len(self._calls) > _NAMES:
                self._calls.popitem(last=False)
        kept.append(Entry(record.executed_version, record.outcome == "ok", record.duration_ms, record.cold))

    def calls(self, arn: str) -> tuple[Entry, ...]:
        """The last calls made with an ARN, the oldest first."""
        return tuple(self._calls.get(arn, ()))

    def forget(self, arn: str) -> None:
        """Begin anew for an ARN, or for all the qualified ones of a function's."""
        for known in [one for one in self._calls if one == arn or one.startswith(f"{arn}:")]:
            del self._calls[known]
