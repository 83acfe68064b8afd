"""What the engine asks of a backend: start a sandbox for an execution environment, freeze it, measure it, end it.

A backend knows processes and isolation. It knows nothing of functions' names, invocations or AWS's API:
those are the engine's. The Runtime API's listening socket is the engine's too; the backend says where it must
listen, and tells the process where it is.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lambdalab.model.image import Image
from lambdalab.model.invocation import Fidelity

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Place:
    """Where environments will run: the backend's name, and how their processes reach the Runtime API.

    `listen` is the address of this machine that the API listens on; `call` is the host that the processes call.
    `gets_ready`: it is worth while to have the next sandbox ready before it is needed (`Backend.get_ready`).
    """

    backend: str
    listen: str = LOOPBACK
    call: str = LOOPBACK
    gets_ready: bool = False


class Kept(ABC):
    """What an ended sandbox left for the next one of its environment: its /tmp."""

    @abstractmethod
    def release(self) -> None:
        """Nobody needs it any more. Harmless when done twice, and once it has been given to a sandbox."""


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """All that a backend needs to start one execution environment.

    `code` is the unpacked package (read-only, shown at /var/task); `layers` are unpacked layers in order (later
    wins, shown at /opt). `environment` holds AWS's variables and the function's own; the backend adds those that
    say where things are (PATH, LANG and the runtime's), which the function's own may replace. Sizes in MB (MiB).
    An image function has an `image`; runtime and handler are empty then, code and layers are not looked at.
    `backend` is the name of the place that `prepare` chose; `kept` is what an earlier sandbox of the environment
    left, and the backend's from then on. `architecture` is the one that the function is configured for.
    """

    id: str
    runtime: str
    handler: str
    code: Path
    layers: tuple[Path, ...]
    environment: Mapping[str, str]
    runtime_api: str
    memory_mb: int
    ephemeral_mb: int
    image: Image | None = None
    backend: str = ""
    kept: Kept | None = None
    architecture: str = "x86_64"


@dataclass(frozen=True, slots=True)
class Exit:
    """How a sandbox ended. `status` is the exit status, or None when a signal or the lab ended it.

    `reason`: "exited" by itself; "signal" killed by the signal `signal`; "out_of_memory" killed for passing
    its memory size; "too_many_processes", "tmp_full" killed by the watch, for passing `limit` (processes and threads,
    MB); "stopped" ended by `stop`. `refused` are AWS's words for why its program was never executed, where that is
    known only by then.
    """

    reason: Literal["exited", "signal", "out_of_memory", "too_many_processes", "tmp_full", "stopped"]
    status: int | None = None
    signal: int | None = None
    refused: str | None = None
    limit: int = 0

    @property
    def passed(self) -> str:
        """Which limit it was ended for that AWS has no words for, as there nothing ends for it; empty for others."""
        if self.reason == "tmp_full":
            return f"/tmp holds more than its {self.limit} MB"  # noqa: S108
        return f"more than {self.limit:,} processes and threads" if self.reason == "too_many_processes" else ""


class CannotStart(Exception):
    """The function's package has nothing to start: `error_type` and the message as AWS gives them."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


class Sandbox(ABC):
    """The running processes of one execution environment.

    Frozen or running; ended once `exited` is done. All calls are made from the event loop's thread and
    return at once; all are safe after the end.

    A function may bring external extensions: programs beside the runtime, which start before it. A sandbox that
    started some names them in `extensions`; its runtime waits for `start_runtime`, and from then on the sandbox
    outlives the runtime, whose end is told by `on_program_end` as each extension's is. Without extensions the
    runtime starts at once, and its end is the sandbox's.
    """

    exited: asyncio.Future[Exit]
    fidelity: Fidelity
    paths: tuple[tuple[bytes, bytes], ...] = ()
    """Where paths cannot be mapped: the real ones that its processes see, each with AWS's in its place."""
    extensions: tuple[str, ...] = ()
    """The external extensions that were started, by the names of their files."""
    on_program_end: Callable[[str | None, Exit], None] | None = None
    """The engine's: called with an extension's name, or None for the runtime, when it ended by itself or by a
    signal. Set before the loop turns after `Backend.start`."""
    local_address: str = "127.0.0.1"
    """Where the region reaches what listens in the sandbox at sandbox.localdomain; empty where it does not."""

    @property
    @abstractmethod
    def log_fd(self) -> int:
        """The read end of the pipe that stdout and stderr go to, non-blocking. The engine reads and closes it."""

    @property
    def extensions_log_fd(self) -> int:
        """The same for the extensions' output; -1 without extensions."""
        return -1

    @abstractmethod
    def owns_connection(self, peer: tuple[str, int], local: tuple[str, int]) -> bool:
        """Whether the TCP connection on the Runtime API's port comes from a process of this sandbox.

        Called once for each accepted connection, before a byte of it is answered.
        """

    def flush_log(self, done: Callable[[], None]) -> None:
        """Call `done` once what its processes wrote up to now can be read from `log_fd`; also when it ends first.

        At once where they write into that pipe themselves, as here.
        """
        done()

    @abstractmethod
    def begin_invocation(self) -> None:
        """Thaw, and enforce the CPU share from now on. Called before an event is handed out."""

    @abstractmethod
    def end_invocation(self) -> None:
        """The invocation is over: stop watching memory closely. The sandbox stays thawed until `freeze`."""

    @abstractmethod
    def freeze(self) -> None:
        """Stop every process until `begin_invocation`. Called some milliseconds after the runtime polled again."""

    @abstractmethod
    def max_memory_mb(self) -> int:
        """The most memory its processes held since the start, measured, in whole MB rounded up; 0 once unknown."""

    def held_mb(self) -> int:
        """What its processes held when they were last looked at; the most that they ever held where nobody looks.

        Asked on the path of every warm call: it must cost nothing.
        """
        return self.max_memory_mb()

    def start_runtime(self) -> None:  # noqa: B027 - a backend without extensions has nothing to do
        """Start the runtime: called once, when all of `extensions` have registered, and only where there are any."""

    def terminate_runtime(self) -> None:  # noqa: B027 - a backend without extensions has nothing to do
        """Send the runtime SIGTERM: it has a moment to end by itself. Only where an extension is registered."""

    def kill_runtime(self) -> None:  # noqa: B027 - a backend without extensions has nothing to do
        """Send it SIGKILL; the extensions live on."""

    def keep(self) -> Kept | None:
        """What is to be there again in the next sandbox of the environment; None where nothing can be kept.

        Called once at most, before `stop`, which then leaves it alone.
        """
        return None

    @abstractmethod
    def stop(self) -> None:
        """End all its processes now (SIGKILL) and remove what it had on disk, off the caller's path.

        Called for every sandbox, also for those that ended by themselves.
        """


class Ready(ABC):
    """A sandbox that lacks nothing but the runtime's process. One of `begin` and `discard` is called, once."""

    @abstractmethod
    async def begin(self) -> Sandbox:
        """Start the runtime's process, as `Backend.start` does, and raise what that raises."""

    @abstractmethod
    def discard(self) -> None:
        """Nobody needs it."""


class Backend(ABC):
    """Starts sandboxes of one isolation level. `fidelity` says what it enforces on this machine."""

    name: str
    fidelity: Fidelity

    @abstractmethod
    async def prepare(self, runtime: str, image: Image | None = None) -> Place:
        """Make ready what all sandboxes of a runtime share (its interpreter found, its client compiled).

        No part of any function's init. Raises `RuntimeUnavailable` when the interpreter, or the image, is missing.
        """

    async def stage(self, place: Place, code: Path, layers: Sequence[Path]) -> None:  # noqa: B027 - where it lies will do
        """Have a package and its layers where the sandboxes of a place will see them, ahead of the first one.

        Raises as `prepare` does.
        """

    @abstractmethod
    async def start(self, spec: SandboxSpec) -> Sandbox:
        """Start the runtime's process; return as soon as it is running, before its init is over.

        Raises `RuntimeUnavailable` when the interpreter is missing, `CannotStart` when the package has no program
        or a layer an extension that cannot start, `OSError` when the process cannot start.
        """

    async def get_ready(self, spec: SandboxSpec) -> Ready | None:  # noqa: ARG002
        """Do of `start` all that comes before the runtime's process. None where that is nothing, or cannot be done.

        Nothing of the function runs before `begin`. Raises what `start` raises.
        """
        return None

    @abstractmethod
    async def close(self) -> None:
        """End all sandboxes and helpers. Called once, at the region's end."""
