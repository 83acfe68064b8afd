"""The names of what a running region has, for completion and for what stands beside errors: one page of each, and
nothing is started or raised."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from lambdalab.client.session import Session
from lambdalab.errors import LabError

FUNCTIONS = "/2015-03-31/functions"
_LAYERS = "/2018-10-31/layers"


class Names:
    """Names, sorted as people look for them; none of anything when no region runs."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def functions(self) -> tuple[str, ...]:
        """The functions' names."""
        return tuple(sorted(self._page(FUNCTIONS, "Functions", lambda one: one["FunctionName"])))

    def has(self, function: str) -> bool:
        """Whether there is a function of that name."""
        return bool(self._get(f"{FUNCTIONS}/{quote(function, safe='')}/configuration", {}))

    def versions(self, function: str) -> tuple[str, ...]:
        """A function's versions, the newest first, $LATEST last."""
        found = self._page(f"{FUNCTIONS}/{quote(function, safe='')}/versions", "Versions", lambda one: one["Version"])
        return tuple(reversed(found))

    def aliases(self, function: str) -> tuple[str, ...]:
        """A function's aliases."""
        found = self._page(f"{FUNCTIONS}/{quote(function, safe='')}/aliases", "Aliases", lambda one: one["Name"])
        return tuple(found)

    def layers(self) -> tuple[str, ...]:
        """The layers' names."""
        return tuple(self._page(_LAYERS, "Layers", lambda one: one["LayerName"]))

    def layer_versions(self) -> tuple[str, ...]:
        """Each layer's newest version, as `common:3`."""

        def newest(one: dict[str, Any]) -> str:
            return f"{one['LayerName']}:{one['LatestMatchingVersion']['Version']}"

        return tuple(self._page(_LAYERS, "Layers", newest))

    def versions_of_layer(self, layer: str) -> tuple[str, ...]:
        """A layer's versions, the newest first."""
        path = f"{_LAYERS}/{quote(layer, safe='')}/versions"
        return tuple(self._page(path, "LayerVersions", lambda one: str(one["Version"])))

    def timeout(self, function: str, qualifier: str | None = None) -> int | None:
        """A function's timeout in seconds; None where it cannot be had."""
        query = {"Qualifier": qualifier} if qualifier else {}
        found: int | None = self._get(f"{FUNCTIONS}/{quote(function, safe='')}/configuration", query).get("Timeout")
        return found

    def _page(self, path: str, member: str, name: Callable[[dict[str, Any]], str]) -> list[str]:
        return [name(one) for one in self._get(path, {}).get(member, ())]

    def _get(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        """The region's answer; nothing in it where it does not run, or refuses."""
        try:
            found = self._session.running()
            if found is None:
                return {}
            wire = found.quick_wire()
            answer: dict[str, Any] = json.loads(wire.call("GET", path, query=query).body)
            wire.close()
        except LabError:
            return {}
        return answer
