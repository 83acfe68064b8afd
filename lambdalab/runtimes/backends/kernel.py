"""The few calls to the Linux kernel that Python has no name for. Elsewhere they do nothing."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38

_CAPABILITIES_VERSION_3 = 0x20080522
LINUX = sys.platform == "linux"
libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: object) -> bool:
    return LINUX and libc.prctl(option, value, 0, 0, 0) == 0


def become_subreaper() -> bool:
    """Orphaned descendants become this process's children. Returns whether the kernel does it."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def no_new_privileges() -> bool:
    """From here on no exec gives more rights (set-uid programs lose their power)."""
    return _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def let_others_finish() -> None:
    """From here on this process, and what it starts, waits for its turn when it wakes: it interrupts nobody's.

    Its share of the processor stays the same (SCHED_BATCH, sched(7)). The region and the notebook answer sooner beside
    it, and are interrupted less: each interruption costs both sides the caches that they had filled.
    """
    if LINUX:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def name_process(name: str) -> bool:
    """What `ps` shows, 15 bytes of it."""
    return _prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode()[:15]))


def hide_from_others() -> bool:
    """Close this process's memory and environment to others of the same user (until it executes something else)."""
    return _prctl(_PR_SET_DUMPABLE, 0)


def drop_capabilities() -> None:
    """Give up what makes root more than a user, for good; nothing where there is nothing to give up."""
    number = 0
    while _prctl(_PR_CAPBSET_DROP, number):
        number += 1
    if LINUX and number:
        header = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION_3, 0)
        libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))
