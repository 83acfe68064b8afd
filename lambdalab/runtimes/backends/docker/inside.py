"""What an image has in /opt/extensions, and what to start it with: read from a container that is never started."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lambdalab.runtimes import executable
from lambdalab.runtimes.backends import programs
from lambdalab.runtimes.backends.docker import problems
from lambdalab.runtimes.backends.docker.container import GROUP_ID, USER_ID
from lambdalab.runtimes.backends.programs import File

_PLACE = f"/opt/{programs.DIRECTORY}/."
_SHELL = "/bin/sh"


@dataclass(frozen=True, slots=True)
class Inside:
    """The files in an image's /opt/extensions by name, and whether it has a shell to start them with."""

    extensions: Mapping[str, File] = field(default_factory=dict)
    shell: bool = True


def look(api: Any, image: str, labels: Mapping[str, str]) -> Inside:
    """Look into an image. Blocks. Raises what the SDK raises."""
    settings = {"Image": image, "Entrypoint": ["/"], "Labels": dict(labels), "HostConfig": {"NetworkMode": "none"}}
    made = str(api.create_container_from_config(settings)["Id"])
    try:
        files = _archive(api, made, _PLACE)
        return Inside(read(files), _archive(api, made, _SHELL) is not None) if files is not None else Inside()
    finally:
        api.remove_container(made, force=True)


def _archive(api: Any, container: str, path: str) -> Iterator[bytes] | None:
    """What is at a path, as the chunks of an archive; None where there is nothing."""
    try:
        chunks: Iterator[bytes] = api.get_archive(container, path)[0]
    except Exception as problem:
        if problems.status_of(problem) == 404:
            return None
        raise
    return chunks


def read(chunks: Iterator[bytes]) -> Mapping[str, File]:
    """The files at the top of an archive that comes in chunks."""
    found: dict[str, File] = {}
    with tarfile.open(fileobj=io.BufferedReader(_Chunks(chunks)), mode="r|") as archive:
        for entry in archive:
            name = entry.name.removeprefix("./")
            if "/" in name or name in {"", "."} or entry.isdir():
                continue
            if entry.issym() or entry.islnk():
                found[name] = File(executable=True, start=None)  # what it leads to may lie outside
            elif entry.isfile():
                content = archive.extractfile(entry)
                start = content.read(executable.START) if content is not None else b""
                found[name] = File(executable=_executable(entry), start=start)
    return found


def _executable(entry: tarfile.TarInfo) -> bool:
    """Whether the function's user may execute it."""
    own = 0o100 if entry.uid == USER_ID else 0o010 if entry.gid == GROUP_ID else 0o001
    return bool(entry.mode & own)


class _Chunks(io.RawIOBase):
    """Chunks as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """What the next chunk has, as far as there is room; nothing at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
