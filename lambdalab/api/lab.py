"""The lab's own routes: how the region is, what it can do here, and the way to end it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambdalab import extras
from lambdalab.api.operations import Call, operation
from lambdalab.engine.room import machine
from lambdalab.errors import InvalidRuntime, RuntimeUnavailable
from lambdalab.model import runtime
from lambdalab.runtimes import families
from lambdalab.runtimes.backends.probe import Level
from lambdalab.runtimes.catalogue import how_to_get
from lambdalab.sources.child import Child
from lambdalab.sources.child import installed as child_installed
from lambdalab.version import __version__

if TYPE_CHECKING:
    from lambdalab.api.region import Region

_OWN = "lambdalab"
_PAGE = os.sysconf("SC_PAGE_SIZE")


@operation("GET /_lambdalab/status", service=_OWN)
async def status(region: Region, call: Call) -> Mapping[str, Any]:  # noqa: ARG001 - an operation's signature
    """Who this region is, and how busy."""
    return _status(region)


def _status(region: Region) -> dict[str, Any]:
    return {
        "version": __version__,
        "pid": os.getpid(),
        "endpoint": region.endpoint,
        "home": str(region.settings.home),
        "uptime_seconds": round(region.lifecycle.uptime_seconds, 1),
        "requests": region.lifecycle.requests,
        "environments": region.environments.counts(),
        "log": str(region.settings.log_file),
        "aws": _rest_of_aws(region.child),
    }


def _rest_of_aws(child: Child) -> dict[str, Any]:
    """The process that serves the other services: its state in a word, and what becomes of its data."""
    state = "not installed" if not child_installed() else "running" if child.pid else "not started"
    return {
        "state": state,
        "pid": child.pid,
        "home": str(child.home),
        "kept": "kept in the home when the region ends in order; changes since then are lost when it is killed",
        "advice": None if child_installed() else extras.how_to_install("aws"),
    }


@operation("POST /_lambdalab/stop", service=_OWN)
async def stop(region: Region, call: Call) -> Mapping[str, Any]:  # noqa: ARG001
    """End the region after this answer."""
    region.lifecycle.stop()
    return {"stopping": True}


@operation("GET /_lambdalab/doctor", service=_OWN)
async def doctor(region: Region, call: Call) -> Mapping[str, Any]:  # noqa: ARG001
    """What this machine can run, and what is enforced; looked at now."""
    began = region.clock.monotonic()
    memory = machine()
    runtimes = [await _runtime(region, name) for name in _runtimes(region)]
    levels = await region.isolation.all_levels()
    return {
        **_status(region),
        "python": ".".join(map(str, sys.version_info[:3])),
        "account": region.settings.account,
        "region": region.settings.region,
        "backend": region.isolation.chosen,
        "runtimes": runtimes,
        "levels": [asdict(level) for level in levels],
        "memory": {"region_mb": _resident_mb(), "limit_mb": memory.total_mb if memory else None},
        "problems": (problems := _problems(region, levels, runtimes)),
        "notes": [*problems, *_remarks(region)],
        "checked_ms": round((region.clock.monotonic() - began) * 1000, 1),
    }


@operation("GET /_lambdalab/runtime", service=_OWN)
async def find_runtime(region: Region, call: Call) -> Mapping[str, Any]:
    """The interpreter or the image that would run a runtime; refused as an invocation would be without one."""
    name = str(call.params.get("name", ""))
    runtime.check(name, region.runtime_policy, updating=True)
    try:
        found = await region.isolation.backends.runner(name, pull=True)
    except RuntimeUnavailable as missing:
        raise InvalidRuntime(str(missing)) from missing
    return asdict(found)


@operation("GET /_lambdalab/runtimes", service=_OWN)
async def offered_runtimes(region: Region, call: Call) -> Mapping[str, Any]:
    """The runtimes of a family that AWS creates today, the newest first, and whether they run here without a pull."""
    names = runtime.offered(str(call.params.get("family", "")), region.runtime_policy)
    found = [await _runtime(region, name) for name in names]
    return {"runtimes": [{"name": one["name"], "runs": one["problem"] is None} for one in found]}


@operation("GET /_lambdalab/calls", service=_OWN)
async def calls(region: Region, call: Call) -> Mapping[str, Any]:
    """The last calls made with an ARN since the region started: [version, ok, duration in ms, cold] each."""
    return {"calls": [list(entry) for entry in region.dispatcher.journal.calls(str(call.params.get("arn", "")))]}


def _runtimes(region: Region) -> list[str]:
    """Those that functions may have today and that this version can run, given the interpreter."""
    policy = region.runtime_policy
    return [
        one.name
        for one in runtime.known().values()
        if one.family in families.NAMES and (policy.allow_blocked or not one.refused(policy.today, updating=False))
    ]


async def _runtime(region: Region, name: str) -> dict[str, Any]:
    try:
        found = await region.isolation.backends.runner(name, pull=False)
    except RuntimeUnavailable as missing:
        return {"name": name, "path": None, "version": None, "problem": str(missing), "advice": how_to_get(name)}
    return {"name": name, "path": found.path, "version": found.version, "problem": None, "advice": None}


def _problems(region: Region, levels: tuple[Level, ...], runtimes: list[dict[str, Any]]) -> list[str]:
    """What somebody may want to do something about."""
    problems = [
        f"{level.backend} is not available: {level.reason}"
        for level in levels
        if not level.available and level.backend != "docker"
    ]
    if advice := _rest_of_aws(region.child)["advice"]:
        problems.append(f"S3, KMS, EC2 and the rest of AWS are not installed: {advice}")
    if all(runtime["problem"] for runtime in runtimes):
        problems.append("no runtime can run here: install one of the interpreters above")
    return problems


def _remarks(region: Region) -> list[str]:
    """What is as it should be, and good to know."""
    aws = _rest_of_aws(region.child)
    if aws["advice"]:
        return []
    state = "starts when something needs it" if aws["state"] == "not started" else aws["state"]
    return [f"the rest of AWS (S3, KMS, EC2 and more): {state}; its state is {aws['kept']}"]


def _resident_mb() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE >> 20
    except OSError:
        return 0
