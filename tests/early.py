"""A shared library that makes a directory as soon as it is loaded, before the program's own first instruction.

Made here, so that the tests need no C compiler: an ELF file with one segment, whose initialiser is one system call.
"""

import os
import platform
import struct
from pathlib import Path

_PATH_AT = {"x86_64": 20, "aarch64": 24}
_CODE = {
    # mkdir(path, 0777): mov eax, 83; lea rdi, [path]; mov esi, 0777; syscall; ret
    "x86_64": bytes.fromhex("b853000000 488d3d08000000 beff010000 0f05 c3"),
    # mkdirat(AT_FDCWD, path, 0777): movn x0, 99; adr x1, path; movz x2, 0777; movz x8, 34; svc 0; ret
    "aarch64": struct.pack("<6I", 0x92800C60, 0x100000A1, 0xD2803FE2, 0xD2800448, 0xD4000001, 0xD65F03C0),
}
_MACHINES = {"x86_64": 62, "aarch64": 183}
_DYNAMIC_AT, _ENTRIES = 64 + 3 * 56, 6
_SYMBOLS_AT = _DYNAMIC_AT + _ENTRIES * 16
_STRINGS_AT = _SYMBOLS_AT + 24
_CODE_AT = _STRINGS_AT + 8


def library(made: Path) -> bytes:
    """The library that makes the directory `made`, for this machine."""
    code = _CODE[platform.machine()]
    assert len(code) == _PATH_AT[platform.machine()]
    content = code + os.fsencode(made) + b"\0"
    size = _CODE_AT + len(content)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",
        3,
        _MACHINES[platform.machine()],
        1,
        0,
        64,
        0,
        0,
        64,
        56,
        3,
        0,
        0,
        0,
    )
    segments = [(1, 7, 0, size, 0x10000), (2, 6, _DYNAMIC_AT, _ENTRIES * 16, 8), (0x6474E551, 6, 0, 0, 16)]
    table = b"".join(struct.pack("<IIQQQQQQ", kind, flags, at, at, at, n, n, to) for kind, flags, at, n, to in segments)
    # The names' table, the symbols', their sizes, and the initialiser.
    entries = [(5, _STRINGS_AT), (6, _SYMBOLS_AT), (10, 1), (11, 24), (12, _CODE_AT), (0, 0)]
    dynamic = b"".join(struct.pack("<QQ", *entry) for entry in entries)
    return header + table + dynamic + bytes(24 + 8) + content
