"""The engine's images: runtimes' own below a prefix, and those of image functions. Pulled on first use.

Names come from the catalogue, below a registry's prefix that a setting names: AWS's public gallery, a mirror, or a
prefix of images that were loaded from a file.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from lambdalab.errors import EngineUnavailable, ImageUnavailable, LabError
from lambdalab.model.image import ResolvedImage
from lambdalab.runtimes import catalogue
from lambdalab.runtimes.backends.docker import building, inside, problems
from lambdalab.runtimes.backends.docker.building import BuildFailed
from lambdalab.runtimes.backends.docker.engine import Engine
from lambdalab.runtimes.backends.docker.inside import Inside

_PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
_THERE, _FAILED = "there", "failed"
Progressed = Callable[["Pull"], None]


@dataclass(frozen=True, slots=True)
class Pull:
    """How far a pull is: bytes of the layers whose size is known, the engine's last word, or why it failed."""

    image: str
    done_bytes: int = 0
    total_bytes: int = 0
    layers: int = 0
    layers_done: int = 0
    state: str = "waiting"
    problem: str | None = None

    @property
    def over(self) -> bool:
        """Whether it has ended, well or not."""
        return self.state in {_THERE, _FAILED}

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1, as far as the engine has told sizes."""
        return min(self.done_bytes / self.total_bytes, 1.0) if self.total_bytes else 0.0

    def as_json(self) -> dict[str, Any]:
        """For `GET /_lambdalab/images`."""
        return asdict(self)


class Layers:
    """Adds up what an engine says of each layer while it pulls."""

    def __init__(self, image: str) -> None:
        self._image = image
        self._sizes: dict[str, tuple[int, int]] = {}
        self._done: set[str] = set()

    def take(self, message: Mapping[str, Any]) -> Pull:
        """One message of the engine's; the sum up to now."""
        layer, status = str(message.get("id", "")), str(message.get("status", ""))
        detail = message.get("progressDetail") or {}
        if layer and status in {"Downloading", "Pulling fs layer", "Waiting"}:
            known = self._sizes.get(layer, (0, 0))
            self._sizes[layer] = (int(detail.get("current", known[0])), int(detail.get("total", known[1])))
        elif layer and status in {"Download complete", "Pull complete", "Already exists"}:
            total = self._sizes.get(layer, (0, 0))[1]
            self._sizes[layer] = (total, total)
            if status != "Download complete":
                self._done.add(layer)
        return Pull(
            self._image,
            sum(current for current, _ in self._sizes.values()),
            sum(total for _, total in self._sizes.values()),
            len(self._sizes),
            len(self._done),
            status,
        )


@dataclass(frozen=True, slots=True)
class Known:
    """An image that is there: its id, and what it starts."""

    id: str
    entry_point: tuple[str, ...]
    command: tuple[str, ...]

    @classmethod
    def of(cls, seen: Mapping[str, Any]) -> Known:
        """From the engine's description."""
        config = seen.get("Config") or {}
        return cls(str(seen["Id"]), *(tuple(map(str, config.get(name) or ())) for name in ("Entrypoint", "Cmd")))

    def argv(self, entry_point: tuple[str, ...] | None, command: tuple[str, ...] | None) -> tuple[str, ...]:
        """What a container with these in place of its own starts; an entrypoint in its place is without its command."""
        own = command if command is not None else () if entry_point else self.command
        return (*(entry_point or self.entry_point), *own)


