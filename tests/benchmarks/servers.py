"""Servers of others: their packages in an environment of their own, a process on loopback, and its end."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import platformdirs
import psutil

from lambdalab.runtimes.interpreters import Interpreters

RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"  # what runs this, and the functions
_RUN_SECONDS, _READY_SECONDS, _END_SECONDS = 600, 90, 30


def environment(*requirements, python=RUNTIME):
    """The `bin` of a virtual environment that holds these and nothing else; made once, in the user's cache.

    The first requirement names it. Raises RuntimeError with what was said where they cannot be had, and
    RuntimeUnavailable where this machine has no such Python.
    """
    interpreter = sys.executable if python == RUNTIME else asyncio.run(Interpreters().find(python)).path
    folder = platformdirs.user_cache_path("lambdalab-bench") / python / requirements[0]
    complete = folder / "complete"
    if complete.exists() and complete.read_text().splitlines() == list(requirements):
        return folder / "bin"
    shutil.rmtree(folder, ignore_errors=True)
    run([interpreter, "-m", "venv", folder])
    run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements])
    complete.write_text("\n".join(requirements))
    return folder / "bin"


def run(command, **more):
    """Run a command to its end. Raises RuntimeError with the last of what it said where it fails."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_RUN_SECONDS, check=False, **more
    )
    if done.returncode:
        raise RuntimeError(
            f"{Path(command[0]).name} {command[1]} failed: {(done.stderr or done.stdout).strip()[-300:]}"
        )


def free_port():
    """A port of loopback that nothing listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def variables(command, folder):
    """The environment of a peer's command: its search path, a home in the folder, this one's Docker engine."""
    kept = {name: os.environ[name] for name in ("DOCKER_HOST",) if name in os.environ}
    path = f"{Path(command).parent}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(folder), "SAM_CLI_TELEMETRY": "0", **kept}


@contextlib.contextmanager
def running(command, port, folder, **more):
    """A server's process from when its port answers; it and what it started are ended afterwards.

    Its home and its log are in `folder`; `more` is set in its environment.
    """
    log = Path(folder, "log")
    with log.open("w") as out:
        environment = {**variables(command[0], folder), **more}
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        _wait_for(port, server, log)
        yield server
    finally:
        _end(server)


def _wait_for(port, server, log):
    for _ in range(_READY_SECONDS * 10):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"it did not start: {log.read_text()[-300:]}")


def _end(server):
    children = []
    with contextlib.suppress(psutil.Error):
        children = psutil.Process(server.pid).children(recursive=True)
    server.terminate()
    try:
        server.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    for child in children:
        with contextlib.suppress(psutil.Error):
            child.kill()
