"""Signals that ask the region to end: the first one for an end in order, another one for an end at once.

SIGTERM is what supervisors send (systemd, `docker stop`), SIGINT is Ctrl-C, and SIGHUP says that the terminal is gone.
The exit status after an end in order is 0 for all of them, as it is nginx's, PostgreSQL's and Redis's: systemd takes
that and death by one of these signals for a success, and a status such as 143 for a failure; Docker and Kubernetes show
anything but 0 as an error; and the first process of a container cannot die by a signal that it sends itself. An end at
once is a death by the signal, so that a shell knows that Ctrl-C ended it.

Handlers run between two instructions of the main thread: they write no log and touch nothing of the region's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from types import FrameType

_HURRYING = (signal.SIGINT, signal.SIGTERM)
"""SIGHUP asks for the end and never hurries it: a shell passes it on, and the kernel sends it again when the shell has
gone; systemd sends it right after SIGTERM where it is told to, and the two may come in either order."""


def heed(end: Callable[[str], None]) -> None:
    """From now on call `end`, on the running loop, with the name of a signal that came; at the second end at once.

    A signal that this process was started to ignore (`nohup`, `&` in a script) stays ignored.
    """
    loop = asyncio.get_running_loop()
    hurrying = list(filter(_is_heeded, _HURRYING))

    def ask(number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: what was to be ended in order has been
            loop.call_soon_threadsafe(end, signal.Signals(number).name)

    def ask_once(number: int, frame: FrameType | None) -> None:
        for one in hurrying:
            signal.signal(one, _end_at_once)
        ask(number, frame)

    for number in hurrying:
        signal.signal(number, ask_once)
    if _is_heeded(signal.SIGHUP):
        signal.signal(signal.SIGHUP, ask)


def leave_ctrl_c_to_the_kernel() -> None:
    """Until `heed` there is nothing to end in order: die of Ctrl-C as of other signals, without a traceback."""
    if _is_heeded(signal.SIGINT):
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _is_heeded(number: int) -> bool:
    return signal.getsignal(number) is not signal.SIG_IGN


def _end_at_once(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
    os._exit(128 + number)  # the first process of a container, which the kernel spares
