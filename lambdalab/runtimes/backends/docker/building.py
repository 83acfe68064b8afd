"""Building an image of a function from a Dockerfile and its files: by the engine, tagged by what it is made of."""

from __future__ import annotations

import io
import re
import tarfile
from dataclasses import dataclass
from typing import Any

from lambdalab import config
from lambdalab.errors import LabError
from lambdalab.runtimes.backends.docker import problems

_STEP = re.compile(r"Step (\d+)/\d+ ?: (.*)", re.IGNORECASE)
"""Docker says "Step 2/2 : RUN x", Podman "STEP 2/2: RUN x"."""
_FROM = re.compile(rf"^(\s*FROM\s+(?:--\S+\s+)*){re.escape(config.IMAGES)}/", re.IGNORECASE | re.MULTILINE)
_SHOWN_LINES = 15
DOCKERFILE = "Dockerfile"


class BuildFailed(LabError):
    """The Dockerfile did not build. `step` is the instruction's number, from 1; 0 when none was begun."""

    def __init__(self, message: str, step: int, output: str) -> None:
        super().__init__(message)
        self.step, self.output = step, output


@dataclass(frozen=True, slots=True)
class Built:
    """What a build made: the image's name, its id, and what was said on the way."""

    name: str
    identity: str
    output: str


def build(api: Any, context: bytes, name: str, platform: str, prefix: str) -> Built:
    """Build the context (a tar with a Dockerfile). Blocks. Raises `BuildFailed` and what the SDK raises.

    `FROM` of AWS's own registry takes the image below `prefix`, where a mirror is set: the Dockerfiles of AWS's
    documentation build in a room without internet.
    """
    messages = api.build(
        fileobj=io.BytesIO(_mirrored(context, prefix)),
        custom_context=True,
        tag=name,
        platform=platform,
        rm=True,
        forcerm=True,
        decode=True,
    )
    said, step, identity = "", 0, ""
    for message in messages:
        said += str(message.get("stream", ""))
        found = _STEP.match(str(message.get("stream", "")))
        step = int(found[1]) if found else step
        identity = str((message.get("aux") or {}).get("ID", identity))
        if "error" in message:
            raise BuildFailed(" ".join(str(message["error"]).split()), step, _end(said))
    return Built(name, identity or str(api.inspect_image(name)["Id"]), said)


def failed(problem: LabError) -> BuildFailed:
    """A refusal of the whole build, such as of a Dockerfile that cannot be parsed."""
    cause = problem.__cause__
    return BuildFailed(problems.reason(cause) if isinstance(cause, Exception) else str(problem), 0, "")


def _mirrored(context: bytes, prefix: str) -> bytes:
    if prefix == config.IMAGES:
        return context
    made = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(context)) as before, tarfile.open(fileobj=made, mode="w") as after:
        for entry in before:
            content = before.extractfile(entry)
            data = content.read() if content is not None else b""
            if entry.name.removeprefix("./") == DOCKERFILE:
                data = _FROM.sub(rf"\g<1>{prefix}/", data.decode()).encode()
                entry.size = len(data)
            after.addfile(entry, io.BytesIO(data) if content is not None else None)
    return made.getvalue()


def _end(said: str) -> str:
    return "\n".join(said.splitlines()[-_SHOWN_LINES:])
