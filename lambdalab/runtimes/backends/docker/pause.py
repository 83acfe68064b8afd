"""An image with nothing in it but a program that waits: some 130 bytes of machine code, made here.

A container of it holds a network for a function's container to join, so that a cold start need not wait for an
address (100 ms). Built by import, it needs no registry.
"""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
from pathlib import Path
from typing import Any

from lambdalab.errors import RuntimeUnavailable

REPOSITORY = "lambdalab-pause"
_LOADED_AT = 0x400000
_HEADERS = 64 + 56
_MACHINES = {"x86_64": 62, "aarch64": 183}
_ALIASES = {"amd64": "x86_64", "arm64": "aarch64"}
_CODE = {
    # pause() for ever: mov eax, 34; syscall; jmp to the start
    "x86_64": bytes.fromhex("b822000000 0f05 ebf7".replace(" ", "")),
    # ppoll(0, 0, 0, 0) for ever: movz x0..x3, 0; movz x8, 73; svc 0; b to the start
    "aarch64": struct.pack(
        "<7I", 0xD2800000, 0xD2800001, 0xD2800002, 0xD2800003, 0xD2800928, 0xD4000001, 0x17FFFFFA
    ),
}  # fmt: skip


def program(architecture: str) -> bytes:
    """A static ELF executable that does nothing, for the kernel's name of an architecture.

    Raises `RuntimeUnavailable` for one that the lab has no code for.
    """
    machine = _ALIASES.get(architecture, architecture)
    if machine not in _CODE:
        raise RuntimeUnavailable(f"The Docker engine's machine is {architecture}; Lambda knows x86_64 and arm64.")
    code = _CODE[machine]
    size = _HEADERS + len(code)
    identity = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header = struct.pack(
        "<HHIQQQIHHHHHH", 2, _MACHINES[machine], 1, _LOADED_AT + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _LOADED_AT, _LOADED_AT, size, size, 0x10000)
    return identity + header + segment + code


def directory(parent: Path, architecture: str, name: str) -> Path:
    """A directory with nothing but the program, by a name; made if it is not there."""
    content = program(architecture)
    made = parent / f"waiting-{hashlib.sha256(content).hexdigest()[:16]}"
    made.mkdir(parents=True, exist_ok=True)
    if not (made / name).exists():
        (made / name).write_bytes(content)
        (made / name).chmod(0o555)
    return made


def image(api: Any, architecture: str) -> str:
    """The image's name on the engine, imported if it is not there. Blocks."""
    content = program(architecture)
    name = f"{REPOSITORY}:{hashlib.sha256(content).hexdigest()[:16]}"
    if not api.images(name, quiet=True):
        # The tag within the name: Podman 4.3 takes no other.
        api.import_image_from_data(_archive(content), name, changes=['ENTRYPOINT ["/pause"]'])
    return name


def _archive(content: bytes) -> bytes:
    """A root file system with the program and nothing else."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo("pause")
        entry.size, entry.mode = len(content), 0o555
        archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()
