"""The command that installs an extra, for the way in which LambdaLab itself was installed.

pip notes where a distribution came from when that was no index (`direct_url.json` of PyPA's "Recording the Direct URL
Origin of installed distributions"): a clone's extras are not to be had by the name alone.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

_NAME = "lambdalab"


@cache
def how_to_install(extra: str) -> str:
    """`/path/to/python -m pip install -e '/path/to/clone[aws]'`: with the pip of the Python that runs this."""
    try:
        noted = metadata.distribution(_NAME).read_text("direct_url.json")
        origin = json.loads(noted) if noted else None
    except metadata.PackageNotFoundError:  # run from its folder, without an installation
        origin = {"url": Path(__file__).parents[1].as_uri(), "dir_info": {"editable": True}}
    return f"{shlex.quote(sys.executable or 'python')} -m pip install {words_for(extra, origin)}"


def words_for(extra: str, origin: Mapping[str, Any] | None) -> str:
    """What pip is told to install, in a shell's words; `origin` is what `direct_url.json` says, if it is there."""
    name = f"{_NAME}[{extra}]"
    if origin is None:
        return shlex.quote(name)
    url = str(origin["url"])
    if "dir_info" in origin:
        folder = Path(unquote(urlsplit(url).path))
        if not (folder / "pyproject.toml").is_file():  # moved or deleted since
            return shlex.quote(name)
        return ("-e " if origin["dir_info"].get("editable") else "") + shlex.quote(f"{folder}[{extra}]")
    source = origin.get("vcs_info")
    return shlex.quote(f"{name} @ " + (f"{source['vcs']}+{url}@{source['commit_id']}" if source else url))
