"""One function of a region: deploy it, invoke it, read its log, delete it."""

from __future__ import annotations

import base64
import difflib
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from lambdalab.client import concurrency, configuring, invocation, logs, versions
from lambdalab.client.building import Source, build
from lambdalab.client.cell import CellSource
from lambdalab.client.concurrency import Concurrency
from lambdalab.client.configuring import FunctionSettings, NewSettings
from lambdalab.client.deployment import Deployment, Wanted, changed_settings, changes
from lambdalab.client.function_api import FUNCTIONS, FunctionApi
from lambdalab.client.invocation import RECORD_HEADER, Invocation
from lambdalab.client.logs import LogView
from lambdalab.client.package import Package, package, source_of
from lambdalab.client.session import Session
from lambdalab.client.streaming import Stream
from lambdalab.client.versions import AliasChange, Publication, Versions
from lambdalab.errors import BadEvent, BadOption, ResourceNotFound
from lambdalab.model import runtime as runtimes
from lambdalab.model.runtime import Runtime

_LINES = 1000
_MEASURED = {"X-Amz-Log-Type": "Tail", RECORD_HEADER: "1"}
"""Headers that ask for the end of the log and for all that was measured."""
_GO = "provided.al2023"
THIS_PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"


class Function:
    """A function by name; it need not exist yet. Every method raises `AwsError` where AWS would refuse."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._api = FunctionApi(session, name)
        self.name = name

    def __repr__(self) -> str:
        return f"Function({self.name!r})"

    @property
    def configuration(self) -> dict[str, Any]:
        """AWS's FunctionConfiguration, as it is now."""
        return self._api.configuration()

    def invoke(self, event: Any = None, *, qualifier: str | None = None, client_context: Any = None) -> Invocation:
        """Call the function with `event` (any JSON value; `{}` when not given) and wait for its answer.

        A function's own failure is no exception: it is in the result's `error`.
        """
        headers = dict(_MEASURED)
        if client_context is not None:
            headers["X-Amz-Client-Context"] = base64.b64encode(json.dumps(client_context).encode()).decode()
        answer = self._api.call(
            "POST",
            "/invocations",
            query={"Qualifier": qualifier} if qualifier else {},
            headers=headers,
            body=_as_json(event),
        )
        return invocation.read(self.name, qualifier, answer, self._session.sources.get(self.name))

    def stream(self, event: Any = None, *, qualifier: str | None = None) -> Stream:
        """Call the function and get its answer piece by piece: `for piece in lab["hello"].stream({}): ...`.

        A function that does not stream gives its answer in one piece.
        """
        head, data = self._session.stream(
            f"/2021-11-15/functions/{quote(self.name, safe='')}/response-streaming-invocations",
            query={"Qualifier": qualifier} if qualifier else {},
            headers=_MEASURED,
            body=_as_json(event),
        )
        return Stream(self.name, qualifier, head, data, self._session.sources.get(self.name))

    def deploy(
        self,
        source: str,
        *,
        runtime: str = THIS_PYTHON,
        memory: int = 128,
        timeout: int = 3,
        env: Mapping[str, str] | None = None,
        handler: str | None = None,
        description: str = "",
        ephemeral: int = 512,
        architecture: str = "x86_64",
        role: str | None = None,
        files: Mapping[str, bytes] | None = None,
        cell: CellSource | None = None,
    ) -> Deployment:
        """Make the function be `source` with these settings: create it, change what differs, or change nothing.

        `memory` and `ephemeral` (the size of /tmp) in MB, `timeout` in seconds. What is not given is Lambda's
        default, so that the cell tells the whole truth. `files` go into the package beside the source, by path.
        The runtime "go" is provided.al2023 with Go source. Returns when AWS would call it Active. Raises
        `CellSyntaxError`, `HandlerNotInCell` and `CompilerMissing` for the source, `BadOption` for a runtime that
        has no cells, and `InvalidRuntimeException` for one that is not on the region's machine.
        """
        began = time.monotonic()
        place = cell or CellSource("the source", source, 1)
        runtime = _GO if runtime == "go" else runtime
        built = build(Source(source, place, _known(runtime), architecture, handler, files or {}))
        wanted = Wanted(runtime, built.handler, memory, timeout, env or {}, description, ephemeral, architecture)
        made = package(built, files)
        try:
            now = self._api.settled()
        except ResourceNotFound:
            self._check_runtime(runtime)
            configuration, created, changed, old = self._create(wanted, made, role), True, (), None
        else:
            if now["Runtime"] != runtime:
                self._check_runtime(runtime)
            configuration, changed, old = self._change(wanted, made, now)
            created = False
        if cell is not None:
            self._session.sources[self.name] = replace(cell, file=built.main)
        else:
            self._session.sources.pop(self.name, None)
        return Deployment(self.name, created, changed, time.monotonic() - began, configuration, old, source)

    def logs(self, *, since: timedelta | None = None, grep: str | None = None, limit: int = _LINES) -> LogView:
        """The newest `limit` lines of the log, of the last `since`, that contain `grep`; the oldest first."""
        query: dict[str, Any] = {"logGroupName": f"/aws/lambda/{self.name}"}
        if since is not None:
            query["startTime"] = int((time.time() - since.total_seconds()) * 1000)
        found: list[logs.LogEvent] = []
        while True:
            try:
                answer = self._session.call_json("logs", "Logs_20140328.FilterLogEvents", query)
            except ResourceNotFound:
                _ = self.configuration  # a function without a log is no error; a function that is not there is
                break
            found += (logs.event(one) for one in answer["events"] if not grep or grep in one["message"])
            found = found[-limit:]
            if "nextToken" not in answer:
                break
            query["nextToken"] = answer["nextToken"]
        return LogView(self.name, tuple(found))

    def configure(self, **settings: Any) -> Deployment:
        """Change single settings, the fields of `configuring.NewSettings`; what is not named stays as it is."""
        return configuring.configure(self._api, NewSettings(**settings))

    def settings(self) -> FunctionSettings:
        """All its settings, as a display."""
        return FunctionSettings(self.name, self.configuration)

    def publish(self, description: str | None = None) -> Publication:
        """Make $LATEST a version; the same code and configuration twice are the same version."""
        return versions.publish(self._api, description)

    def versions(self, compare: tuple[str, str] | None = None) -> Versions:
        """The versions and aliases, and what differs between two versions (or aliases) named or chosen."""
        return versions.versions(self._api, compare)

    def alias(
        self,
        name: str,
        version: str | int | None = None,
        *,
        canary: Mapping[str, float] | None = None,
        description: str | None = None,
    ) -> AliasChange:
        """Point an alias at a version, made if need be. `canary` sends a share elsewhere: `{"2": 0.1}`.

        Without `version` the alias keeps its own. Without `canary` all calls go to the version; a `description`
        alone changes nothing else.
        """
        return versions.point(self._api, name, None if version is None else str(version), canary, description)

    def rollback(self, alias: str) -> AliasChange:
        """End the alias's canary; where there is none, point it at the version published before its own."""
        return versions.rollback(self._api, alias)

    def concurrency(self) -> Concurrency:
        """What is reserved and provisioned for the function, and what the account has."""
        return concurrency.concurrency(self._api)

    def reserve(self, count: int | None) -> Concurrency:
        """Set concurrency aside for the function (0 stops it); None gives it back."""
        return concurrency.reserve(self._api, count)

    def provision(self, count: int | None, *, qualifier: str) -> Concurrency:
        """Keep environments initialised for a version or an alias, and wait for them; None gives them up."""
        return concurrency.provision(self._api, qualifier, count)

    def delete(self, qualifier: str | None = None) -> AliasChange | None:
        """Delete the function with all its versions and its log; or one version or alias of it."""
        if qualifier and not qualifier.isdecimal() and qualifier != versions.LATEST:
            return versions.unname(self._api, qualifier)
        if qualifier:
            self._api.configuration(qualifier)  # AWS says nothing of a version that is not there
        self._api.call("DELETE", "", query={"Qualifier": qualifier} if qualifier else {})
        if not qualifier:
            self._session.sources.pop(self.name, None)
        return None

    def _create(self, wanted: Wanted, made: Package, role: str | None) -> dict[str, Any]:
        document = {
            "FunctionName": self.name,
            "Role": role or _role(self._session),
            "Code": {"ZipFile": base64.b64encode(made.data).decode()},
            "Architectures": [wanted.architecture],
            **wanted.settings(),
        }
        self._session.call("POST", FUNCTIONS, body=json.dumps(document).encode())
        return self._api.settled()

    def _change(self, wanted: Wanted, made: Package, now: dict[str, Any]) -> tuple[dict[str, Any], Any, str | None]:
        other_code = now["CodeSha256"] != made.code_sha256
        changed = changes(wanted, made.code_sha256, now)
        old = self._source() if other_code else None
        if other_code or any(change.what == "architecture" for change in changed):
            document = {
                "ZipFile": base64.b64encode(made.data).decode(),
                "Architectures": [wanted.architecture],
            }
            self._api.call("PUT", "/code", body=json.dumps(document).encode())
            now = self._api.settled()
        settings = changed_settings(wanted, now)
        if settings:
            self._api.call("PUT", "/configuration", body=json.dumps(settings).encode())
            now = self._api.settled()
        return now, changed, old

    def _check_runtime(self, runtime: str) -> None:
        """Refuse a runtime that cannot run here before anything is changed: AWS would have it, this machine has not."""
        self._session.call("GET", "/_lambdalab/runtime", query={"name": runtime})

    def _source(self) -> str | None:
        """The source of the code now there; None when it was not made from a cell, or cannot be had."""
        data = self._api.package()
        return None if data is None else source_of(data)


def _known(name: str) -> Runtime:
    found = runtimes.known().get(name)
    if found is None:
        near = difflib.get_close_matches(name, list(runtimes.known()), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise BadOption(f"the runtime is {name!r}, which Lambda does not have.{hint}")
    return found


def _as_json(event: Any) -> bytes:
    try:
        return json.dumps({} if event is None else event).encode()
    except (TypeError, ValueError) as bad:
        raise BadEvent(
            f"the event cannot become JSON: {bad}. It may hold dicts, lists, strings, numbers, True, False and None."
        ) from bad


def _role(session: Session) -> str:
    """The role of functions that name none."""
    return f"arn:aws:iam::{session.region().account}:role/lambda-role"
