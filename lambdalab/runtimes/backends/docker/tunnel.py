"""The way to an engine on another machine by the ssh client: one connection of it, which carries all of the SDK's.

The SDK itself would start a client for every connection, needs one more package for that, and gives no socket from
which a container's output could be read. Here the client forwards a socket of this machine, in a directory that is
closed to others, to the engine's: for the SDK the engine is behind a socket as one of this machine is. The far side
needs an ssh server, and neither the docker command nor Python.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from lambdalab.errors import EngineUnavailable

SCHEME = "ssh://"
ENGINE = "/var/run/docker.sock"
"""Where the engine's socket is on the far side, unless the URL has a path: Podman's is at another."""
_PREFIX = "lambdalab-ssh-"
_READY = b"lambdalab-ready"
_CONNECT_SECONDS = 10
_READY_SECONDS = 20
_END_SECONDS = 2
_OPTIONS = (
    "BatchMode=yes",  # nobody is there to answer a question
    "ExitOnForwardFailure=yes",
    f"ConnectTimeout={_CONNECT_SECONDS}",
    "ServerAliveInterval=15",
    "ControlMaster=no", "ControlPath=none",  # what an older connection forwards would outlive this one
    "StreamLocalBindMask=0177",
)  # fmt: skip


class Tunnel:
    """A forwarded socket, `path`, for a URL such as ssh://user@host:22 or ssh://user@host/run/podman/podman.sock.

    Raises `EngineUnavailable`, with the client's own words. `close` it at the end; it also ends with this process.
    """

    def __init__(self, url: str) -> None:
        self._far = _parsed(url)
        _remove_left()
        self._directory = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        self._log = self._directory / "log"
        self._lock = threading.Lock()
        self._closed = False
        self.path = self._directory / "engine.sock"
        try:
            self._client = self._start()
        except BaseException:
            shutil.rmtree(self._directory, ignore_errors=True)
            raise

    def keep(self) -> None:
        """Start the client again if it has ended, as with the network. Blocks. Raises `EngineUnavailable`."""
        with self._lock:
            if not self._closed and self._client.poll() is not None:
                self._client = self._start()

    @property
    def said(self) -> str:
        """The client's last complaint, empty when it has none: why the engine's socket cannot be reached, say."""
        with contextlib.suppress(OSError):
            lines = [line.strip() for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
            return lines[-1] if lines else ""
        return ""

    def close(self) -> None:
        """End the client. Harmless when done twice."""
        with self._lock:
            self._closed = True
            _end(self._client)
            shutil.rmtree(self._directory, ignore_errors=True)

    def _start(self) -> subprocess.Popen[bytes]:
        self.path.unlink(missing_ok=True)
        try:
            with self._log.open("wb") as log:
                client = subprocess.Popen(
                    self._command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True
                )
        except FileNotFoundError as missing:
            raise EngineUnavailable("there is no ssh client: `apt install openssh-client` brings it") from missing
        if not _says_ready(client):
            _end(client)
            raise EngineUnavailable(self.said or f"ssh has not connected within {_READY_SECONDS} s")
        return client

    def _command(self) -> list[str]:
        far = self._far
        return [
            "ssh", "-T",
            *(word for option in _OPTIONS for word in ("-o", option)),
            "-L", f"{self.path}:{far.path if far.path not in {'', '/'} else ENGINE}",
            *(("-l", far.username) if far.username else ()),
            *(("-p", str(far.port)) if far.port else ()),
            "--", far.hostname or "",
            # Once it says this all is forwarded; it ends with its input, which is this process's.
            f"echo {_READY.decode()}; exec cat",
        ]  # fmt: skip


def _remove_left() -> None:
    """Remove the directories of this user's processes that were killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        owner = path.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            if owner.isdecimal() and path.stat().st_uid == os.geteuid() and not _runs(int(owner)):
                shutil.rmtree(path)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _parsed(url: str) -> SplitResult:
    try:
        far = urlsplit(url)
        port = far.port
    except ValueError as wrong:
        raise EngineUnavailable(f"{url!r} is no address: {wrong}") from wrong
    if not far.hostname or far.password is not None or port == 0:
        raise EngineUnavailable("it takes ssh://USER@HOST:PORT, without a password, and a path if need be")
    return far


def _says_ready(client: subprocess.Popen[bytes]) -> bool:
    """Whether the far side's shell runs, some lines of its own aside: then the socket is forwarded."""
    assert client.stdout is not None, "it was started with a pipe"
    said, until = b"", time.monotonic() + _READY_SECONDS
    waiting = select.poll()  # a region with many environments has more descriptors than select() knows
    waiting.register(client.stdout, select.POLLIN)
    while (left := until - time.monotonic()) > 0:
        if not waiting.poll(left * 1000):
            return False
        piece = os.read(client.stdout.fileno(), 4096)
        said += piece
        if _READY in said:
            return True
        if not piece:
            return False
    return False


def _end(client: subprocess.Popen[bytes]) -> None:
    for pipe in (client.stdin, client.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    client.terminate()
    try:
        client.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        client.kill()
        client.wait()
