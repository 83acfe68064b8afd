"""Functions that are container images: a Dockerfile built by the region's engine, or an image by its name."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lambdalab.client.cell import CellSource
from lambdalab.client.deploying import Deployed
from lambdalab.client.deployment import compare
from lambdalab.client.function_api import FunctionApi
from lambdalab.client.names import FUNCTIONS
from lambdalab.errors import BadOption, ImageBuildRefused, LabError, ResourceNotFound
from lambdalab.lines import lines_of

_DOCKERFILE = "Dockerfile"
_COPIES = re.compile(r"\s*(?:COPY|ADD)\s", re.IGNORECASE)
_NOT_THERE = re.compile(r"not found|no such file|no source files|no items matching", re.IGNORECASE)
_NOT_IN_NAMES = re.compile(r"[^a-z0-9._-]+")


class ImageBuildError(LabError):
    """The Dockerfile did not build. `line` is the cell's own, from 1; `output` the end of what the build said."""

    def __init__(self, message: str, line: int, output: str) -> None:
        super().__init__(message)
        self.line, self.output = line, output


@dataclass(frozen=True, slots=True)
class WantedImage:
    """An image function as it shall be: the settings of CreateFunction, with Lambda's own defaults.

    None of `entry_point`, `command` and `directory` is the image's own value.
    """

    memory: int = 128
    timeout: int = 3
    env: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    ephemeral: int = 512
    architecture: str = "x86_64"
    entry_point: Sequence[str] | None = None
    command: Sequence[str] | None = None
    directory: str | None = None

    def settings(self) -> dict[str, Any]:
        """The members that CreateFunction and UpdateFunctionConfiguration share."""
        config = {"EntryPoint": self.entry_point, "Command": self.command, "WorkingDirectory": self.directory}
        return {
            "MemorySize": self.memory,
            "Timeout": self.timeout,
            "Environment": {"Variables": dict(self.env)},
            "Description": self.description,
            "EphemeralStorage": {"Size": self.ephemeral},
            "ImageConfig": {
                name: value if isinstance(value, str) else list(value) for name, value in config.items() if value
            },
        }


def build(api: FunctionApi, dockerfile: str, files: Mapping[str, bytes], architecture: str, cell: CellSource) -> str:
    """The name of the image that the Dockerfile makes, tagged by its content. Raises `ImageBuildError`."""
    name = "lambdalab/" + (_NOT_IN_NAMES.sub("-", api.name.lower()).strip("-._") or "function")
    query = {"name": name, "architecture": architecture}
    context = archive({**files, _DOCKERFILE: dockerfile.encode()})
    try:
        answer = api.session.call("POST", "/_lambdalab/images/build", query=query, body=context, service="lambdalab")
    except ImageBuildRefused as refused:
        step, output = int(refused.extra.get("Step", 0)), str(refused.extra.get("Output", ""))
        raise failed(dockerfile, step, str(refused), output, cell) from None
    return str(json.loads(answer.body)["ImageUri"])


def failed(dockerfile: str, step: int, why: str, output: str, cell: CellSource) -> ImageBuildError:
    """The error of a build that ended at a step, in terms of the cell."""
    line = line_of(dockerfile, step)
    place = f"{cell.label}, line {line - 1 + cell.first_line}" if line else cell.label
    words = f"{place}: the image did not build: {why}"
    if line and _COPIES.match(lines_of(dockerfile)[line - 1]) and _NOT_THERE.search(why):
        words += (
            "\nThe build context is what --from FOLDER and --file PATH give, and not the notebook's own folder: name"
            " there what the Dockerfile copies."
        )
    words += f"\n{output}" if output else ""
    return ImageBuildError(words, line - 1 + cell.first_line if line else 0, output)


def folder(path: Path) -> dict[str, bytes]:
    """The files of a folder that is a build's context, by their paths."""
    if not path.is_dir():
        raise BadOption(f"{path} is no folder; a Dockerfile's files come from one.")
    return {
        found.relative_to(path).as_posix(): found.read_bytes() for found in sorted(path.rglob("*")) if found.is_file()
    }


def archive(files: Mapping[str, bytes]) -> bytes:
    """A tar of the files: the same content gives the same bytes, and so the same tag."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(files):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(files[path]), 0o755 if files[path].startswith((b"#!", b"\x7fELF")) else 0o644
            tar.addfile(entry, io.BytesIO(files[path]))
    return made.getvalue()


def line_of(dockerfile: str, step: int) -> int:
    """The line on which a Dockerfile's n-th instruction begins, from 1; 0 when there is none."""
    count, continued = 0, False
    for number, line in enumerate(lines_of(dockerfile), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        count += 0 if continued else 1
        if count == step and not continued:
            return number
        continued = text.endswith("\\")
    return 0


def deploy(api: FunctionApi, wanted: WantedImage, uri: str, role: str | None) -> Deployed:
    """Bring the function to what is wanted, and wait until AWS would call it Active.

    Raises `BadOption` when there is a zip function of that name: AWS changes no function's package type.
    """
    try:
        now = api.settled()
    except ResourceNotFound:
        return Deployed(_create(api, wanted, uri, role), created=True)
    if now["PackageType"] != "Image":
        raise BadOption(f"{api.name} is a zip function, and AWS makes no image of one: delete it first.")
    before = now
    query = {"name": uri, "architecture": wanted.architecture}
    answer = api.session.call("GET", "/_lambdalab/images/resolve", query=query, service="lambdalab")
    if json.loads(answer.body)["CodeSha256"] != now["CodeSha256"] or now["Architectures"] != [wanted.architecture]:
        document = {"ImageUri": uri, "Architectures": [wanted.architecture]}
        api.call("PUT", "/code", body=json.dumps(document).encode())
        now = api.settled()
    settings = {name: value for name, value in wanted.settings().items() if _present(now).get(name) != value}
    if settings:
        api.call("PUT", "/configuration", body=json.dumps(settings).encode())
        now = api.settled()
    return Deployed(now, created=False, changes=compare(before, now))


def _create(api: FunctionApi, wanted: WantedImage, uri: str, role: str | None) -> dict[str, Any]:
    document = {
        "FunctionName": api.address,
        "Role": role or f"arn:aws:iam::{api.session.region().account}:role/lambda-role",
        "PackageType": "Image",
        "Code": {"ImageUri": uri},
        "Architectures": [wanted.architecture],
        **wanted.settings(),
    }
    api.session.call("POST", FUNCTIONS, body=json.dumps(document).encode())
    return api.settled()


def _present(now: Mapping[str, Any]) -> dict[str, Any]:
    """A FunctionConfiguration in the members of a request."""
    return {
        **now,
        "Description": now.get("Description", ""),
        "Environment": {"Variables": now.get("Environment", {}).get("Variables", {})},
        "ImageConfig": now.get("ImageConfigResponse", {}).get("ImageConfig", {}),
    }
