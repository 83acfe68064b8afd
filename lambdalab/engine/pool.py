"""The environments of one function version: those that wait for a call, by kind, and those that may begin again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lambdalab.engine.environment import ExecutionEnvironment
from lambdalab.engine.running import State
from lambdalab.model.invocation import ON_DEMAND


@dataclass(slots=True)
class Pool:
    """`all` are alive; `idle`, `provisioned` and `snapshots` wait. `note` explains the next cold start.

    `resets` ended by a failure or a timeout: the next call that finds nobody idle initialises one of them again, with
    what it had in /tmp, as AWS does.
    """

    idle: list[ExecutionEnvironment] = field(default_factory=list)
    provisioned: list[ExecutionEnvironment] = field(default_factory=list)
    snapshots: list[ExecutionEnvironment] = field(default_factory=list)
    resets: list[ExecutionEnvironment] = field(default_factory=list)
    all: set[ExecutionEnvironment] = field(default_factory=set)
    peak_mb: int = 0
    note: str = "no environment had been started for this code and configuration"

    def waiting(self) -> Iterator[ExecutionEnvironment]:
        """Those that a call may come to without another one ending first."""
        yield from self.idle
        yield from self.resets

    def unneeded(self) -> Iterator[ExecutionEnvironment]:
        """Those that may end for another function's sake."""
        yield from self.snapshots
        yield from self.idle

    def promised_mb(self) -> int:
        """What those that start or work may take yet, going by the most that one of them was seen to hold."""
        at_work = [one for one in self.all if one.state in {State.STARTING, State.BUSY}] if self.peak_mb else ()
        return sum(max(self.peak_mb - one.held_mb(), 0) for one in at_work)

    def leave(self, environment: ExecutionEnvironment) -> None:
        """One has ended."""
        self.all.discard(environment)
        self.note = environment.ended or self.note

    def keep_or_forget(self, environment: ExecutionEnvironment) -> None:
        """Let one that has ended begin again when it is needed, if it may."""
        again = environment.left.wanted and not environment.retired
        if again and environment.initialization == ON_DEMAND:  # the others come initialised, each time anew
            self.resets.append(environment)
        else:
            environment.left.forget()

    def end_unused(self, before: float, why: str) -> None:
        """End what has waited since a moment `before` that."""
        for environment in [one for one in self.idle if one.idle_since <= before]:
            self.idle.remove(environment)
            environment.stop(why)
            self.leave(environment)
            environment.left.forget()
        for environment in [one for one in self.resets if one.idle_since <= before]:
            self.forget(environment)

    def forget(self, *environments: ExecutionEnvironment) -> None:
        """Let go of what may begin again, all of it unless told which."""
        for environment in environments or tuple(self.resets):
            self.resets.remove(environment)
            environment.left.forget()


def oldest(pools: Iterable[Pool]) -> float | None:
    """Since when the one has waited that has waited longest; None where nobody waits."""
    return min((environment.idle_since for pool in pools for environment in pool.waiting()), default=None)
