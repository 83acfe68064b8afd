"""The sandboxes' parent: a small process that forks, confines and reaps, and outlives the region by a blink.

It is forked from the region's process at its very start, so it has one thread, little memory to copy and no
event loop: forking from it is quick and safe, which forking from an asyncio process is not. The two speak
over a SOCK_SEQPACKET pair, one JSON document a message; the write end of a sandbox's log pipe travels along, and
where it has a launcher for extensions, so do the launcher's end of its line and the extensions' log pipe.

- It is every sandbox's parent. What daemonises stays below its sandbox's own first process; if that one is killed,
  it comes to the supervisor, a subreaper, and is ended.
- It answers at the sandboxes' gates (`gate.py`).
- It reports the end of each child, and ends whole trees on request.
- When the region dies, `kill -9` included, the pair closes: it kills every sandbox and goes.
- Its children are what the kernel ends first when the machine's memory is full, before the region and the notebook.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import json
import os
import resource
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdalab.runtimes.backends import kernel, processes
from lambdalab.runtimes.backends.command import FDS, GATE, MESSAGE, Command, become, wait_to_become, why_not
from lambdalab.runtimes.backends.gate import Gate

_FIRST_TO_GO = b"1000"
"""The highest of the kernel's scores (`oom_score_adj`): anybody may give himself a higher one than he has."""


class NotExecuted(OSError):
    """The kernel refused to execute the command's program; everything before that went well."""


@dataclass(frozen=True, slots=True)
class Child:
    """A started process. `exited` ends with the status as `os.waitpid` gives it; `gated`: its forks are counted."""

    pid: int
    exited: asyncio.Future[int]
    gated: bool = False


class Supervisor:
    """The region's side. `fork` first thing, `attach` once the loop runs, `close` at the end."""

    def __init__(self, pair: socket.socket, pid: int) -> None:
        self._pair = pair
        self.pid = pid
        self._numbers = itertools.count()
        self._started: dict[int, asyncio.Future[tuple[int, bool]]] = {}
        self._children: dict[int, asyncio.Future[int]] = {}
        self._early: dict[int, int] = {}
        self.on_end: Callable[[], None] = lambda: None
        """Called when the supervisor has ended, and with it the sandboxes: in order, or because somebody killed it."""

    @classmethod
    def fork(cls) -> Supervisor:
        """Fork the supervisor. The calling process must have one thread and no running event loop."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            ours.close()
            try:
                _ForkServer(theirs).run()
            finally:
                os._exit(0)
        theirs.close()
        for size in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            ours.setsockopt(socket.SOL_SOCKET, size, MESSAGE)
        return cls(ours, pid)

    async def attach(self) -> None:
        """Listen to the supervisor on the running loop."""
        self._pair.setblocking(False)
        asyncio.get_running_loop().add_reader(self._pair, self._heard)

    def prefork(self, cgroups: Sequence[str]) -> int:
        """Fork a process that joins the groups and waits to become a command; its number, for `spawn`.

        Joining a group takes the kernel ten milliseconds, which no cold start need wait for.
        """
        number = next(self._numbers)
        self._send({"do": "prefork", "number": number, "cgroups": list(cgroups)})
        return number

    async def spawn(self, command: Command, fds: Sequence[int], preforked: int | None = None) -> Child:
        """Start the command in a preforked process or a new one, with stdout and stderr on `fds[0]`.

        Two more make `fds[1]` its standard input and descriptor 3, and `fds[2]` its descriptor 4. Raises `OSError`
        when it cannot be started: `NotExecuted` where that is the program's fault, `BrokenPipeError` when the
        preforked process is no more.
        """
        number = next(self._numbers)
        started: asyncio.Future[tuple[int, bool]] = asyncio.get_running_loop().create_future()
        self._started[number] = started
        self._send({"do": "spawn", "number": number, "preforked": preforked, "command": command.members()}, fds)
        pid, gated = await started
        exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if pid in self._early:
            exited.set_result(self._early.pop(pid))
        else:
            self._children[pid] = exited
        return Child(pid, exited, gated)

    def kill(self, pid: int) -> None:
        """End the child, its descendants, and what came back from it to the supervisor."""
        with contextlib.suppress(OSError):
            self._send({"do": "kill", "pid": pid})

    async def close(self) -> None:
        """End every sandbox and the supervisor itself. No child's `exited` is open after that."""
        with contextlib.suppress(OSError):  # it has gone already
            self._pair.shutdown(socket.SHUT_WR)  # and not closed yet: it may still tell of some that end meanwhile
        await asyncio.to_thread(_wait_quietly, self.pid)
        with contextlib.suppress(OSError):
            self._heard()
        asyncio.get_running_loop().remove_reader(self._pair)
        self._pair.close()
        # Who waits for a child's end has files to remove and descriptors to close, and the loop may end after this.
        await asyncio.sleep(0)

    def _send(self, message: Mapping[str, Any], fds: Sequence[int] = ()) -> None:
        data = json.dumps(message).encode()
        if fds:
            socket.send_fds(self._pair, [data], fds)
        else:
            self._pair.send(data)

    def _heard(self) -> None:
        while True:
            try:
                data = self._pair.recv(MESSAGE)
            except BlockingIOError:
                return
            if not data:
                asyncio.get_running_loop().remove_reader(self._pair)
                self._ended()
                return
            self._take(json.loads(data))

    def _ended(self) -> None:
        """Nobody will tell of the children any more: it ends them, or they end with it, and no more can be started."""
        children, self._children = self._children, {}
        for exited in children.values():
            if not exited.done():
                exited.set_result(signal.SIGKILL)
        started, self._started = self._started, {}
        for waiting in started.values():
            if not waiting.done():
                waiting.set_exception(BrokenPipeError(errno.EPIPE, "the sandboxes' supervisor has ended"))
        self.on_end()

    def _take(self, message: Mapping[str, Any]) -> None:
        if message["what"] == "exited":
            exited = self._children.pop(message["pid"], None)
            if exited is None:
                self._early[message["pid"]] = message["status"]
            elif not exited.done():
                exited.set_result(message["status"])
            return
        started = self._started.pop(message["number"])
        if started.done():  # cancelled: the region stops, and nobody waits for it any more
            return
        if message["what"] == "failed":
            kind = NotExecuted if message["executing"] else OSError
            started.set_exception(kind(message["errno"], message["text"]))
        else:
            started.set_result((message["pid"], message["gated"]))


