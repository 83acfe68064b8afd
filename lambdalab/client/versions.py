"""Versions and aliases of one function: publish, name, shift, go back; and what differs between two of them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lambdalab.client.deployment import Change, compare
from lambdalab.client.display import Displayed
from lambdalab.client.function_api import FunctionApi
from lambdalab.client.package import texts_of
from lambdalab.errors import AwsError, BadOption, ResourceNotFound

LATEST = "$LATEST"


@dataclass(frozen=True, slots=True, repr=False)
class Publication(Displayed):
    """What publishing gave: a `new` version, or the last one, which $LATEST still is."""

    function: str
    version: str
    new: bool
    seconds: float
    configuration: Mapping[str, Any] = field(repr=False)

    def __repr__(self) -> str:
        if self.new:
            return f"{self.function}:{self.version} published in {self.seconds * 1000:.0f} ms"
        return f"{self.function}:{self.version} is $LATEST already, nothing published"


@dataclass(frozen=True, slots=True)
class AliasRoute:
    """Where an alias sends its calls: `version`, but for the shares (0 to 1) of `weights`."""

    name: str
    version: str
    weights: Mapping[str, float]
    description: str = ""

    @property
    def shares(self) -> tuple[tuple[str, float], ...]:
        """(version, share) of each, the primary first."""
        return ((self.version, 1 - sum(self.weights.values())), *self.weights.items())

    def __str__(self) -> str:
        if not self.weights:
            return self.version
        return " + ".join(f"{version} {_percent(share)}" for version, share in self.shares)


@dataclass(frozen=True, slots=True)
class ObservedCall:
    """One call through an alias: the version that ran, how it went, its handler's milliseconds, whether cold."""

    version: str
    ok: bool
    duration_ms: float
    cold: bool


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of two packages. None where there is no such file; binary files have no lines to show."""

    path: str
    before: str | None
    now: str | None


@dataclass(frozen=True, slots=True)
class VersionDifference:
    """What is different in version `now` against version `before`."""

    before: str
    now: str
    files: tuple[FileChange, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Versions(Displayed):
    """A function's versions ($LATEST first, then the newest), its aliases, and what was observed of them.

    `configurations` are AWS's FunctionConfigurations. `calls` are the last ones through each alias since its
    weights were set or the region started.
    """

    function: str
    configurations: tuple[Mapping[str, Any], ...]
    aliases: tuple[AliasRoute, ...]
    calls: Mapping[str, tuple[ObservedCall, ...]] = field(default_factory=dict)
    difference: VersionDifference | None = None

    def __repr__(self) -> str:
        number = len(self.configurations) - 1  # $LATEST is no version yet
        routes = ", ".join(f"{alias.name} {alias}" for alias in self.aliases)
        return f"{self.function}: {number} version{'' if number == 1 else 's'}{'; ' if routes else ''}{routes}"


@dataclass(frozen=True, slots=True, repr=False)
class AliasChange(Displayed):
    """An alias as it is now, and as it was (`before` None: it is new; `route` None: it was deleted)."""

    function: str
    name: str
    route: AliasRoute | None
    before: AliasRoute | None
    versions: Versions = field(repr=False)

    def __repr__(self) -> str:
        if self.route is None:
            return f"{self.function}:{self.name} deleted"
        was = f" (was {self.before})" if self.before is not None and str(self.before) != str(self.route) else ""
        return f"{self.function}:{self.name} -> {self.route}{was}"


# -- reading


def versions(api: FunctionApi, pair: tuple[str, str] | None = None) -> Versions:
    """All versions and aliases. `pair` names the two to compare; without it those that a person would ask for."""
    found = list(api.pages("/versions", "Versions"))
    newest_first = (*found[:1], *reversed(found[1:]))
    routes = tuple(_route(document) for document in api.pages("/aliases", "Aliases"))
    arn = found[0]["FunctionArn"].removesuffix(f":{LATEST}")
    calls = {route.name: _calls(api, f"{arn}:{route.name}") for route in routes}
    asked = pair or _interesting(newest_first, routes)
    return Versions(api.name, newest_first, routes, calls, difference(api, *asked) if asked else None)


def difference(api: FunctionApi, before: str, now: str) -> VersionDifference:
    """What changed from one version to another, in the code and in the configuration. Aliases do as well."""
    first, second = api.configuration(before), api.configuration(now)
    files: tuple[FileChange, ...] = ()
    if first["CodeSha256"] != second["CodeSha256"]:
        old, new = (texts_of(api.package(one) or b"") for one in (before, now))
        paths = sorted(old.keys() | new.keys())
        files = tuple(FileChange(p, old.get(p), new.get(p)) for p in paths if old.get(p) != new.get(p))
    return VersionDifference(before, now, files, compare(first, second))


def _interesting(configurations: tuple[Mapping[str, Any], ...], routes: tuple[AliasRoute, ...]) -> Any:
    """A canary's two versions; else $LATEST against the last published one, or that against the one before."""
    for route in routes:
        if route.weights:
            return tuple(sorted((route.version, *route.weights), key=int)[:2])
    published = configurations[1:]
    if not published:
        return None
    if any(change.what != "description" for change in compare(published[0], configurations[0])):
        return published[0]["Version"], LATEST
    return (published[1]["Version"], published[0]["Version"]) if len(published) > 1 else None


