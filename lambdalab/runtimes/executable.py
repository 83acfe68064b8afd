"""What the kernel makes of a file that a function brings as a program, by the file's first bytes.

A shell that is handed such a file takes any text for a script of its own, and the C library hands it to one whatever
the kernel would not execute; AWS's supervisor does neither. The words are those of its refusals, as the Runtime
Interface Emulator gives them.
"""

from __future__ import annotations

import os
import platform
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lambdalab.errors import RuntimeUnavailable

START = 4096
"""How many of a file's first bytes are looked at: in them linkers put the name of a program's loader."""
_LINE = 256
"""As many as Linux reads of a `#!` line."""
_ELF = b"\x7fELF"
_FORMAT = "exec format error"
_MISSING = "no such file or directory"
_EXECUTABLE, _SHARED = 2, 3
"""The types of ELF files that are programs; the second is that of those which may lie anywhere in memory."""
_LOADER = 3
"""The type of the segment that names what loads a program and its libraries (PT_INTERP)."""
_MACHINES = {62: "x86_64", 183: "arm64"}
"""What an ELF file is for, in Lambda's words, by the number in its header."""
_EXECUTES = {"x86_64": {62, 3}, "aarch64": {183, 40}}
"""The numbers that a kernel of each architecture may execute: its own, and its predecessor's of 32 bits."""
_MAPPED = ("/opt/", "/var/", "/tmp/")  # noqa: S108 - where a function sees other things than this machine has there
_HANDLERS = Path("/proc/sys/fs/binfmt_misc")


@dataclass(frozen=True, slots=True)
class Where:
    """What is known of the place where a file would be executed.

    `has` says whether an interpreter is there, `executes` whether its kernel runs an ELF file that begins so.
    """

    has: Callable[[str], bool]
    executes: Callable[[bytes], bool]


def refusal(start: bytes, where: Where, architecture: str) -> str | None:
    """Why a file that begins so cannot be executed; None where nothing speaks against it.

    Raises `RuntimeUnavailable` where only this kernel cannot: the file is for the function's own `architecture`
    (Lambda's word), and AWS would execute it.
    """
    if start[:4] == _ELF:
        return _elf_refusal(start, where, architecture)
    if start[:2] != b"#!":
        return _FORMAT
    words = start[2:_LINE].partition(b"\n")[0].replace(b"\t", b" ").split(b" ")
    interpreter = next(filter(None, words), b"")
    if not interpreter:
        return _FORMAT
    # A line that ends as on Windows names an interpreter whose name ends in a carriage return.
    return _MISSING if interpreter.endswith(b"\r") or not _has(where, interpreter) else None


def _elf_refusal(start: bytes, where: Where, architecture: str) -> str | None:
    try:
        machine, loader = _read_elf(start)
    except ValueError:
        return _FORMAT
    if not where.executes(start):
        if _MACHINES.get(machine) == architecture:
            raise RuntimeUnavailable(_another_machine(architecture))
        return _FORMAT
    return _MISSING if loader and not _has(where, loader) else None


def _has(where: Where, path: bytes) -> bool:
    return where.has(path.decode("utf-8", "surrogateescape"))


def _read_elf(start: bytes) -> tuple[int, bytes]:
    """The number of the machine that an ELF file is for, and the path of its loader, empty where it has or shows none.

    Raises `ValueError` for what no kernel takes for a program (Linux, fs/binfmt_elf.c): another type of file, or one
    that ends before its table of segments does.
    """
    wide, order = start[4:5] == b"\x02", ">" if start[5:6] == b"\x02" else "<"
    header = f"{order}16sHHI{'QQQ' if wide else 'III'}IHHH"
    table = f"{order}{'IIQQQQQQ' if wide else 'IIIIIIII'}"
    try:
        _, kind, machine, _, _, at, _, _, _, size, count = struct.unpack_from(header, start)
        if kind not in {_EXECUTABLE, _SHARED} or size != struct.calcsize(table) or not count:
            raise ValueError("no program")
        segments = [struct.unpack_from(table, start, at + number * size) for number in range(count)]
    except struct.error as short:
        raise ValueError("cut off") from short
    for segment in segments:
        if segment[0] == _LOADER:
            offset, length = (segment[2], segment[5]) if wide else (segment[1], segment[4])
            name = start[offset : offset + length] if offset + length <= len(start) else b""
            if length < 2 or (name and name[-1]):
                raise ValueError("no name")
            return machine, name.partition(b"\0")[0]
    return machine, b""


def _another_machine(architecture: str) -> str:
    here = "arm64" if platform.machine() == "aarch64" else platform.machine()
    return (
        f"The function is for {architecture}, and so is a program that it brings; this machine is {here} and cannot "
        f"execute it, as AWS would. Build it for {here} and give the function --arch {here}, or have the kernel run "
        "such programs in an emulator (Debian and Ubuntu: apt-get install qemu-user-static)."
    )


def _machine(start: bytes) -> int | None:
    """The number of the architecture that an ELF file is for; None where it is cut off before."""
    if len(start) < 20:
        return None
    return int.from_bytes(start[18:20], "big" if start[5] == 2 else "little")


def _on_this_machine(interpreter: str) -> bool:
    """Whether a sandbox of this machine has the interpreter, as far as that can be told from outside."""
    return interpreter.startswith(_MAPPED) or not interpreter.startswith("/") or Path(interpreter).exists()


def _by_this_kernel(start: bytes) -> bool:
    """Whether this machine's kernel executes an ELF file: by itself, or by an emulator that it was told of."""
    own, machine = _EXECUTES.get(platform.machine()), _machine(start)
    if own is None or machine is None or machine in own:
        return True
    return any(_matches(start, *handler) for handler in _handlers())


def _handlers() -> list[tuple[int, bytes, bytes]]:
    """What the kernel hands to interpreters (binfmt_misc): offset, bytes, and the mask of those that count."""
    found = []
    for file in _HANDLERS.glob("*"):
        try:
            lines = file.read_text().splitlines()
        except OSError:  # `register` can only be written
            continue
        facts = dict(line.split(" ", 1) for line in lines if " " in line)
        if lines[:1] == ["enabled"] and "magic" in facts:
            magic = bytes.fromhex(facts["magic"])
            found.append((int(facts.get("offset", 0)), magic, bytes.fromhex(facts.get("mask", "ff" * len(magic)))))
    return found


def _matches(start: bytes, offset: int, magic: bytes, mask: bytes) -> bool:
    part = start[offset : offset + len(magic)]
    return len(part) == len(magic) and all((a ^ b) & c == 0 for a, b, c in zip(part, magic, mask, strict=True))


def in_sandbox(code: Path, layers: Sequence[Path]) -> Where:
    """A sandbox of this machine with this package at /var/task and these layers at /opt."""

    def has(interpreter: str) -> bool:
        path = os.path.normpath(interpreter)
        for place, roots in (("/var/task/", (code,)), ("/opt/", layers)):
            if path.startswith(place):
                return any((root / path.removeprefix(place)).exists() for root in roots)
        return _on_this_machine(path)

    return Where(has, _by_this_kernel)


def _whatever(what: object) -> bool:  # noqa: ARG001
    """Where nobody looked."""
    return True


HERE = Where(_on_this_machine, _by_this_kernel)
"""A sandbox of this machine, of whose package nothing is known."""
IN_A_CONTAINER = Where(_whatever, _by_this_kernel)
"""A container of this machine: what its image has is the image's."""
ELSEWHERE = Where(_whatever, _whatever)
"""A container of another machine, whose kernel may emulate what it is not: Docker Desktop's does."""
