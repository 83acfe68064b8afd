"""The few calls to the Linux kernel that Python has no name for. Elsewhere they do nothing."""

from __future__ import annotations

import ctypes
import sys

_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38

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


def name_process(name: str) -> bool:
    """What `ps` shows, 15 bytes of it."""
    return _prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode()[:15]))
