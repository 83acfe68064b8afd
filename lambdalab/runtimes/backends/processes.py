"""Looking at processes through /proc: trees, memory, processor time, sockets. All of it tolerates their end."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Iterator

PAGE = os.sysconf("SC_PAGE_SIZE")
_PIECE = 1 << 16
MOST = 4096
"""Members of a tree that are looked for: more than four times what a sandbox may have."""


def children(pid: int) -> list[int]:
    """The children of all threads of `pid`; empty once it is gone."""
    found: list[int] = []
    try:
        # One thread, as most have, is known without a look into the directory: half of the time.
        for thread in (pid,) if thread_count(pid) == 1 else threads(pid):
            found.extend(map(int, _read(f"/proc/{pid}/task/{thread}/children").split()))
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def tree(pid: int, most: int = MOST) -> list[int]:
    """`pid` and its descendants, parents first: all of them, or about `most`, for they may come faster than we look."""
    found = [pid]
    for member in found:
        found.extend(children(member))
        if len(found) >= most:
            break
    return found


def end_all_below() -> None:
    """End every descendant of this process, and wait until they are gone."""
    while left := tree(os.getpid())[1:]:
        signal_all(left, signal.SIGSTOP)  # what is being ended must not go on forking faster than it dies
        signal_all(left, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def signal_all(pids: Iterable[int], number: int) -> None:
    """Send the signal to each that is still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def resident_bytes(pid: int) -> int:
    """The memory it holds now; 0 once it is gone."""
    try:
        return int(_read(f"/proc/{pid}/statm").split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def shared_out_bytes(pid: int) -> int:
    """The memory it holds now, of what it shares its share (Pss); all of it where the kernel does not tell."""
    try:
        text = _read(f"/proc/{pid}/smaps_rollup")
        at = text.index(b"\nPss:") + 5
        return int(text[at : text.index(b"kB", at)]) * 1024
    except (OSError, ValueError):
        return resident_bytes(pid)


def shared_memory_bytes(pid: int) -> int:
    """Of the memory in files that it maps its share (Pss_Shmem); 0 where the kernel does not tell."""
    try:
        return _kilobytes(_read(f"/proc/{pid}/smaps_rollup"), b"Pss_Shmem:") * 1024
    except (OSError, ValueError):
        return 0


def peak_kilobytes(status: bytes) -> int:
    """VmHWM of the text of /proc/PID/status: the most memory it ever held; 0 when it is a zombie."""
    return _kilobytes(status, b"VmHWM:")


def held_kilobytes(status: bytes) -> int:
    """VmRSS of the text of /proc/PID/status: the memory it holds now; 0 when it is a zombie."""
    return _kilobytes(status, b"VmRSS:")


def _kilobytes(status: bytes, name: bytes) -> int:
    at = status.find(name)
    return int(status[at + len(name) : status.index(b"kB", at)]) if at >= 0 else 0


def processor_seconds(pid: int) -> float:
    """Processor time of all its threads so far."""
    total = 0
    try:
        for thread in (pid,) if thread_count(pid) == 1 else threads(pid):
            total += int(_read(f"/proc/{pid}/task/{thread}/schedstat").split()[0])
    except (OSError, IndexError):
        pass
    return total / 1e9


def thread_count(pid: int) -> int:
    """How many threads it has; 0 once it is gone."""
    try:
        return os.stat(f"/proc/{pid}/task").st_nlink - 2  # noqa: PTH116 - each of them is a directory there
    except OSError:
        return 0


def threads(pid: int) -> list[int]:
    """The numbers of its threads; empty once it is gone."""
    try:
        return list(map(int, os.listdir(f"/proc/{pid}/task")))  # noqa: PTH208 - hot: Path objects cost more than the call
    except OSError:
        return []


def open_files(pid: int) -> Iterator[tuple[str, str]]:
    """Its descriptors' places in /proc, each with what is open there; nothing where it may not be looked at."""
    try:
        numbers = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208
    except OSError:
        return
    for number in numbers:
        place = f"/proc/{pid}/fd/{number}"
        with contextlib.suppress(OSError):
            yield place, os.readlink(place)  # noqa: PTH115 - many a call, each once in a path


def has_socket(pid: int, inode: int) -> bool:
    """Whether one of its descriptors is the socket with this inode."""
    wanted = f"socket:[{inode}]"
    return any(name == wanted for _, name in open_files(pid))


def _read(path: str) -> bytes:
    """A file of /proc, whole. Hot: Python's file object asks the kernel more than the reading takes, for nothing."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(fd, _PIECE)
        while piece := os.read(fd, _PIECE):
            data += piece
    finally:
        os.close(fd)
    return data