def _calls(api: FunctionApi, arn: str) -> tuple[ObservedCall, ...]:
    try:
        answer = api.session.call("GET", "/_lambdalab/calls", query={"arn": arn}, service="lambdalab")
    except AwsError:  # a real account tells nothing of this kind
        return ()
    return tuple(ObservedCall(*call) for call in json.loads(answer.body)["calls"])


def _route(document: Mapping[str, Any]) -> AliasRoute:
    weights = document.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return AliasRoute(document["Name"], document["FunctionVersion"], weights, document.get("Description", ""))


# -- changing


def publish(api: FunctionApi, description: str | None) -> Publication:
    """Make $LATEST a version; the same code and configuration twice are the same version."""
    began = time.monotonic()
    before = max(
        (int(one["Version"]) for one in api.pages("/versions", "Versions") if one["Version"] != LATEST), default=0
    )
    api.settled()
    number = api.ask("POST", "/versions", {} if description is None else {"Description": description})["Version"]
    found = api.settled(number)
    return Publication(api.name, number, int(number) > before, time.monotonic() - began, found)


def point(
    api: FunctionApi, name: str, version: str | None, weights: Mapping[str, float] | None, description: str | None
) -> AliasChange:
    """Make or change an alias. Without `version` it keeps its own; without `weights` all calls go to the version.

    A `description` alone changes nothing else.
    """
    before = _find(api, name)
    if before is None and version is None:
        raise BadOption(f"{api.name} has no alias {name!r} yet: name the version that it shall point at.")
    document: dict[str, Any] = {} if version is None else {"FunctionVersion": version}
    document |= {} if description is None else {"Description": description}
    if version is not None or weights is not None:
        document |= {"RoutingConfig": {"AdditionalVersionWeights": dict(weights or {})}}
    if before is None:
        found = api.ask("POST", "/aliases", {"Name": name, **document})
    else:
        found = api.ask("PUT", f"/aliases/{name}", document)
    return AliasChange(api.name, name, _route(found), before, versions(api))


def unname(api: FunctionApi, name: str) -> AliasChange:
    """Delete an alias. Raises `ResourceNotFound` when there is none."""
    before = _route(api.ask("GET", f"/aliases/{name}"))
    api.call("DELETE", f"/aliases/{name}")
    return AliasChange(api.name, name, None, before, versions(api))


def rollback(api: FunctionApi, name: str) -> AliasChange:
    """End an alias's canary; where there is none, point it at the version published before its own.

    Raises `BadOption` when there is no earlier version.
    """
    before = _route(api.ask("GET", f"/aliases/{name}"))
    if before.weights:
        return point(api, name, before.version, None, None)
    numbers = sorted(int(one["Version"]) for one in api.pages("/versions", "Versions") if one["Version"] != LATEST)
    earlier = [number for number in numbers if before.version == LATEST or number < int(before.version)]
    if not earlier:
        raise BadOption(
            f"{api.name}:{name} points at version {before.version}, and no earlier version is there to go back to."
        )
    return point(api, name, str(earlier[-1]), None, None)


def _find(api: FunctionApi, name: str) -> AliasRoute | None:
    try:
        return _route(api.ask("GET", f"/aliases/{name}"))
    except ResourceNotFound:
        return None


def _percent(share: float) -> str:
    return f"{share * 100:.4g}%"
