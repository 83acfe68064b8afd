"""What tests write for a fake runtime: handlers, hooks of SnapStart, and the ways in which both may end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from lambdalab.runtimes.backends.base import Exit, SandboxSpec


@dataclass(frozen=True, slots=True)
class FakeContext:
    """What a fake handler knows: its request, its sandbox's specification, a place for globals, a way to write."""

    request_id: str
    spec: SandboxSpec
    globals: dict[str, Any]
    write: Callable[[str], None]


class FakeExit(Exception):
    """Raised by a fake handler: its process ends in this way."""

    def __init__(self, end: Exit) -> None:
        super().__init__(end)
        self.end = end


Handler = Callable[[Any, FakeContext], Awaitable[Any] | AsyncIterator[bytes]]
"""A coroutine's result is the response; what an asynchronous generator yields is one in pieces."""


async def _nothing(context: FakeContext) -> None:
    """No hook."""


Hook = Callable[[FakeContext], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class FakeHooks:
    """What a runtime does with SnapStart; one that is not `aware` of it asks for an event at once."""

    before_snapshot: Hook = _nothing
    after_restore: Hook = _nothing
    aware: bool = True
