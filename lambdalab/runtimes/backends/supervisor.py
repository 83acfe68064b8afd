"""The sandboxes' parent: a small process that forks, confines and reaps, and outlives the region by a blink.

It is forked from the region's process at its very start, so it has one thread, little memory to copy and no
event loop: forking from it is quick and safe, which forking from an asyncio process is not. The two speak
over a SOCK_SEQPACKET pair, one JSON document a message; the write end of a sandbox's log pipe travels along, and
where it has a launcher for extensions, so do the launcher's end of its line and the extensions' log pipe.

- It is every sandbox's parent and a subreaper, so a process that daemonises comes back to it and is found.
- It reports the end of each child, and ends whole trees on request.
- When the region dies, `kill -9` included, the pair closes: it kills every sandbox and goes.
- Its children are what the kernel ends first when the machine's memory is full, before the region and the notebook.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import select
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lambdalab.runtimes.backends import kernel, processes
from lambdalab.runtimes.backends.command import FDS, MESSAGE, Command, become, wait_to_become, why_not

_FIRST_TO_GO = b"1000"
"""The highest of the kernel's scores (`oom_score_adj`): anybody may give himself a higher one than he has."""


class NotExecuted(OSError):
    """The kernel refused to execute the command's program; everything before that went well."""


@dataclass(frozen=True, slots=True)
class Child:
    """A started process. `exited` ends with the status as `os.waitpid` gives it."""

    pid: int
    exited: asyncio.Future[int]


class Supervisor:
    """The region's side. `fork` first thing, `attach` once the loop runs, `close` at the end."""

    def __init__(self, pair: socket.socket, pid: int) -> None:
        self._pair = pair
        self.pid = pid
        self._numbers = itertools.count()
        self._started: dict[int, asyncio.Future[int]] = {}
        self._children: dict[int, asyncio.Future[int]] = {}
        self._early: dict[int, int] = {}

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
        started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._started[number] = started
        self._send({"do": "spawn", "number": number, "preforked": preforked, "command": asdict(command)}, fds)
        pid = await started
        exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if pid in self._early:
            exited.set_result(self._early.pop(pid))
        else:
            self._children[pid] = exited
        return Child(pid, exited)

    def kill(self, pid: int, marker: str) -> None:
        """End the child, its descendants, and what it left behind (known by `marker` in its environment)."""
        with contextlib.suppress(OSError):
            self._send({"do": "kill", "pid": pid, "marker": marker})

    async def close(self) -> None:
        """End every sandbox and the supervisor itself."""
        asyncio.get_running_loop().remove_reader(self._pair)
        self._pair.close()
        await asyncio.to_thread(_wait_quietly, self.pid)

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
                return
            self._take(json.loads(data))

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
            started.set_result(message["pid"])


def _wait_quietly(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


class _ForkServer:
    """The supervisor's own side: everything here runs in the forked process."""

    def __init__(self, pair: socket.socket) -> None:
        self._pair = pair
        self._mine: set[int] = set()
        self._preforked: dict[int, tuple[int, socket.socket]] = {}
        kernel.become_subreaper()
        self._score, self._own_score = -1, b""
        with contextlib.suppress(OSError):
            # Opened while it may be: what hides from others has a /proc that is root's.
            fd = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
            self._score, self._own_score = fd, os.read(fd, 16)
        kernel.hide_from_others()
        kernel.name_process("lambdalab-sandboxes")
        # A session of its own: a signal for the region's group (Ctrl-C in a terminal) is not for the sandboxes.
        os.setsid()
        self._wake, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    def run(self) -> None:
        """Serve until the region goes, then end everything."""
        poll = select.poll()
        for fd in (self._pair.fileno(), self._wake):
            poll.register(fd, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self._wake:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._wake, 4096)
                    self._reap()
                elif not self._serve():
                    self._end_all()
                    return

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
            self._kill(message["pid"], message["marker"])
        return True

    def _say(self, **message: Any) -> None:
        with contextlib.suppress(OSError):
            self._pair.send(json.dumps(message).encode())

    def _spawn(self, number: int, command: Command, fds: Sequence[int], preforked: int | None) -> None:
        told, tell = os.pipe2(os.O_CLOEXEC)
        try:
            pid = self._fork(command, fds, tell) if preforked is None else self._use(preforked, command, fds, tell)
        except OSError as problem:
            os.write(tell, why_not(problem))
            pid = None
        for fd in (tell, *fds):
            os.close(fd)
        problem_text = os.read(told, 4096)  # empty once exec has closed it
        os.close(told)
        if pid is None or problem_text:
            code, executing, text = problem_text.decode(errors="replace").split(" ", 2)
            self._say(what="failed", number=number, errno=int(code), executing=bool(int(executing)), text=text)
            return
        self._mine.add(pid)
        self._say(what="started", number=number, pid=pid)

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
            socket.send_fds(line, [json.dumps(asdict(command)).encode()], [tell, *fds])
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
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self._mine:
                self._mine.discard(pid)
                self._say(what="exited", pid=pid, status=status)

    def _kill(self, pid: int, marker: str) -> None:
        tree = processes.tree(pid) if pid in self._mine else []
        # Stopped first: what is being killed must not go on forking faster than it dies.
        processes.signal_all(tree, signal.SIGSTOP)
        while True:
            orphans = [p for p in processes.children(os.getpid()) if p not in self._mine]
            strays = [p for p in orphans if processes.environment_has(p, marker)]
            found = {*tree, *(d for p in strays for d in processes.tree(p))}
            if pid in self._mine:
                found |= set(processes.tree(pid))
            processes.signal_all(found, signal.SIGKILL)
            if not strays and found <= set(tree):
                break
            tree = list(found)
            self._reap()

    def _end_all(self) -> None:
        while left := processes.tree(os.getpid())[1:]:
            processes.signal_all(left, signal.SIGKILL)
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return
