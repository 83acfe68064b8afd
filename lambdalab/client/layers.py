"""Layers: packages that functions share, published as numbered versions."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from lambdalab.client import languages, requirements, several
from lambdalab.client.building.python import parsed
from lambdalab.client.display import Displayed
from lambdalab.client.names import FUNCTIONS
from lambdalab.client.package import Package, package_of
from lambdalab.client.requirements.pip import Pip
from lambdalab.client.session import Session
from lambdalab.errors import ResourceNotFound

_PATH = "/2018-10-31/layers"
_PYTHON = Pip.layer
_LONGEST_DESCRIPTION = 256


@dataclass(frozen=True, slots=True, repr=False)
class LayerPublication(Displayed):
    """What publishing gave: a `new` version, or one that had the same content already.

    `contents` are what was packed: `requests 2.32.3`, `python/common.py`. `document` is AWS's answer.
    """

    layer: str
    version: int
    new: bool
    seconds: float
    contents: tuple[str, ...]
    document: Mapping[str, Any] = field(repr=False)

    def __repr__(self) -> str:
        if self.new:
            return f"{self.layer}:{self.version} published in {self.seconds * 1000:.0f} ms"
        return f"{self.layer}:{self.version} has this content already, nothing published"


@dataclass(frozen=True, slots=True, repr=False)
class LayerVersions(Displayed):
    """A layer's versions as AWS's LayerVersionsListItem documents, newest first.

    `users` are the functions that have a version now, by its number.
    """

    layer: str
    versions: tuple[Mapping[str, Any], ...]
    users: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        number = len(self.versions)
        newest = f", newest {self.layer}:{self.versions[0]['Version']}" if number else ""
        return f"layer {self.layer}: {number} version{'' if number == 1 else 's'}{newest}"


class LayerList(tuple[Mapping[str, Any], ...], Displayed):
    """The layers of a region as AWS's LayersListItem documents, by name, each with its newest version."""

    __slots__ = ()

    def __repr__(self) -> str:
        names = ", ".join(f"{one['LayerName']}:{one['LatestMatchingVersion']['Version']}" for one in self[:8])
        more = f", and {len(self) - 8} more" if len(self) > 8 else ""
        return f"{len(self)} layer{'' if len(self) == 1 else 's'}{': ' if self else ''}{names}{more}"


