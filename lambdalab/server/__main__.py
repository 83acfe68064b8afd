"""Start the region of the home that the environment names, and run it until it is told to end or is idle.

The order matters. The supervisor of the sandboxes is forked first, while this process is small, has one
thread and no event loop; only then come the heavy imports.
"""

from __future__ import annotations

import contextlib
import os
import sys

from lambdalab import config, home
from lambdalab.errors import LabError
from lambdalab.runtimes.backends import kernel
from lambdalab.runtimes.backends.supervisor import Supervisor
from lambdalab.server import signals
from lambdalab.server.ready import Ready
from lambdalab.server.running import RunningLock


def main() -> int:
    """Run one region. The exit status is 0 after an orderly end, by whatever signal too, 1 when it could not start."""
    signals.leave_ctrl_c_to_the_kernel()
    ready = Ready.from_environment(os.environ)
    try:
        settings = config.load()
        home.make_ready(settings.home)
        _run(settings, ready)
    except LabError as problem:
        return _failed(ready, problem)
    return 0


def _run(settings: config.Settings, ready: Ready) -> None:
    try:
        with RunningLock(settings.home):
            supervisor = Supervisor.fork()
            kernel.hide_from_others()

            from lambdalab.server.process import run  # noqa: PLC0415 - after the fork, see above

            run(settings, supervisor, ready)
    except LabError:
        raise
    except Exception as problem:
        if not home.is_about(settings.home, problem):
            raise
        raise home.unusable(settings.home, problem) from problem


def _failed(ready: Ready, problem: LabError) -> int:
    ready.failed(str(problem))
    with contextlib.suppress(OSError):  # the log may be what there is no room for
        print(f"lambdalab: {problem}", file=sys.stderr, flush=True)  # noqa: T201 - stderr is the region's log
        if problem.__cause__ is not None and not sys.stderr.isatty():  # one line for whoever runs it by hand
            sys.__excepthook__(type(problem), problem, problem.__traceback__)
    return 1


if __name__ == "__main__":
    status = main()
    # All that is kept has been written. A thread that waits for an engine (a pull may take minutes), or a terminal
    # that is gone and takes no last line, has no say in the end.
    os._exit(status)
