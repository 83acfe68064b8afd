"""Images: those of functions, resolved by the Docker engine; those of runtimes, and how far a pull of one is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.api.operations import Call, operation
from lambdalab.errors import ImageBuildRefused, InvalidParameterValue, InvalidRuntime, LabError, RuntimeUnavailable
from lambdalab.model import image, runtime
from lambdalab.model.image import ResolvedImage
from lambdalab.runtimes.backends.docker.building import BuildFailed

if TYPE_CHECKING:
    from lambdalab.api.region import Region


async def resolve(region: Region, uri: str, architecture: str) -> ResolvedImage:
    """The image of a function, as it is now. Refuses, in AWS's words and with the reason, what is not to be had."""
    image.check_uri(uri)
    try:
        return await (await region.isolation.backends.docker.find()).images.resolve(uri, architecture)
    except LabError as problem:
        raise InvalidParameterValue(
            f"Source image {uri} does not exist. Provide a valid source image. ({problem})"
        ) from problem


@operation("GET /_lambdalab/images", service="lambdalab")
async def list_images(region: Region, call: Call) -> Mapping[str, Any]:  # noqa: ARG001 - an operation's signature
    """The images of the runtimes that functions may have, which of them are there, and the pulls of this region."""
    try:
        found = await region.isolation.backends.docker.find()
    except LabError as missing:
        return {"engine": None, "problem": str(missing), "prefix": region.settings.images, "images": [], "pulls": []}
    images = found.images
    names = {one.name: images.name(one.name) for one in runtime.known().values() if not one.blocked}
    return {
        "engine": str(found.engine.facts),
        "problem": None,
        "prefix": region.settings.images,
        "images": [{"runtime": name, "image": where, "id": await images.find(where)} for name, where in names.items()],
        "pulls": [pull.as_json() for pull in images.pulls.values()],
    }


@operation("GET /_lambdalab/pulls", service="lambdalab")
async def list_pulls(region: Region, call: Call) -> Mapping[str, Any]:  # noqa: ARG001 - an operation's signature
    """How far the pulls are that go on now: asked again and again while somebody waits, so no engine is."""
    return {"pulls": [pull.as_json() for pull in region.isolation.backends.docker.pulls()]}


@operation("POST /_lambdalab/images/pull", service="lambdalab")
async def pull_image(region: Region, call: Call) -> Mapping[str, Any]:
    """Pull a runtime's image, or one by its own name; answers when it is there. `GET` says how far it is meanwhile."""
    name = str(call.params.get("name", ""))
    try:
        images = (await region.isolation.backends.docker.find()).images
        wanted = images.name(name) if name in runtime.known() else name
        image.check_uri(wanted)
        await images.pull(wanted, anyway=True)
    except RuntimeUnavailable as missing:
        raise InvalidRuntime(str(missing)) from missing
    return {"image": wanted, "id": await images.find(wanted)}


@operation("POST /_lambdalab/images/build", service="lambdalab")
async def build_image(region: Region, call: Call) -> Mapping[str, Any]:
    """Build an image of a tar with a Dockerfile, by the engine that will run it; the same content is built once."""
    name, architecture = str(call.params.get("name", "")), str(call.params.get("architecture", "x86_64"))
    image.check_uri(name)
    try:
        built = await (await region.isolation.backends.docker.find()).images.build(
            name, call.params["Body"], architecture
        )
    except BuildFailed as problem:
        raise ImageBuildRefused(str(problem), Step=problem.step, Output=problem.output) from problem
    except LabError as missing:
        raise InvalidRuntime(str(missing)) from missing
    return {"ImageUri": built.uri, "CodeSha256": built.digest}


@operation("GET /_lambdalab/images/resolve", service="lambdalab")
async def resolve_image(region: Region, call: Call) -> Mapping[str, Any]:
    """What an image's name means now: its digest, which is the CodeSha256 of a function of it."""
    architecture = str(call.params.get("architecture", "x86_64"))
    found = await resolve(region, str(call.params.get("name", "")), architecture)
    return {"ImageUri": found.uri, "CodeSha256": found.digest}
