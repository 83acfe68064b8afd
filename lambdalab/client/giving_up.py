"""Ending what a thread does for somebody who no longer waits: it sends nothing more to the region.

A thread cannot be ended from outside. Without this, a deployment that was interrupted while it built would be done
minutes later, over what its person has deployed since.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar

from lambdalab.errors import LabError

_given_up: ContextVar[threading.Event | None] = ContextVar("given_up", default=None)


class GivenUp(LabError):
    """Nobody waits for this any more. Raised in the thread that works for them, and seen by no one."""


def heed(event: threading.Event) -> None:
    """From now on `check` fails in this thread once `event` is set."""
    _given_up.set(event)


def check() -> None:
    """Called before each request. Raises `GivenUp`."""
    event = _given_up.get()
    if event is not None and event.is_set():
        raise GivenUp("nobody waits for this any more: nothing more is sent to the region.")
