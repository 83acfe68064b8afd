"""The engine's images for people: listed, pulled, saved to a file and loaded from one. All of it blocks.

For rooms without internet: one machine pulls and saves, the others load.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambdalab.errors import BadOption, ImageUnavailable
from lambdalab.model import runtime
from lambdalab.runtimes import catalogue
from lambdalab.runtimes.backends.docker import engine, problems
from lambdalab.runtimes.backends.docker.images import Progressed, pull

_CHUNK = 1 << 20
_LONG_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Stocked:
    """An image of a runtime: its name, and its size in bytes, None when the engine does not have it."""

    runtime: str
    image: str
    size: int | None


class Stock:
    """The images of an engine below a prefix. A context manager. Every method raises a `LabError`."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._engine = engine.connect()
        self._api = self._engine.api

    def __enter__(self) -> Stock:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.close()

    def __str__(self) -> str:
        return str(self._engine.facts)

    def images(self) -> list[Stocked]:
        """The images of all runtimes that AWS still offers."""
        return [
            Stocked(one.name, name, self._size(name))
            for one in runtime.known().values()
            if not one.blocked and (name := self.name(one.name))
        ]

    def name(self, wanted: str) -> str:
        """The image of a runtime; a name of an image as it is. Raises `BadOption` for what is neither."""
        if wanted in runtime.known():
            return catalogue.image(wanted, self._prefix)
        if "/" in wanted or ":" in wanted:
            return wanted
        raise BadOption(f"{wanted!r} is no runtime of Lambda's and no image's name, such as python3.12.")

    def pull(self, wanted: str, progressed: Progressed) -> str:
        """Pull it; the image's name."""
        name = self.name(wanted)
        pull(self._api, name, progressed)
        return name

    def save(self, wanted: Sequence[str], file: Path) -> list[str]:
        """Write images into a file, all that are there unless some are named; what `docker load` reads too."""
        names = [self.name(one) for one in wanted] or [one.image for one in self.images() if one.size is not None]
        missing = [name for name in names if self._size(name) is None]
        if missing or not names:
            raise ImageUnavailable(
                f"the engine does not have {', '.join(missing) or 'any image of a runtime'}: "
                "get it with `lambdalab images pull`."
            )
        aside = file.with_name(f".{file.name}.part")
        try:
            with self._explaining(), aside.open("wb") as out:
                for chunk in self._saved(names):
                    out.write(chunk)
            aside.rename(file)
        finally:
            aside.unlink(missing_ok=True)
        return names

    def _saved(self, names: Sequence[str]) -> Iterator[bytes]:
        # The SDK saves one image at a time; the engine saves several as one file, with what they share once.
        url = f"{self._api.base_url}/v{self._api.api_version}/images/get"
        answer = self._api.get(url, params={"names": list(names)}, stream=True, timeout=_LONG_SECONDS)
        answer.raise_for_status()
        yield from answer.iter_content(_CHUNK)

    def load(self, file: Path) -> list[str]:
        """Load what `save` wrote; the images' names."""
        with self._explaining(), file.open("rb") as content:
            try:
                messages = list(self._api.load_image(content))
            except Exception as problem:
                if problems.status_of(problem) is None:
                    raise
                raise _not_loaded(file, problems.reason(problem)) from problem
        for message in messages:
            if "error" in message:
                raise _not_loaded(file, str(message["error"]))
        return [name for message in messages for name in _names(str(message.get("stream", "")))]

    def _size(self, name: str) -> int | None:
        try:
            seen: dict[str, Any] = self._api.inspect_image(name)
        except Exception as problem:
            if problems.status_of(problem) == 404:
                return None
            raise problems.explained(problem) from problem
        return int(seen["Size"])

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            if problems.status_of(problem) is None and problem.filename:
                raise BadOption(f"{problem.filename}: {problem.strerror}") from problem
            raise problems.explained(problem) from problem


def _not_loaded(file: Path, why: str) -> ImageUnavailable:
    return ImageUnavailable(
        f"{file} could not be loaded: {' '.join(why.split())}. It takes a whole file that `lambdalab images save` or "
        "`docker save` wrote."
    )


def _names(said: str) -> list[str]:
    """The images in what an engine says: Docker has a line for each, Podman one with commas for all."""
    begun = "Loaded image: "
    lines = [line.partition(begun)[2] for line in said.splitlines() if line.startswith(begun)]
    return [name for line in lines for name in line.split(",")]
