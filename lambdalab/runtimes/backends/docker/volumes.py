"""Packages and layers on the engine: a volume for each, filled once by archive, mounted read-only.

A volume is known by what is in it, so that the second container of a package pays nothing for its code. They
belong to one region: they go when it ends, or when the next one finds that it crashed.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import tarfile
import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lambdalab.errors import LabError
from lambdalab.runtimes.backends.docker.engine import Engine
from lambdalab.runtimes.backends.docker.ownership import Owner

_PLACE = "/package"
_KEPT = 200
_IN_MEMORY = 4 << 20
_REMOVED_AFTER_SECONDS = 0.5
"""When the cold start that waited for the package is over, so as not to slow it."""


class Volumes:
    """The volumes of one region. `image` is any image: what carries the archives is never started."""

    def __init__(self, engine: Engine, owner: Owner, image: str) -> None:
        self._engine = engine
        self._owner = owner
        self._image = image
        self._known: OrderedDict[str, asyncio.Task[None]] = OrderedDict()

    async def ensure(self, directories: Sequence[Path]) -> str:
        """The volume with the directories' content, later ones over earlier ones. Raises a `LabError`."""
        content = "\n".join(map(str, directories)).encode()
        name = f"lambdalab-{self._owner.home}-{hashlib.sha256(content).hexdigest()[:24]}"
        filling = self._known.get(name)
        if filling is None or (filling.done() and (filling.cancelled() or filling.exception() is not None)):
            filling = asyncio.get_running_loop().create_task(self._fill(name, directories))
            self._known[name] = filling
        self._known.move_to_end(name)
        await asyncio.shield(filling)
        return name

    def forget(self, name: str) -> None:
        """The engine does not have it any more: it is filled again when it is needed."""
        self._known.pop(name, None)

    async def _fill(self, name: str, directories: Sequence[Path]) -> None:
        api = self._engine.api
        await self._engine.call(partial(api.create_volume, name=name, labels=self._owner.labels))
        settings = {
            "Image": self._image,
            "Labels": self._owner.labels,
            "HostConfig": {
                "NetworkMode": "none",
                "LogConfig": {"Type": "none"},
                "Mounts": [
                    {"Type": "volume", "Source": name, "Target": _PLACE, "VolumeOptions": {"NoCopy": True}},
                ],
            },
        }
        carrier = str((await self._engine.call(api.create_container_from_config, settings))["Id"])
        try:
            for directory in directories:
                await self._engine.call(_put, api, carrier, directory)
        finally:
            self._engine.later(self._remove_carrier(carrier))
        await self._forget_old()

    async def _remove_carrier(self, carrier: str) -> None:
        await asyncio.sleep(_REMOVED_AFTER_SECONDS)
        await self._engine.call(partial(self._engine.api.remove_container, carrier, force=True))

    async def _forget_old(self) -> None:
        for name in list(self._known)[: max(0, len(self._known) - _KEPT)]:
            with contextlib.suppress(LabError):  # one that a container uses stays
                await self._engine.call(self._engine.api.remove_volume, name)
                self.forget(name)


def _put(api: Any, carrier: str, directory: Path) -> None:
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        write_archive(directory, file)
        file.seek(0)
        api.put_archive(carrier, _PLACE, file)


def write_archive(directory: Path, file: Any) -> None:
    """The directory's content as a tar: everything root's, readable by all, as /var/task is."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mode |= 0o555 if entry.isdir() or entry.mode & 0o111 else 0o444
        return entry

    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.add(directory, ".", filter=plain)
