"""A lab's connection to its region: found or started when first needed, and again when it has ended meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lambdalab import config
from lambdalab.client import following, giving_up, region
from lambdalab.client.cell import Sources
from lambdalab.client.region import IsolatedHome, RunningRegion
from lambdalab.client.wire import NobodyListens, Response, Wire
from lambdalab.errors import RegionUnavailable


class Session:
    """`home` None is the default home; `isolated` a temporary one. `changes` are fields of `config.Settings`."""

    def __init__(self, home: Path | str | None, isolated: bool, changes: Mapping[str, Any]) -> None:
        self._home = None if home is None else Path(home).expanduser().absolute()
        self._isolated = isolated
        self._changes = changes
        self._own_home: IsolatedHome | None = None
        self._ended = False
        self._running: RunningRegion | None = None
        self._wire: Wire | None = None
        self.sources = Sources()
        """The cells that functions were deployed from, by name: what stack traces are placed in."""

    def __repr__(self) -> str:
        where = "isolated" if self._isolated else str(self.settings.home)
        state = "closed" if self._ended else "not started"
        return f"{where}, {'region at ' + self._running.endpoint if self._running else state}"

    @property
    def settings(self) -> config.Settings:
        """Where the home is, and what its region runs with. An isolated home is made when this is first asked.

        Raises `RegionUnavailable` when it has ended.
        """
        if self._ended:
            raise RegionUnavailable("this isolated lab was closed, and all that was in it is gone: make another one.")
        if self._own_home is None:
            settings = replace(config.load(home=self._home), **self._changes)
            if not self._isolated:
                return settings
            self._own_home = IsolatedHome(settings)
        return self._own_home.settings

    def region(self) -> RunningRegion:
        """The region, started if need be. It may have ended since it was found; the next call finds that out."""
        return self._running or self.current()

    def current(self) -> RunningRegion:
        """The region as it is at this moment, started if need be: one that was started anew has another port."""
        settings, own = self.settings, self._own_home
        if own is not None and not own.mine:
            found = region.find_parents(settings)
        else:
            found = region.find_or_start(settings, own.owner_fd if own is not None else None)
        if found != self._running:
            self._running, self._wire = found, None
        self._tell(found)
        return found

    def running(self) -> RunningRegion | None:
        """The region if it runs already. Starts nothing, and makes no home."""
        if self._running is not None or (self._isolated and self._own_home is None):
            return self._running
        return region.find(self.settings)

    def call(self, method: str, path: str, **more: Any) -> Response:
        """One signed request to the region (see `Wire.call`)."""
        try:
            return self._connected().call(method, path, **more)
        except RegionUnavailable as problem:
            # What was not sent, and what changes nothing, may be asked again. Anything else may have been done.
            if not isinstance(problem, NobodyListens) and method != "GET":
                raise
            self._running = self._wire = None
            return self._connected().call(method, path, **more)

    def stream(self, path: str, **more: Any) -> tuple[Response, Iterator[bytes]]:
        """One signed POST whose answer comes in pieces (see `Wire.stream`)."""
        try:
            return self._connected().stream(path, **more)
        except NobodyListens:
            self._running = self._wire = None
            return self._connected().stream(path, **more)

    def pages(self, path: str, member: str) -> Iterator[dict[str, Any]]:
        """The members of all pages of a list of Lambda's."""
        query: dict[str, str] = {}
        while True:
            page = json.loads(self.call("GET", path, query=query).body)
            yield from page[member]
            if not page.get("NextMarker"):
                return
            query = {"Marker": page["NextMarker"]}

    def call_json(self, service: str, target: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """One call of a service that speaks AWS's JSON protocol, such as CloudWatch Logs."""
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
        answer = self.call("POST", "/", headers=headers, body=json.dumps(document).encode(), service=service)
        members: dict[str, Any] = json.loads(answer.body)
        return members

    def close(self) -> None:
        """Let go of the region; an isolated one ends, and its home is removed."""
        if self._wire is not None:
            self._wire.close()
        self._running = self._wire = None
        if self._own_home is not None:
            self._own_home.close()
            self._own_home = None
            self._ended = True

    def _connected(self) -> Wire:
        giving_up.check()
        found, wire = self.region(), self._wire  # another thread may find the region anew meanwhile
        if wire is None:
            wire = self._wire = found.wire()
        self._tell(found)
        return wire

    def _tell(self, found: RunningRegion) -> None:
        if self._home is None and not self._isolated:
            following.tell(lambda: region.environment(found))
