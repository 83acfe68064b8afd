"""Provisioned concurrency: environments initialised ahead for a version or an alias, and kept at their number.

What was asked for lives in the store; this module makes it true, again after a crash of an environment and
after a restart of the region. A configuration's status is looked at, never remembered.
Source: `lambda-contract.md` section 8.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from lambdalab.engine.admission import Admission
from lambdalab.engine.environments import Environments
from lambdalab.errors import LabError
from lambdalab.model.function import FunctionKey, FunctionVersion

Status = Literal["IN_PROGRESS", "READY", "FAILED"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a configuration is: environments asked for, there, and AWS's word for it."""

    requested: int
    allocated: int
    status: Status
    reason: str | None = None


@dataclass(slots=True)
class _Wish:
    version: FunctionVersion
    count: int
    failure: str | None = None
    working: asyncio.Task[None] | None = None


class Provisioning:
    """The provisioned concurrency of all functions. Used from the event loop's thread only."""

    def __init__(self, environments: Environments, admission: Admission) -> None:
        self._environments, self._admission = environments, admission
        self._wishes: dict[tuple[FunctionKey, str], _Wish] = {}
        environments.on_provisioned_end = self._restore

    def request(self, qualifier: str, version: FunctionVersion, count: int) -> None:
        """Have `count` environments of `version` ready for a qualifier, instead of what it had before."""
        self.end(version.key, qualifier)
        self._wishes[version.key, qualifier] = _Wish(version, count)
        self._account_for(version.key)
        self._work((version.key, qualifier))

    def end(self, key: FunctionKey, qualifier: str) -> None:
        """Give up a qualifier's environments."""
        wish = self._wishes.pop((key, qualifier), None)
        if wish is None:
            return
        if wish.working is not None:
            wish.working.cancel()
        self._environments.unprovision(key, wish.version.version, wish.count)
        self._account_for(key)

    def end_all(self, key: FunctionKey) -> None:
        """Give up everything of a function."""
        for _, qualifier in [place for place in self._wishes if place[0] == key]:
            self.end(key, qualifier)

    def progress(self, key: FunctionKey, qualifier: str) -> Progress | None:
        """How far a qualifier's configuration is; None when it has none."""
        wish = self._wishes.get((key, qualifier))
        if wish is None:
            return None
        there = min(self._environments.provisioned(key, wish.version.version), wish.count)
        if there == wish.count:
            return Progress(wish.count, there, "READY")
        if wish.failure is not None:
            return Progress(wish.count, there, "FAILED", wish.failure)
        self._work((key, qualifier))
        return Progress(wish.count, there, "IN_PROGRESS")

    def at_work(self) -> bool:
        """Whether some are being started."""
        return any(wish.working is not None and not wish.working.done() for wish in self._wishes.values())

    def total(self, key: FunctionKey, *, apart_from: str | None = None) -> int:
        """The environments asked for by all qualifiers of a function."""
        return sum(w.count for (k, qualifier), w in self._wishes.items() if k == key and qualifier != apart_from)

    def close(self) -> None:
        """Stop working; the environments end with the others."""
        self._environments.on_provisioned_end = lambda: None
        for wish in self._wishes.values():
            if wish.working is not None:
                wish.working.cancel()

    def _restore(self) -> None:
        for place in self._wishes:
            self._work(place)

    def _work(self, place: tuple[FunctionKey, str]) -> None:
        wish = self._wishes[place]
        if wish.working is None or wish.working.done():
            wish.working = asyncio.get_running_loop().create_task(self._fill(wish))

    async def _fill(self, wish: _Wish) -> None:
        """Start what is missing, several at once. One failed init ends it, as another would fail alike."""
        missing = wish.count - self._environments.provisioned(wish.version.key, wish.version.version)
        try:
            failures = await asyncio.gather(*(self._environments.provision(wish.version) for _ in range(missing)))
        except (LabError, OSError) as problem:
            wish.failure = str(problem)
            return
        wish.failure = "FUNCTION_ERROR_INIT_FAILURE" if any(failures) else None

    def _account_for(self, key: FunctionKey) -> None:
        self._admission.provision(key, self.total(key))
