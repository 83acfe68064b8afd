"""Requirements as a package: what the person's own package manager installs for a runtime on Lambda's own Linux.

Where packages come from is the package manager's own configuration; nothing is named here. A package that was
installed once is kept in the home under what was asked for, so that the same line gives the same bytes, network or
not.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lambdalab.client.package import Package, package_of_folder
from lambdalab.client.requirements.base import Installed, Installer, Requirements, Target
from lambdalab.client.requirements.npm import Npm
from lambdalab.client.requirements.pip import Pip
from lambdalab.errors import BadOption, NotInstalled
from lambdalab.model import runtime as runtimes

__all__ = ["Installed", "NotInstalled", "install"]

_INSTALLERS: dict[str, Installer] = {"python": Pip(), "nodejs": Npm()}
"""By family of runtimes."""
_INSTEAD = {
    "ruby": "For Ruby let Bundler put the gems beside the function: `bundle config set --local path vendor/bundle`, "
    "`bundle install`, then deploy the folder, or add it with --file vendor.",
    "java": "For Java let Maven (`mvn dependency:copy-dependencies`) or Gradle gather the jars, and add "
    "their folder as lib: --file target/dependency=lib.",
    "dotnet": "For .NET NuGet's packages go into a function, not into a layer: --requirements beside a cell, or a "
    "project's folder, which `dotnet publish` builds (--from).",
    "provided": "Go fetches what a cell imports by itself; for other programs build the folder, and deploy that.",
}
"""What people do where LambdaLab installs nothing, by family of runtimes."""


def install(
    words: Sequence[str], *, runtime: str, architecture: str, cache: Path, layer: bool = False, refresh: bool = False
) -> Installed:
    """The package of what `words` ask for, for a runtime such as `python3.12` and `x86_64` or `arm64`.

    Laid out as a function's own, or as a `layer`'s. Kept in the directory `cache`; `refresh` asks the package manager
    again. Raises `BadOption` for a runtime whose libraries are not installed here and for what is no requirement, and
    `NotInstalled` for everything else.
    """
    installer, target = _installer(runtime), Target(runtime, architecture)
    wanted = installer.read(words)
    prefix = installer.layer if layer else ""
    place = cache / f"{_key(wanted, target, prefix)}.zip"
    if place.is_file() and not refresh and not wanted.elsewhere:
        made = Package(place.read_bytes())
        return Installed(made, str(wanted), installer.contents(made.data), kept=True)
    with tempfile.TemporaryDirectory(prefix="lambdalab-requirements-") as folder:
        installer.fill(Path(folder), wanted, target)
        made = package_of_folder(Path(folder), prefix)
    _keep(place, made)
    return Installed(made, str(wanted), installer.contents(made.data), kept=False)


def _installer(runtime: str) -> Installer:
    known = runtimes.known().get(runtime)
    family = known.family if known is not None else ""
    if family in _INSTALLERS:
        return _INSTALLERS[family]
    raise BadOption(
        "--requirements installs with pip for Python, with npm for Node.js and with NuGet for a cell of .NET; "
        f"the runtime is {runtime!r}. " + _INSTEAD.get(family, "Try python3.12 or nodejs22.x.")
    )


def _key(wanted: Requirements, target: Target, prefix: str) -> str:
    asked = json.dumps([sorted(wanted.lines), target.runtime, target.architecture, prefix])
    digest = hashlib.sha256(asked.encode())
    for name, data in sorted(wanted.files.items()):
        digest.update(f"\n{name} {len(data)}\n".encode() + data)
    return digest.hexdigest()


def _keep(place: Path, made: Package) -> None:
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as file:
        file.write(made.data)
    Path(file.name).replace(place)
