"""Start the region of the home that the environment names, and run it until it is told to end or is idle.

The order matters. The supervisor of the sandboxes is forked first, while this process is small, has one
thread and no event loop; only then come the heavy imports.
"""

from __future__ import annotations

import os
import sys

from lambdalab import config
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
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with RunningLock(settings.home):
            supervisor = Supervisor.fork()
            kernel.hide_from_others()

            from lambdalab.server.process import run  # noqa: PLC0415 - after the fork, see above

            run(settings, supervisor, ready)
    except LabError as problem:
        ready.failed(str(problem))
        print(f"lambdalab: {problem}", file=sys.stderr)  # noqa: T201 - stderr is the region's log
        return 1
    return 0


if __name__ == "__main__":
    status = main()
    # All that is kept has been written. A thread that waits for an engine (a pull may take minutes), or a terminal
    # that is gone and takes no last line, has no say in the end.
    os._exit(status)
