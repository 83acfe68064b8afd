"""A command, and how a forked process becomes it: confined first, with the descriptors that it is given by number."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import resource
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from lambdalab.runtimes.backends import holder, kernel, landlock, seccomp

MESSAGE = 1 << 20
"""Bytes of a message between the region, the supervisor and who waits, at most."""
FDS = 5
"""Descriptors with a message at most: three of the sandbox's, and one to tell a problem by."""
GATE = b"gate"
"""What comes with the gate's descriptor, before any problem."""
_ABOVE = 10
"""Descriptors from here on are out of the way of those that a command is given by number."""
WORDS_FD = 5
"""Where a command reads its `words`."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to start and how to confine it.

    `limits` are (resource, soft and hard value) pairs of `setrlimit`; `readable` and `writable` are Landlock's
    path rules, None for no Landlock; `cgroups` are `cgroup.procs` files to join. `plain` gives up the
    capabilities that root has; `filtered` leaves it no system call that is for other processes. `words` are for
    the command to read from the descriptor `WORDS_FD`, each ended by a NUL: no list of processes shows them. `held`
    puts a holder above it; `processes` is how many processes and threads may live below that, 0 where something else
    counts them.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    directory: str = "/"
    limits: Sequence[tuple[int, int]] = ()
    readable: Sequence[str] | None = None
    writable: Sequence[str] = ()
    cgroups: Sequence[str] = ()
    plain: bool = False
    filtered: bool = False
    words: Sequence[str] = ()
    held: bool = False
    processes: int = 0

    def members(self) -> dict[str, Any]:
        """What it is made of, for a message. Not copied, as `asdict` would: a cold start waits for this twice."""
        return {name: getattr(self, name) for name in _MEMBERS}


_MEMBERS = tuple(field.name for field in fields(Command))


def become(command: Command, fds: Sequence[int], tell: int) -> None:
    """In the forked child: confine this process and become the command. Never returns."""
    executing = False
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        for path in command.cgroups:
            _join(path)
        if command.held:
            holder.hold()
        os.setsid()
        kernel.let_others_finish()
        tell = _give(fds, tell)
        if command.words:
            tell = _give_words(command.words, tell)
        kernel.no_new_privileges()
        if command.plain:
            kernel.drop_capabilities()
        if command.readable is not None:
            landlock.confine(command.readable, command.writable)
        if command.filtered:
            gate = seccomp.confine(gated=command.processes > 0)
            if gate >= 0:
                with socket.socket(fileno=os.dup(tell)) as line:
                    socket.send_fds(line, [GATE], [gate])
        # Only now: what this copy has open until it becomes the command may be more than the command may open.
        for kind, wanted in command.limits:
            hard = resource.getrlimit(kind)[1]
            value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(kind, (value, value))
        os.chdir(command.directory)
        executing = True
        os.execve(command.argv[0], list(command.argv), dict(command.environment))  # noqa: S606 - no shell is meant
    except OSError as problem:
        os.write(tell, why_not(problem, executing=executing))
    finally:
        os._exit(127)


def why_not(problem: OSError, *, executing: bool = False) -> bytes:
    """What a child tells of why it did not become the command."""
    return f"{problem.errno or errno.EINVAL} {executing:d} {problem}".encode()


def _give(fds: Sequence[int], tell: int) -> int:
    """Put the descriptors where the command expects them; returns where `tell` is then."""
    null = os.open(os.devnull, os.O_RDONLY)
    if len(fds) == 1:
        places = [(null, 0), (fds[0], 1), (fds[0], 2)]
    else:
        log, line, extensions = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for fd in fds)
        tell = fcntl.fcntl(tell, fcntl.F_DUPFD_CLOEXEC, _ABOVE)
        places = [(line, 0), (log, 1), (log, 2), (line, 3), (extensions, 4)]
    for source, target in places:
        os.dup2(source, target)
    return tell


def _give_words(words: Sequence[str], tell: int) -> int:
    """Have them wait at `WORDS_FD`; returns where `tell` is then.

    Raises `ValueError` for a word that would be more than one, as `os.execve` does.
    """
    if any("\0" in word for word in words):
        raise ValueError("embedded null byte")
    # Not a pipe: who has very many of them gets pipes of a page, and nobody reads before all of it is written.
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        ours.sendall(b"".join(os.fsencode(word) + b"\0" for word in words))
        tell, kept = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for fd in (tell, theirs.fileno()))
    os.dup2(kept, WORDS_FD)
    return tell


def wait_to_become(line: socket.socket, cgroups: Sequence[str]) -> None:
    """In a preforked child: join the groups, wait for the command, become it. Never returns."""
    signal.set_wakeup_fd(-1)
    problem: OSError | None = None
    try:
        for path in cgroups:
            _join(path)
    except OSError as refused:
        problem = refused
    try:
        data, fds, _, _ = socket.recv_fds(line, MESSAGE, FDS)
        if not data:
            os._exit(0)
        tell, *given = fds
        os.set_inheritable(tell, False)
        if problem is not None:
            os.write(tell, why_not(problem))
            os._exit(127)
        become(Command(**json.loads(data)), given, tell)
    finally:
        os._exit(127)


def _join(procs_file: str) -> None:
    fd = os.open(procs_file, os.O_WRONLY)
    os.write(fd, b"0")
    os.close(fd)