def _wait_quietly(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


class _ForkServer:
    """The supervisor's own side: everything here runs in the forked process."""

    def __init__(self, pair: socket.socket) -> None:
        self._pair = pair
        self._mine: set[int] = set()
        self._preforked: dict[int, tuple[int, socket.socket]] = {}
        self._poll = select.poll()
        self._gates: dict[int, Gate] = {}
        self._closed: dict[int, float] = {}
        """Gates where nobody is answered before a moment."""
        kernel.become_subreaper()
        self._score, self._own_score = -1, b""
        with contextlib.suppress(OSError):
            # Opened while it may be: what hides from others has a /proc that is root's.
            fd = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
            self._score, self._own_score = fd, os.read(fd, 16)
        kernel.hide_from_others()
        kernel.name_process("lambdalab-sandboxes")
        with contextlib.suppress(OSError, ValueError):  # it holds a descriptor for each gate
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        # A session of its own: a signal for the region's group (Ctrl-C in a terminal) is not for the sandboxes.
        os.setsid()
        self._wake, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    def run(self) -> None:
        """Serve until the region goes, then end everything."""
        for fd in (self._pair.fileno(), self._wake):
            self._poll.register(fd, select.POLLIN)
        while True:
            for fd, event in self._poll.poll(self._until_next()):
                if fd == self._wake:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._wake, 4096)
                    self._reap()
                elif fd in self._gates:
                    self._at_gate(fd, event)
                elif fd == self._pair.fileno() and not self._serve():
                    processes.end_all_below()
                    return

    def _at_gate(self, fd: int, event: int) -> None:
        if event & select.POLLIN:
            pause = self._gates[fd].answer()
            if pause:
                self._poll.unregister(fd)
                self._closed[fd] = time.monotonic() + pause
        else:  # nobody is left who could come
            self._poll.unregister(fd)
            del self._gates[fd]
            os.close(fd)

    def _until_next(self) -> float | None:
        """Open the gates whose time has come; milliseconds until the next one's, None while none is closed."""
        now = time.monotonic()
        for fd in [fd for fd, until in self._closed.items() if until <= now]:
            del self._closed[fd]
            self._poll.register(fd, select.POLLIN)
        return max(min(self._closed.values()) - now, 0.0) * 1000 + 1 if self._closed else None

    def _serve(self) -> bool:
        try:
            data, fds, _, _ = socket.recv_fds(self._pair, MESSAGE, FDS)
        except OSError:
            return False
        if not data:
            return False
        message = json.loads(data)
        what = message["do"]
        if what == "spawn":
            self._spawn(message["number"], Command(**message["command"]), fds, message["preforked"])
        elif what == "prefork":
            self._prefork(message["number"], message["cgroups"])
        else:
            self._kill(message["pid"])
        return True

    def _say(self, **message: Any) -> None:
        with contextlib.suppress(OSError):
            self._pair.send(json.dumps(message).encode())

    def _spawn(self, number: int, command: Command, fds: Sequence[int], preforked: int | None) -> None:
        told, telling = socket.socketpair()
        tell = telling.fileno()
        try:
            pid = self._fork(command, fds, tell) if preforked is None else self._use(preforked, command, fds, tell)
        except OSError as problem:
            os.write(tell, why_not(problem))
            pid = None
        telling.close()
        for fd in fds:
            os.close(fd)
        with told:
            text, gate = _hear(told)
        if gate >= 0 and pid is not None:
            self._gates[gate] = Gate(gate, pid, command.processes)
            self._poll.register(gate, select.POLLIN)
        if pid is None or text:
            code, executing, text = text.split(" ", 2)
            self._say(what="failed", number=number, errno=int(code), executing=bool(int(executing)), text=text)
            return
        self._mine.add(pid)
        self._say(what="started", number=number, pid=pid, gated=gate >= 0)

    def _forked(self) -> int:
        """Fork, as `os.fork` does, a child that is the first to go where memory is short.

        It inherits that: once it hides from others, as its parent does, it could not say so itself.
        """
        self._set_score(_FIRST_TO_GO)
        pid = -1
        try:
            pid = os.fork()
        finally:
            if pid != 0:
                self._set_score(self._own_score)
        return pid

    def _set_score(self, score: bytes) -> None:
        if self._score >= 0:
            with contextlib.suppress(OSError):
                os.pwrite(self._score, score, 0)

    def _fork(self, command: Command, fds: Sequence[int], tell: int) -> int:
        pid = self._forked()
        if pid == 0:
            become(command, fds, tell)
        return pid

    def _use(self, preforked: int, command: Command, fds: Sequence[int], tell: int) -> int:
        pid, line = self._preforked.pop(preforked)
        with line:
            socket.send_fds(line, [json.dumps(command.members()).encode()], [tell, *fds])
        return pid

    def _prefork(self, number: int, cgroups: Sequence[str]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = self._forked()
        if pid == 0:
            # What this copy keeps open would not end when the supervisor does.
            for line in (ours, self._pair, *(line for _, line in self._preforked.values())):
                line.close()
            wait_to_become(theirs, cgroups)
        theirs.close()
        for size in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            ours.setsockopt(socket.SOL_SOCKET, size, MESSAGE)
        self._preforked[number] = (pid, ours)

    def _reap(self) -> None:
        strangers = False
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid in self._mine:
                    self._mine.discard(pid)
                    self._say(what="exited", pid=pid, status=status)
                strangers = True
        if strangers:
            self._end_strays()

    def _kill(self, pid: int) -> None:
        if pid in self._mine:
            found: set[int] = {pid}
            while new := set(processes.tree(pid)) - found:
                # Stopped first: what is being killed must not go on forking faster than it dies.
                processes.signal_all(new, signal.SIGSTOP)
                found |= new
            processes.signal_all(found - {pid}, signal.SIGKILL)
            os.kill(pid, signal.SIGKILL)  # last: up to here what they leave behind stays below it
        self._end_strays()

    def _end_strays(self) -> None:
        """End what came back to this process: its sandbox's first process was killed, and could not."""
        known = self._mine | {pid for pid, _ in self._preforked.values()}
        for stray in set(processes.children(os.getpid())) - known:
            processes.signal_all(processes.tree(stray), signal.SIGKILL)


def _hear(told: socket.socket) -> tuple[str, int]:
    """What a forked process says until it has become its command: its problem, if it has one, and its gate."""
    text, gate = b"", -1
    while True:
        data, fds, _, _ = socket.recv_fds(told, 4096, 1)
        if not data:  # exec has closed the other end
            return text.decode(errors="replace"), gate
        if fds:
            (gate,), data = fds, data.removeprefix(GATE)
        text += data
