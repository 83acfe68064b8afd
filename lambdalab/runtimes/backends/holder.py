"""The process above a sandbox that has no process namespace: it keeps all that a function starts below it.

The supervisor forks it; it forks the one that becomes the command, adopts every orphan below it, ends what is left when
the command has ended, and ends as it did. So whatever a function starts stays below its sandbox's first process,
daemons too, and none outlives it.
"""

from __future__ import annotations

import contextlib
import os
import signal

from lambdalab.runtimes.backends import kernel, processes


def hold() -> None:
    """Stay as the holder of the process that this returns in: adopt its orphans, and end as it ends, with them."""
    kernel.become_subreaper()
    first = os.fork()
    if first == 0:
        return
    try:
        _let_go_of_everything()
        while True:
            ended, status = os.waitpid(-1, 0)
            if ended == first:
                break
        processes.end_all_below()
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number != signal.SIGKILL:
                signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        os._exit(os.WEXITSTATUS(status))
    finally:
        os._exit(127)


def _let_go_of_everything() -> None:
    """What a copy keeps open would not end with the others'; signals are for those that it holds."""
    for name in os.listdir("/dev/fd"):  # noqa: PTH208
        with contextlib.suppress(OSError):
            os.close(int(name))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
