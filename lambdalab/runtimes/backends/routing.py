"""Which backend runs what: by the setting, by what this machine has, and by what the function is.

Images are Docker's. Everything else runs in namespaces where they and the exact interpreter are there; else in
Docker, where an engine answers and has the image, or may pull it when nothing else could run; else as a hardened
process (`design.md`, "Which backend runs"). What ran is in each result.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lambdalab.clock import Clock
from lambdalab.errors import LabError, RuntimeUnavailable
from lambdalab.model.image import Image
from lambdalab.runtimes.backends.base import Backend, Place, Ready, Sandbox, SandboxSpec
from lambdalab.runtimes.backends.docker import engine
from lambdalab.runtimes.backends.docker.backend import DockerBackend
from lambdalab.runtimes.interpreters import Interpreters

AUTO, DOCKER = "auto", "docker"
_ASK_AGAIN_SECONDS = 30.0
"""After an engine did not answer, where something else runs the function meanwhile."""


@dataclass(frozen=True, slots=True)
class Runner:
    """What runs a runtime here: an interpreter's path and version, or an image's name and id."""

    backend: str
    path: str
    version: str


@contextlib.contextmanager
def _after(missing: RuntimeUnavailable | None) -> Iterator[None]:
    """What Docker lacks is told after what this machine lacks, if that was looked for: either would do."""
    try:
        yield
    except LabError as problem:
        if missing is None:
            raise
        raise RuntimeUnavailable(f"{missing} Docker does not run it either: {problem}") from problem


class Backends(Backend):
    """The backends of a region, as one. `local` is the sandbox of this machine that the setting allows.

    `namespaces`: it is the one in namespaces.
    """

    def __init__(
        self,
        setting: str,
        local: Backend,
        docker: DockerBackend,
        interpreters: Interpreters,
        clock: Clock,
        *,
        namespaces: bool,
    ) -> None:
        self.local = local
        self.docker = docker
        self._setting = setting
        self._interpreters = interpreters
        self._clock = clock
        self._namespaces = namespaces
        self._no_engine_until = 0.0
        self.name = docker.name if setting == DOCKER else local.name
        self.fidelity = docker.fidelity if setting == DOCKER else local.fidelity

    async def prepare(self, runtime: str, image: Image | None = None) -> Place:
        """Choose, and make ready. Raises `RuntimeUnavailable` with what each of them lacks."""
        if image is not None or self._setting == DOCKER:
            return await self.docker.prepare(runtime, image)
        if self._setting != AUTO:
            return await self.local.prepare(runtime)
        return await (await self._choose(runtime)).prepare(runtime)

    async def stage(self, place: Place, code: Path, layers: Sequence[Path]) -> None:
        """In the backend that was chosen."""
        await self._at(place.backend).stage(place, code, layers)

    async def start(self, spec: SandboxSpec) -> Sandbox:
        """Start it in the backend that was chosen when it was prepared."""
        return await self._at(spec.backend).start(spec)

    async def get_ready(self, spec: SandboxSpec) -> Ready | None:
        """In the same one."""
        return await self._at(spec.backend).get_ready(spec)

    def _at(self, name: str) -> Backend:
        return self.docker if name == self.docker.name else self.local

    async def close(self) -> None:
        """Close all of them."""
        await self.docker.close()
        await self.local.close()

    async def runner(self, runtime: str, *, pull: bool) -> Runner:
        """What runs a runtime here. With `pull` its image is pulled where nothing else would run it.

        Raises `RuntimeUnavailable` as an invocation would.
        """
        missing: RuntimeUnavailable | None = None
        if self._setting != DOCKER:
            try:
                found = await self._interpreters.find(runtime)
            except RuntimeUnavailable as why:
                missing = why
                if self._setting != AUTO or not engine.present():
                    raise
            else:
                return Runner(self.local.name, found.path, found.version)
        with _after(missing):
            name, identity = await self._image(runtime, pull=pull)
        return Runner(self.docker.name, name, identity.removeprefix("sha256:")[:12])

    async def _choose(self, runtime: str) -> Backend:
        missing = await self._missing(runtime)
        if missing is None:
            return self.docker if not self._namespaces and await self._has_image(runtime) else self.local
        if not engine.present():
            raise missing
        with _after(missing):
            await self._image(runtime, pull=True)  # nothing else runs it: worth a pull
        return self.docker

    async def _image(self, runtime: str, *, pull: bool) -> tuple[str, str]:
        """The name of a runtime's image and its id in the engine. Raises a `LabError` that says what is missing."""
        images = (await self.docker.find()).images
        name = images.name(runtime)
        identity = await (images.ensure(name) if pull else images.find(name))
        if identity is None:
            raise RuntimeUnavailable(
                f"the Docker engine does not have {name}. Get it with `lambdalab images pull {runtime}`."
            )
        return name, identity

    async def _missing(self, runtime: str) -> RuntimeUnavailable | None:
        """Why this machine has no interpreter of it; None when it has."""
        try:
            await self._interpreters.find(runtime)
        except RuntimeUnavailable as missing:
            return missing
        return None

    async def _has_image(self, runtime: str) -> bool:
        """Whether an engine answers and has the image. One that does not answer is not asked for a while."""
        if not engine.present() or self._clock.monotonic() < self._no_engine_until:
            return False
        try:
            images = (await self.docker.find()).images
            return await images.find(images.name(runtime)) is not None
        except LabError:
            self._no_engine_until = self._clock.monotonic() + _ASK_AGAIN_SECONDS
            return False
