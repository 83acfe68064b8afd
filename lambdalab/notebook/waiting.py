"""Waiting for the region without holding the notebook: a status line after a while, and a clean Interrupt.

The call runs in a thread of its own, so that Interrupt ends the wait at once and leaves the region, and the
invocation in it, alone. The thread itself then sends the region nothing more (`client/giving_up.py`). All output
comes from the main thread: what a thread prints no longer finds its cell.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from lambdalab.client import giving_up
from lambdalab.errors import Interrupted

T = TypeVar("T")
PATIENCE = 0.5
"""Seconds before the status line appears."""
INTERVAL = 1.0
"""Seconds between its updates."""
GLANCE = 0.05
"""Seconds between two looks for something new to show."""


class StatusLine(Protocol):
    """One line that says what is being waited for."""

    def show(self, seconds: float) -> None:
        """Say how long it has taken; called again and again, replacing what it said."""

    def clear(self) -> None:
        """Take the line away; called once if `show` was called."""

    @property
    def changes(self) -> bool:
        """Whether it has something new to say before the next interval."""


def wait(
    call: Callable[[], T],
    what: str,
    status: StatusLine,
    patience: float = PATIENCE,
    then: Callable[[], str] = lambda: "the region goes on by itself",
) -> T:
    """The value of `call()`, or what it raises. Raises `Interrupted` on KeyboardInterrupt; `what` names the call,
    and `then` says what becomes of it, asked when that is to be told. What it would have sent next is not sent.
    """
    pending = _Pending(call)
    shown = False
    try:
        waited = said = 0.0
        while not pending.ready(GLANCE):
            waited += GLANCE
            if status.changes or waited >= (said + INTERVAL if shown else patience):
                shown, said = True, waited
                status.show(waited)
        return pending.value()
    except KeyboardInterrupt:
        pending.give_up()
        raise Interrupted(f"stopped waiting for {what}; {then()}.") from None
    finally:
        if shown:
            status.clear()


class _Pending(Generic[T]):
    """A call in a daemon thread: the kernel can end while it is still waiting."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._done = threading.Event()
        self._given_up = threading.Event()
        self._value: list[T] = []
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name="lambdalab-call", daemon=True).start()

    def _run(self) -> None:
        giving_up.heed(self._given_up)
        try:
            self._value.append(self._call())
        except BaseException as error:  # noqa: BLE001 - handed over to the waiting thread, whatever it is
            self._error = error
        finally:
            self._done.set()

    def give_up(self) -> None:
        """Nobody waits any more: what the call has sent is sent, and it sends no more."""
        self._given_up.set()

    def ready(self, seconds: float) -> bool:
        return self._done.wait(seconds)

    def value(self) -> T:
        if self._error is not None:
            raise self._error
        return self._value[0]
