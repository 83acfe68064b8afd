"""Landlock: what a process may read and write, for good, without any privilege.

Reference: the kernel's `Documentation/userspace-api/landlock.rst`; the ABI decides which rights exist.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Sequence

from lambdalab.runtimes.backends.kernel import LINUX, libc

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE, _IOCTL_DEV, _REFER = 1 << 14, 1 << 15, 1 << 13
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
SCOPES_SIGNALS = 6
"""The ABI from which on signals, and abstract sockets, stay within the confined processes."""
_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 3


class _Ruleset(ctypes.Structure):
    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def abi() -> int:
    """The kernel's Landlock ABI; 0 where there is none or a seccomp profile forbids it."""
    if not LINUX:
        return 0
    return max(int(libc.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))), 0)


def confine(readable: Sequence[str], writable: Sequence[str]) -> None:
    """Allow reading and executing below `readable`, everything below `writable`, and no other file access.

    Signals and abstract sockets stay within the confined processes from ABI 6 on. Needs no_new_privs.
    Paths that do not exist are passed over. Raises `OSError` when the kernel refuses.
    """
    version = abi()
    if version == 0:
        return
    rights = _RIGHTS_BY_ABI[min(version, 5)]
    scoped = _SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS if version >= SCOPES_SIGNALS else 0
    attributes = _Ruleset(rights, 0, scoped)
    size = ctypes.sizeof(attributes) if version >= SCOPES_SIGNALS else (16 if version >= 4 else 8)
    ruleset = _checked(libc.syscall(_CREATE, ctypes.byref(attributes), ctypes.c_size_t(size), ctypes.c_uint32(0)))
    for path in readable:
        _allow(ruleset, path, _READ & rights)
    for path in writable:
        _allow(ruleset, path, rights)
    _checked(libc.syscall(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0)))
    os.close(ruleset)


def _allow(ruleset: int, path: str, allowed: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not stat.S_ISDIR(os.fstat(parent).st_mode):
        allowed &= _FILE_RIGHTS
    rule = _PathRule(allowed, parent)
    _checked(libc.syscall(_ADD, ctypes.c_int(ruleset), ctypes.c_int(1), ctypes.byref(rule), ctypes.c_uint32(0)))
    os.close(parent)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return result