class Images:
    """What one engine has, and what it is pulling. `prefix` is LAMBDALAB_IMAGES.

    `labels` are for what is made to look into images, and does not stay.
    """

    def __init__(
        self, engine: Engine, prefix: str, *, may_pull: bool = True, labels: Mapping[str, str] | None = None
    ) -> None:
        self._engine = engine
        self._prefix = prefix
        self._may_pull = may_pull
        self._labels = dict(labels or {})
        self._there: dict[str, Known] = {}
        self._inside: dict[str, asyncio.Task[Inside]] = {}
        self._pulling: dict[str, asyncio.Task[None]] = {}
        self.pulls: dict[str, Pull] = {}

    def name(self, runtime: str) -> str:
        """The image of a runtime."""
        return catalogue.image(runtime, self._prefix)

    async def find(self, name: str) -> str | None:
        """The id of an image that is there; None when it is not."""
        if name not in self._there:
            try:
                seen = await self._engine.call(self._engine.api.inspect_image, name)
            except EngineUnavailable:
                raise
            except LabError as missing:
                if problems.gone(missing):
                    return None
                raise
            self._there[name] = Known.of(seen)
        return self._there[name].id

    async def ensure(self, name: str) -> str:
        """The id of an image, pulled if it is not there. Raises `ImageUnavailable`."""
        found = await self.find(name)
        if found is None:
            await self.pull(name)
            found = await self.find(name)
        if found is None:
            raise ImageUnavailable(f"{name} was pulled, and yet the engine does not have it.")
        return found

    def known(self, name: str) -> Known:
        """What was found of an image that `ensure` has found."""
        return self._there[name]

    async def inside(self, name: str) -> Inside:
        """What is in an image: looked at once, for an image does not change. Raises a `LabError`."""
        identity = await self.ensure(name)
        looking = self._inside.get(identity)
        if looking is None or (looking.done() and (looking.cancelled() or looking.exception() is not None)):
            look = self._engine.call(inside.look, self._engine.api, identity, self._labels)
            looking = self._inside[identity] = asyncio.get_running_loop().create_task(look)
        return await asyncio.shield(looking)

    def forget(self, name: str) -> None:
        """It may have been removed: look again when it is needed."""
        self._there.pop(name, None)

    async def pull(self, name: str, *, anyway: bool = False) -> None:
        """Pull it; who asks for the same at once waits for the same pull. Raises `ImageUnavailable`."""
        if not (self._may_pull or anyway):
            raise ImageUnavailable(
                f"the Docker engine does not have {name}, and LAMBDALAB_PULL=0 keeps it from pulling: "
                f"`lambdalab images load` brings it from a file, `lambdalab images pull` from the registry."
            )
        pulling = self._pulling.get(name)
        if pulling is None:
            pulling = self._pulling[name] = asyncio.get_running_loop().create_task(self._pull(name))
            pulling.add_done_callback(lambda _: self._pulling.pop(name, None))
        await asyncio.shield(pulling)
        self.forget(name)

    async def _pull(self, name: str) -> None:
        loop = asyncio.get_running_loop()

        def progressed(pull: Pull) -> None:
            loop.call_soon_threadsafe(self.pulls.__setitem__, name, pull)

        self.pulls[name] = Pull(name)
        try:
            await self._engine.call(pull, self._engine.api, name, progressed)
        except LabError as problem:
            self.pulls[name] = Pull(name, state=_FAILED, problem=str(problem))
            raise
        self.pulls[name] = Pull(name, state=_THERE)

    async def resolve(self, uri: str, architecture: str) -> ResolvedImage:
        """The image of a function as it is now. `architecture` is Lambda's: one of another is not the function's.

        Raises `ImageUnavailable`.
        """
        self.forget(uri)  # a tag may have moved
        await self.ensure(uri)
        seen = await self._engine.call(self._engine.api.inspect_image, uri)
        if not _fits(seen, architecture):
            raise ImageUnavailable(
                f"it is for {seen.get('Os')}/{seen.get('Architecture')}, and the function for {architecture}: "
                f"build it with --platform {_PLATFORMS[architecture]}, or give Architectures."
            )
        return replace(resolved(uri, seen), extensions=bool((await self.inside(uri)).extensions))

    async def build(self, name: str, context: bytes, architecture: str) -> ResolvedImage:
        """The image of a context, tagged by the context's hash: what was built before is not built again.

        Raises `BuildFailed`.
        """
        content = f"{self._prefix}\n{architecture}\n".encode() + context
        uri = f"{name}:{hashlib.sha256(content).hexdigest()[:16]}"
        if await self.find(uri) is None:
            platform = _PLATFORMS[architecture]
            try:
                await self._engine.call(building.build, self._engine.api, context, uri, platform, self._prefix)
            except (BuildFailed, EngineUnavailable):
                raise
            except LabError as problem:
                raise building.failed(problem) from problem
        return await self.resolve(uri, architecture)


def pull(api: Any, name: str, progressed: Progressed) -> None:
    """Pull an image, telling how far it is. Blocks. Raises `ImageUnavailable`."""
    layers = Layers(name)
    repository, tag = split(name)
    try:
        for message in api.pull(repository, tag=tag, stream=True, decode=True):
            if "error" in message:
                raise ImageUnavailable(str(message["error"]))
            progressed(layers.take(message))
    except Exception as problem:
        raise problems.not_pulled(name, problem) from problem


def split(name: str) -> tuple[str, str]:
    """Repository and tag (or digest) of an image's name; the tag is `latest` where there is none."""
    if "@" in name:
        repository, _, digest = name.partition("@")
        return repository, digest
    head, slash, last = name.rpartition("/")
    repository, colon, tag = last.partition(":")
    return f"{head}{slash}{repository}", tag if colon else "latest"


def resolved(uri: str, seen: Mapping[str, Any]) -> ResolvedImage:
    """An image by its digest: the registry's where it came from one, else the hash that the engine knows it by."""
    repository = split(uri)[0]
    identity = str(seen["Id"])
    digests = [str(one) for one in seen.get("RepoDigests") or ()]
    digest = next((one.partition("@")[2] for one in digests if one.startswith(f"{repository}@")), identity)
    if not digest.startswith("sha256:"):
        digest = "sha256:" + hashlib.sha256(digest.encode()).hexdigest()
    return ResolvedImage(uri, f"{repository}@{digest}", digest.removeprefix("sha256:"), identity)


def _fits(seen: Mapping[str, Any], architecture: str) -> bool:
    return f"linux/{seen.get('Architecture')}" == _PLATFORMS.get(architecture) or not seen.get("Architecture")
