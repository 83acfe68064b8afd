"""A filter of system calls: a function may not limit, slow down or look into other processes of the same user.

Without a process namespace the kernel lets one process of a person change another's limits, priority and
processors. The calls that do so are allowed for the caller itself (0, or the process that the filter was made
in) and refused with EPERM for everybody else; those that only ever concern others are refused altogether.
A thread told by its own number is not known for the caller's, and refused, too.

References: the kernel's `Documentation/userspace-api/seccomp_filter.rst`; the numbers are those of
`asm/unistd_64.h` (x86_64) and `asm-generic/unistd.h` (aarch64).
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lambdalab.runtimes.backends.kernel import LINUX, libc

_PR_SET_SECCOMP, _FILTER = 22, 2
_SET_FILTER, _IS_AVAILABLE = 1, 2
_SPEC_ALLOW, _NEW_LISTENER = 4, 8
"""SPEC_ALLOW: what runs here is the person's own code; older kernels would slow it down to keep it from itself."""
_ALLOW, _ERRNO, _ASK = 0x7FFF0000, 0x00050000, 0x7FC00000
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_X32 = 0x40000000
_PRIO_PROCESS, _IOPRIO_PROCESS = 0, 1

_OTHERS_ONLY = (
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "pidfd_getfd", "kcmp",
    "migrate_pages", "move_pages", "perf_event_open",
)  # fmt: skip
_BY_PROCESS = ("prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr")
"""Calls whose first argument is the process they are for."""
_BY_KIND = {"setpriority": _PRIO_PROCESS, "ioprio_set": _IOPRIO_PROCESS}
"""Calls whose first argument says what the second one is: only a process may be meant, no group and no user."""


@dataclass(frozen=True, slots=True)
class _Machine:
    audit: int
    seccomp: int
    calls: Mapping[str, int]


_STARTING = ("clone", "fork", "vfork")
"""Calls that start a process or a thread. "clone3" does too, with flags that a filter cannot see: libraries do
without it where it is unknown, as in Docker's own filter."""
_SAME = {"clone3": 435, "pidfd_getfd": 438, "process_madvise": 440, "process_mrelease": 448}
_MACHINES = {
    "x86_64": _Machine(
        0xC000003E,
        317,
        {
            "clone": 56, "fork": 57, "vfork": 58, "ptrace": 101,
            "setpriority": 141, "sched_setparam": 142, "sched_setscheduler": 144,
            "sched_setaffinity": 203, "ioprio_set": 251, "migrate_pages": 256, "move_pages": 279,
            "perf_event_open": 298, "prlimit64": 302, "process_vm_readv": 310, "process_vm_writev": 311,
            "kcmp": 312, "sched_setattr": 314, **_SAME,
        },
    ),
    "aarch64": _Machine(
        0xC00000B7,
        277,
        {
            "clone": 220, "ioprio_set": 30, "ptrace": 117, "sched_setparam": 118, "sched_setscheduler": 119,
            "sched_setaffinity": 122, "setpriority": 140, "migrate_pages": 238, "move_pages": 239,
            "perf_event_open": 241, "prlimit64": 261, "process_vm_readv": 270, "process_vm_writev": 271,
            "kcmp": 272, "sched_setattr": 274, **_SAME,
        },
    ),
}  # fmt: skip


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction))]


def available() -> bool:
    """Whether this machine's kernel takes filters, and its calls are known here."""
    if not LINUX or os.uname().machine not in _MACHINES:
        return False
    # A kernel that filters looks for the program, which is nowhere; one that does not says that it does not.
    libc.prctl(_PR_SET_SECCOMP, _FILTER, None, 0, 0)
    return ctypes.get_errno() == errno.EFAULT


def gates() -> bool:
    """Whether the kernel can have a call wait until another process answers for it."""
    if not available():
        return False
    call = _MACHINES[os.uname().machine].seccomp
    return bool(libc.syscall(call, _IS_AVAILABLE, 0, ctypes.byref(ctypes.c_uint32(_ASK))) == 0)


def confine(*, gated: bool = False) -> int:
    """Filter the calls of this process and of all that come from it. Needs no_new_privs. Raises `OSError`.

    `gated`: whoever starts a process or a thread waits until it is answered for at the descriptor that is returned
    (`gate.py`); -1 where the kernel does not do it, or whoever runs this container has such a descriptor already.
    """
    if gated:
        listener = _set_filter(_SPEC_ALLOW | _NEW_LISTENER, gated=True)
        if listener >= 0:
            return listener
    for flags in (_SPEC_ALLOW, 0):
        if _set_filter(flags) == 0:
            return -1
    number = ctypes.get_errno()
    raise OSError(number, f"seccomp: {os.strerror(number)}")


def _set_filter(flags: int, *, gated: bool = False) -> int:
    machine = _MACHINES[os.uname().machine]
    instructions = list(_instructions(machine, os.getpid(), gated=gated))
    program = _Program(len(instructions), (_Instruction * len(instructions))(*instructions))
    return int(libc.syscall(machine.seccomp, _SET_FILTER, flags, ctypes.byref(program)))


def _instructions(machine: _Machine, own: int, *, gated: bool) -> Iterator[_Instruction]:
    yield _Instruction(_LOAD, 0, 0, _ARCHITECTURE)
    yield from _refused_unless(_EQUAL, [machine.audit], errno.ENOSYS)  # 32-bit programs have other numbers
    yield _Instruction(_LOAD, 0, 0, _NUMBER)
    yield _Instruction(_AT_LEAST, 0, 1, _X32)
    yield _refused(errno.ENOSYS)
    if gated:
        yield from _asked(machine)
    for name in _OTHERS_ONLY:
        yield _Instruction(_EQUAL, 0, 1, machine.calls[name])
        yield _refused()
    for name in _BY_PROCESS:
        yield from _when(machine.calls[name], [*_allowed(0, (0, own))])
    for name, kind in _BY_KIND.items():
        yield from _when(machine.calls[name], [*_allowed(0, (kind,)), *_allowed(1, (0, own))])
    yield _Instruction(_RETURN, 0, 0, _ALLOW)


def _asked(machine: _Machine) -> Iterator[_Instruction]:
    for name in _STARTING:
        if name in machine.calls:
            yield _Instruction(_EQUAL, 0, 1, machine.calls[name])
            yield _Instruction(_RETURN, 0, 0, _ASK)
    yield _Instruction(_EQUAL, 0, 1, machine.calls["clone3"])
    yield _refused(errno.ENOSYS)


def _when(call: int, steps: Sequence[_Instruction]) -> Iterator[_Instruction]:
    """The steps for one call, which end it; the others pass them over."""
    yield _Instruction(_EQUAL, 0, len(steps) + 1, call)
    yield from steps
    yield _Instruction(_RETURN, 0, 0, _ALLOW)


def _allowed(argument: int, values: Sequence[int]) -> Iterator[_Instruction]:
    """Go on when the argument has one of the values. Its low half: the kernel takes these arguments as 32 bits."""
    yield _Instruction(_LOAD, 0, 0, _ARGUMENTS + 8 * argument)
    yield from _refused_unless(_EQUAL, values, errno.EPERM)


def _refused_unless(code: int, values: Sequence[int], number: int) -> Iterator[_Instruction]:
    for index, value in enumerate(values):
        yield _Instruction(code, len(values) - index, 0, value)
    yield _refused(number)


def _refused(number: int = errno.EPERM) -> _Instruction:
    return _Instruction(_RETURN, 0, 0, _ERRNO | number)