class Layer:
    """A layer by name; it need not exist yet. Every method raises `AwsError` where AWS would refuse.

    What a version holds already, with the same description and for the same runtimes, is not published again:
    a notebook can be run twice.
    """

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._path = f"{_PATH}/{quote(name, safe='')}/versions"
        self.name = name

    def __repr__(self) -> str:
        return f"Layer({self.name!r})"

    def versions(self) -> LayerVersions:
        """Its versions, and which functions have them. None of a layer that is not there."""
        found = tuple(self._session.pages(self._path, "LayerVersions"))
        arn = found[0]["LayerVersionArn"].rpartition(":")[0] if found else ""
        return LayerVersions(self.name, found, _users(self._session, arn) if found else {})

    def publish(
        self,
        files: Mapping[str, str | bytes],
        *,
        runtimes: Sequence[str] = (),
        architectures: Sequence[str] = (),
        description: str = "",
    ) -> LayerPublication:
        """Publish files by their paths below /opt, such as `{"python/common.py": "..."}`."""
        several.check_dict("files", files, '{"python/common.py": "..."}')
        several.check_lists(runtimes=runtimes, architectures=architectures)
        began = time.monotonic()
        content = {path: data.encode() if isinstance(data, str) else data for path, data in files.items()}
        members = _members(runtimes, architectures, description)
        return self._publish(package_of(content), tuple(sorted(files)), members, began)

    def publish_module(
        self,
        source: str,
        *,
        module: str | None = None,
        label: str = "the source",
        first_line: int = 1,
        runtimes: Sequence[str] = (),
        architectures: Sequence[str] = (),
        description: str = "",
    ) -> LayerPublication:
        """Publish one Python module, named as the layer (hyphens as underscores) unless `module` names it.

        The rest is `publish`'s. Raises `CellSyntaxError`, in terms of `label` and its `first_line`.
        """
        parsed(source, label, first_line)
        files = {f"{_PYTHON}{module or self.name.replace('-', '_')}.py": source}
        return self.publish(files, runtimes=runtimes, architectures=architectures, description=description)

    def publish_requirements(
        self, *wanted: str, runtime: str, architecture: str = "x86_64", description: str = "", refresh: bool = False
    ) -> LayerPublication:
        """Publish what pip, or for Node.js npm, installs for `wanted`: `requests==2.*`, a file ending in .txt;
        `left-pad@1.3.0`, a package.json. Install scripts of npm's packages are not run.

        The same requirements are installed once and kept; `refresh` asks again. Raises `BadOption` for what is no
        requirement and for runtimes of other languages, and `NotInstalled` when they cannot be had.
        """
        began = time.monotonic()
        self._session.region()  # before pip's minutes: where no region starts, there is nothing to publish to
        kind = languages.runtime(runtime, languages.offers_of(self._session))
        made = requirements.install(
            wanted,
            runtime=kind.name,
            architecture=architecture,
            cache=self._session.settings.home / "cache" / "requirements",
            layer=True,
            refresh=refresh,
        )
        contents = tuple(f"{name} {version}" for name, version in made.distributions)
        members = _members([kind.name], [architecture], description or made.asked[:_LONGEST_DESCRIPTION])
        return self._publish(made.package, contents, members, began)

    def delete(self, version: int) -> LayerVersions:
        """Delete one version; functions that have it keep it. Raises `ResourceNotFound` when it is not there."""
        self._session.call("GET", f"{self._path}/{version}")
        self._session.call("DELETE", f"{self._path}/{version}")
        return self.versions()

    def _publish(
        self, made: Package, contents: tuple[str, ...], members: Mapping[str, Any], began: float
    ) -> LayerPublication:
        found = self._with(made, members)
        new = found is None
        if found is None:
            document = {"Content": {"ZipFile": base64.b64encode(made.data).decode()}, **members}
            found = json.loads(self._session.call("POST", self._path, body=json.dumps(document).encode()).body)
        return LayerPublication(self.name, found["Version"], new, time.monotonic() - began, contents, found)

    def _with(self, made: Package, members: Mapping[str, Any]) -> dict[str, Any] | None:
        """The newest version that has this content and these members."""
        for listed in self._session.pages(self._path, "LayerVersions"):
            if any(listed.get(name, []) != value for name, value in members.items()):
                continue
            try:
                found: dict[str, Any] = json.loads(self._session.call("GET", f"{self._path}/{listed['Version']}").body)
            except ResourceNotFound:  # deleted meanwhile
                continue
            if found["Content"]["CodeSha256"] == made.code_sha256:
                return found
        return None


def layers(session: Session) -> LayerList:
    """All layers of the region."""
    return LayerList(session.pages(_PATH, "Layers"))


def _members(runtimes: Sequence[str], architectures: Sequence[str], description: str) -> dict[str, Any]:
    return {
        "Description": description,
        "CompatibleRuntimes": list(runtimes),
        "CompatibleArchitectures": list(architectures),
    }


def _users(session: Session, arn: str) -> dict[int, tuple[str, ...]]:
    """The functions whose $LATEST has a version of the layer, by the version's number."""
    found: dict[int, tuple[str, ...]] = {}
    for function in session.pages(FUNCTIONS, "Functions"):
        for layer in function.get("Layers", ()):
            of, _, number = layer["Arn"].rpartition(":")
            if of == arn:
                found[int(number)] = (*found.get(int(number), ()), function["FunctionName"])
    return found
