"""Removing what regions made on an engine: a crashed one's when another begins, its own when it ends. Blocking."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lambdalab.runtimes.backends.docker.ownership import HOME, OWNER, Owner

_AT_ONCE = 8
Chosen = Callable[[Mapping[str, str]], bool]


def remove_crashed(api: Any, owner: Owner) -> int:
    """Remove the containers, volumes and networks of regions that are no more. Returns how many there were."""
    return _remove(api, {"label": OWNER}, owner.has_left)


def remove_own(api: Any, owner: Owner) -> int:
    """Remove everything of the owner's."""
    labels = [f"{name}={value}" for name, value in owner.labels.items()]
    return _remove(api, {"label": labels}, lambda labels: labels.get(HOME) == owner.home)


def _remove(api: Any, filters: Mapping[str, Any], chosen: Chosen) -> int:
    containers = [one["Id"] for one in api.containers(all=True, filters=filters) if chosen(one.get("Labels") or {})]
    volumes = [
        one["Name"] for one in api.volumes(filters=filters).get("Volumes") or () if chosen(one.get("Labels") or {})
    ]
    networks = [one["Id"] for one in api.networks(filters=filters) if chosen(one.get("Labels") or {})]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(lambda one: _gone(api.remove_container, one, force=True, v=True), containers))
        list(threads.map(lambda one: _gone(api.remove_volume, one, force=True), volumes))
        list(threads.map(lambda one: _gone(api.remove_network, one), networks))
    return len(containers) + len(volumes) + len(networks)


def _gone(remove: Callable[..., None], name: str, **options: Any) -> None:
    with contextlib.suppress(Exception):  # another removes it at this moment, or the engine will not: it is found again
        remove(name, **options)
