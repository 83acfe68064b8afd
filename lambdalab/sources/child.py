"""The process that serves the rest of AWS (MiniStack): started when first needed, watched, started again.

It listens on a Unix socket in a directory of the region's own, and on nothing else: whoever wants its services
comes through the gateway, which checks signatures. Its state is written to the home when it ends in order; what
changed since then is lost when it is killed. Reference: `aws-child.md`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lambdalab import extras
from lambdalab.clock import Clock
from lambdalab.config import Settings
from lambdalab.errors import NotOffered, ServiceFailure
from lambdalab.sources import child_http

READY_SECONDS = 30.0
ENDING_SECONDS = 10.0
_SOCKET_PATH = 100
"""Bytes that a Unix socket's path may have (108 on Linux, less what is appended)."""


def installed() -> bool:
    """Whether the extra `aws` is there."""
    return importlib.util.find_spec("ministack") is not None


class Child:
    """One child of one region. `access` are the credentials that it calls functions with."""

    def __init__(self, settings: Settings, clock: Clock, endpoint: str, access: Mapping[str, str]) -> None:
        self._settings = settings
        self._clock = clock
        self._endpoint = endpoint
        self._access = access
        self._process: asyncio.subprocess.Process | None = None
        self._starting: asyncio.Task[Path] | None = None
        self._directory: Path | None = None
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """The running child's process; None when there is none."""
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if alive and self._process is not None else None

    @property
    def may_know(self) -> bool:
        """Whether it can have anything at all: it runs, or has run for this home. Asking it need not be in vain."""
        return installed() and (self.pid is not None or (self.home / "state").exists())

    @property
    def home(self) -> Path:
        """Where its state is kept between two runs of the region."""
        return self._settings.home / "aws"

    async def request(
        self, service: str, method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> child_http.Answer:
        """The child's answer, started if need be; once again when it died before it answered anything.

        Raises `NotOffered` without the extra, `ServiceFailure` when the child does not start or answer.
        """
        for attempt in (1, 2):
            path = await self._ready(service)
            try:
                return await child_http.exchange(path, method, target, headers, body)
            except (ConnectionError, FileNotFoundError, EOFError) as gone:
                safe = isinstance(gone, ConnectionRefusedError | FileNotFoundError) or method in {"GET", "HEAD"}
                if attempt == 2 or not safe:
                    raise ServiceFailure(
                        f"The process that serves {service} ended while it answered; see {self._log_file}."
                    ) from gone
                await self._gone()
        raise AssertionError("unreachable")

    async def _ready(self, service: str) -> Path:
        """The socket of the running child. Whoever comes while it starts waits for the same start."""
        if not installed():
            raise NotOffered(
                f"The service '{service}' needs LambdaLab's extra 'aws', which is not installed. "
                f"Install it with: {extras.how_to_install('aws')} and start the region again (lambdalab stop)."
            )
        if self._starting is None or (self._starting.done() and self.pid is None):
            self._starting = asyncio.get_running_loop().create_task(self._start())
        return await asyncio.shield(self._starting)

    async def _start(self) -> Path:
        await self._gone()
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        socket = self._socket()
        socket.unlink(missing_ok=True)
        with self._log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "lambdalab.sources.child_main", str(socket),
                cwd=self.home, env=self._environment(), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self.starts += 1
        began = self._clock.monotonic()
        while self._clock.monotonic() - began < READY_SECONDS and self._process.returncode is None:
            with contextlib.suppress(OSError, EOFError):
                await child_http.exchange(socket, "GET", b"/_ministack/health", [], b"")
                return socket
            await asyncio.sleep(0.02)
        await self.close()
        raise ServiceFailure(f"The process that serves the rest of AWS did not start; see {self._log_file}.")

    async def _gone(self) -> None:
        """Reap a child that ended, or end one that answers no more."""
        if self._process is not None:
            await self.close()

    async def close(self) -> None:
        """End the child in order, so that it writes its state; kill it when it takes too long."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), ENDING_SECONDS)
                except TimeoutError:
                    process.kill()
                    await process.wait()
        if self._directory is not None and process is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    @property
    def _log_file(self) -> Path:
        return self._settings.home / "aws-child.log"

    def _socket(self) -> Path:
        """In the home, or where that path is too long for a socket in a directory of its own."""
        path = self.home / "child.sock"
        if len(os.fsencode(path)) <= _SOCKET_PATH:
            return path
        self._directory = Path(tempfile.mkdtemp(prefix="lambdalab-"))
        return self._directory / "child.sock"

    def _environment(self) -> dict[str, str]:
        """All that the child is told: nothing of the person's environment but the search path."""
        home, port = self.home, self._endpoint.rpartition(":")[2]
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "HOME": str(home),
            "TMPDIR": tempfile.gettempdir(),
            "PERSIST_STATE": "1",
            "STATE_DIR": str(home / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(home / "s3"),
            "GATEWAY_PORT": port,
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_ACCOUNT_ID": self._settings.account,
            "MINISTACK_REGION": self._settings.region,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": f"unix://{home}/no-docker.sock",  # the person's containers are none of its business
            "LOG_LEVEL": "WARNING",
            "AWS_DEFAULT_REGION": self._settings.region,
            **self._access,
            "AWS_ENDPOINT_URL": self._endpoint,
        }
