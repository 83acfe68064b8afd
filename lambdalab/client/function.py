"""One function of a region: deploy it, invoke it, read its log, delete it."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lambdalab.client import (
    concurrency,
    configuring,
    deploying,
    image,
    interrupted,
    invocation,
    languages,
    logs,
    missing,
    requirements,
    several,
    versions,
    whole_numbers,
)
from lambdalab.client.building import Built, Source, build, build_folder, fetches, is_folder
from lambdalab.client.building import files as packed
from lambdalab.client.building.base import CellSyntaxError
from lambdalab.client.cell import CellSource
from lambdalab.client.concurrency import Concurrency
from lambdalab.client.configuring import FunctionSettings
from lambdalab.client.deployment import Deployment, Wanted
from lambdalab.client.function_api import FunctionApi
from lambdalab.client.invocation import RECORD_HEADER, Invocation
from lambdalab.client.logs import LogView
from lambdalab.client.names import Names
from lambdalab.client.package import package
from lambdalab.client.requirements import Installed, npm
from lambdalab.client.session import Session
from lambdalab.client.streaming import Stream
from lambdalab.client.variables import checked
from lambdalab.client.versions import AliasChange, Publication, Versions
from lambdalab.errors import BadEvent, BadOption, ResourceNotFound
from lambdalab.model import arn
from lambdalab.model.runtime import Runtime

_LINES = 1000
_MEASURED = {"X-Amz-Log-Type": "Tail", RECORD_HEADER: "1"}
"""Headers that ask for the end of the log and for all that was measured."""
_NO_EVENT: Mapping[str, Any] = {}
_FILES = """{"data.txt": b"..."}"""
THIS_PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"


class Function:
    """A function by name; it need not exist yet. Every method raises `AwsError` where AWS would refuse.

    `address` is its name, partial ARN or ARN, with or without a qualifier; `name` is its own name in that.
    """

    def __init__(self, session: Session, address: str) -> None:
        self._session = session
        self._api = FunctionApi(session, address)
        self.name = self._api.name
        self._qualifier = arn.split(address).qualifier or None

    def __repr__(self) -> str:
        return f"Function({self._api.address!r})"

    @property
    def configuration(self) -> dict[str, Any]:
        """AWS's FunctionConfiguration, as it is now."""
        return self._api.configuration()

    def invoke(self, event: Any = _NO_EVENT, *, qualifier: str | None = None, client_context: Any = None) -> Invocation:
        """Call the function with `event` (any JSON value; `{}` when not given) and wait for its answer.

        A function's own failure is no exception: it is in the result's `error`. Interrupt ends the wait and not the
        call, with `InvocationInterrupted`, a KeyboardInterrupt.
        """
        headers = dict(_MEASURED)
        if client_context is not None:
            headers["X-Amz-Client-Context"] = base64.b64encode(json.dumps(client_context).encode()).decode()
        body = _as_json(event)
        with interrupted.told(Names(self._session), self._api.address, qualifier):
            answer = self._api.call(
                "POST", "/invocations", query={"Qualifier": qualifier} if qualifier else {}, headers=headers, body=body
            )
        cell = self._session.sources.of(self.name, answer.headers.get("x-amz-executed-version", versions.LATEST))
        return missing.looked_up(self._api, invocation.read(self.name, qualifier or self._qualifier, answer, cell))

    def after_interrupt(self, qualifier: str | None = None) -> str:
        """What becomes of a call whose caller was interrupted. Starts nothing and raises nothing."""
        return interrupted.afterwards(Names(self._session), self._api.address, qualifier)

    def stream(self, event: Any = _NO_EVENT, *, qualifier: str | None = None) -> Stream:
        """Call the function and get its answer piece by piece: `for piece in lab["hello"].stream({}): ...`.

        A function that does not stream gives its answer in one piece.
        """
        with interrupted.told(Names(self._session), self._api.address, qualifier), self._api.pointing():
            head, data = self._session.stream(
                f"/2021-11-15/functions/{quote(self._api.address, safe='')}/response-streaming-invocations",
                query={"Qualifier": qualifier} if qualifier else {},
                headers=_MEASURED,
                body=_as_json(event),
            )
        cell = self._session.sources.of(self.name, head.headers.get("x-amz-executed-version", versions.LATEST))
        return Stream(self.name, qualifier or self._qualifier, head, data, cell)

    def deploy(
        self,
        source: str = "",
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
        requirements: Sequence[str] = (),
        path: Path | str | None = None,
        cell: CellSource | None = None,
    ) -> Deployment:
        """Make the function be `source` with these settings: create it, change what differs, or change nothing.

        `memory` and `ephemeral` (the size of /tmp) in MB, `timeout` in seconds. What is not given is Lambda's
        default, so that the cell tells the whole truth. `files` go into the package beside the source, by path, and
        so does what `requirements` name: names with versions, or the path of a requirements.txt, which pip installs
        for Python's runtimes, or of a package.json with its lock file, which npm installs for Node.js's, without
        development dependencies and without running install scripts. For .NET's they are NuGet's packages, `Name` or
        `Name@Version`, and an SDK builds the source with them. `path` names a source file or a whole folder instead of
        a source; nothing is installed for a folder but what `requirements` name, and one with a project of .NET is
        published by an SDK. The runtime "go" is provided.al2023 with Go source. Returns when AWS would call it Active.
        Raises `CellSyntaxError`, `HandlerNotInCell` and `CompilerMissing` for the source, `NotInstalled` for
        requirements that cannot be had, `NotBuilt` for a project that cannot be built, `BadOption` for a runtime that
        has no cells or no requirements, and `InvalidRuntimeException` for one that is not on the region's machine.
        """
        if not isinstance(source, str):
            raise TypeError(_not_text(self.name, source))
        whole_numbers.check(memory=memory, timeout=timeout, ephemeral=ephemeral)
        several.check_lists(requirements=requirements)
        several.check_dict("files", files, _FILES)
        began = time.monotonic()
        offers = languages.offers_of(self._session)
        kind = languages.runtime(runtime, offers)
        if kind.blocked:  # refused before its cell is read: today's tools may not know the language of then
            deploying.check_runtime(self._api, kind.name)
        with deploying.keeping(Names(self._session), self.name):
            own = tuple(requirements) if fetches(kind) else ()
            installed = None if own else self._installed(requirements, kind, architecture)
            more = {**(installed.files if installed else {}), **(files or {})}
            on_disk = None if path is None else Path(path).expanduser()
            if on_disk is not None and is_folder(on_disk):
                text, place = None, None
                built = build_folder(on_disk, kind, architecture, handler, own)
            else:
                text = source if on_disk is None else packed.text_of(on_disk)
                place = cell if on_disk is None else CellSource(str(path), text, 1)
                at = place or CellSource("the source", text, 1)
                built = _build(Source(text, at, kind, architecture, handler, more, own), offers)
        wanted = Wanted(kind.name, built.handler, memory, timeout, checked(env), description, ephemeral, architecture)
        programs = installed.programs - (files or {}).keys() if installed else frozenset()
        done = deploying.deploy(self._api, wanted, package(built, more, programs), role)
        if place is not None:
            self._session.sources[self.name] = replace(place, file=built.main)
        else:
            self._session.sources.pop(self.name, None)
        return Deployment(
            self.name,
            done.created,
            done.changes,
            time.monotonic() - began,
            done.configuration,
            done.old_source,
            text,
            (*built.notes, *(installed.notes if installed else _notes(path, kind))),
            tuple(f"{name} {version}" for name, version in installed.distributions) if installed else (),
        )

    def deploy_image(
        self,
        dockerfile: str | None = None,
        *,
        uri: str | None = None,
        memory: int = 128,
        timeout: int = 3,
        env: Mapping[str, str] | None = None,
        entry_point: Sequence[str] | None = None,
        command: Sequence[str] | None = None,
        directory: str | None = None,
        description: str = "",
        ephemeral: int = 512,
        architecture: str = "x86_64",
        role: str | None = None,
        files: Mapping[str, bytes] | None = None,
        path: Path | str | None = None,
        cell: CellSource | None = None,
    ) -> Deployment:
        """Make the function be a container image: the one that `dockerfile` builds, or the one named `uri`.

        The Dockerfile may COPY `files` (by path), and those of the folder `path`. It is built by the region's Docker
        engine, and tagged by its content. `entry_point`, `command` and `directory` take the place of the image's own.
        Sizes in MB, `timeout` in seconds. Raises `ImageBuildError` with the cell's line, `BadOption` when both or
        neither of `dockerfile` and `uri` are given, and what AWS says of an image that is not to be had.
        """
        whole_numbers.check(memory=memory, timeout=timeout, ephemeral=ephemeral)
        several.check_lists(entry_point=entry_point, command=command)
        several.check_dict("files", files, _FILES)
        began = time.monotonic()
        if (dockerfile is None) == (uri is None):
            raise BadOption("an image function is made of a Dockerfile, or of an image by its name (uri): give one.")
        if dockerfile is not None:
            found = image.folder(Path(path).expanduser()) if path is not None else {}
            place = cell or CellSource("the Dockerfile", dockerfile, 1)
            uri = image.build(self._api, dockerfile, {**found, **(files or {})}, architecture, place)
        wanted = image.WantedImage(
            memory, timeout, checked(env), description, ephemeral, architecture, entry_point, command, directory
        )
        done = image.deploy(self._api, wanted, uri or "", role)
        self._session.sources.pop(self.name, None)
        return Deployment(self.name, done.created, done.changes, time.monotonic() - began, done.configuration)

    def _installed(self, wanted: Sequence[str], kind: Runtime, architecture: str) -> Installed | None:
        if not wanted:
            return None
        cache = self._session.settings.home / "cache" / "requirements"
        return requirements.install(wanted, runtime=kind.name, architecture=architecture, cache=cache)

    def logs(
        self,
        *,
        since: timedelta | None = None,
        grep: str | None = None,
        limit: int = _LINES,
        qualifier: str | None = None,
    ) -> LogView:
        """The newest `limit` lines of the log, of the last `since`, that contain `grep`; the oldest first.

        With a `qualifier` those of that version, or of the one that an alias points at.
        """
        query: dict[str, Any] = {"logGroupName": f"/aws/lambda/{self.name}"}
        qualifier = qualifier or self._qualifier
        # An ARN may name another account or region, which only the function's own API refuses.
        shown = self._api.configuration(qualifier) if qualifier or self._api.address != self.name else {}
        stream = f"[{shown['Version']}]" if qualifier else ""
        if since is not None:
            query["startTime"] = max(0, int((time.time() - since.total_seconds()) * 1000))
        found: list[logs.LogEvent] = []
        while True:
            try:
                answer = self._session.call_json("logs", "Logs_20140328.FilterLogEvents", query)
            except ResourceNotFound:
                _ = self.configuration  # a function without a log is no error; a function that is not there is
                break
            found += (
                logs.event(one)
                for one in answer["events"]
                if (not grep or grep in one["message"]) and stream in one["logStreamName"]
            )
            found = found[-limit:]
            if "nextToken" not in answer:
                break
            query["nextToken"] = answer["nextToken"]
        return LogView(self.name, tuple(found))

    def configure(self, *, waiting: Callable[[str], None] | None = None, **settings: Any) -> Deployment:
        """Change single settings, the fields of `configuring.NewSettings`; what is not named stays as it is.

        `waiting` is called, before it begins, with the words for a wait that the region simulates.
        """
        return configuring.configure(self._api, configuring.new_settings(settings), waiting)

    def settings(self) -> FunctionSettings:
        """All its settings, as a display."""
        name = f"{self.name}:{self._qualifier}" if self._qualifier else self.name
        return FunctionSettings(name, self.configuration)

    def publish(self, description: str | None = None) -> Publication:
        """Make $LATEST a version; the same code and configuration twice are the same version."""
        published = versions.publish(self._api, description)
        self._session.sources.publish(self.name, published.version)
        return published

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
        """Delete the function with all its versions, but for its log; or one version or alias of it."""
        if qualifier and not qualifier.isdecimal() and qualifier != versions.LATEST:
            return versions.unname(self._api, qualifier)
        if qualifier:
            self._api.configuration(qualifier)  # AWS says nothing of a version that is not there
        self._api.call("DELETE", "", query={"Qualifier": qualifier} if qualifier else {})
        if not (qualifier or self._qualifier):
            self._session.sources.forget(self.name)
        return None


def _build(source: Source, offers: languages.Offers) -> Built:
    """The package's files. A cell of another language than its runtime's is told which runtime it is for."""
    try:
        return build(source)
    except CellSyntaxError as error:
        instead = languages.another(error, source.cell, source.runtime, offers)
        if not instead:
            raise
        raise CellSyntaxError(f"{error}\n{instead}", error.line, error.column) from error


def _notes(path: Path | str | None, kind: Runtime) -> tuple[str, ...]:
    """What a folder lacks that its own manifest asks for. It is deployed all the same: nobody asked to install it."""
    folder = None if path is None else Path(path).expanduser()
    if folder is None or kind.family != "nodejs" or not npm.missing_modules(folder):
        return ()
    return (
        f"{folder} has a package.json with dependencies and no node_modules: nothing is installed for a folder unless "
        f"it is asked for, with --requirements {folder / 'package.json'}",
    )


def _as_json(event: Any) -> bytes:
    try:
        return json.dumps(event, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as bad:
        raise BadEvent(
            f"the event cannot become JSON: {bad}. It may hold dicts, lists, strings, numbers, True, False and None."
        ) from bad


def _not_text(name: str, source: object) -> str:
    """What to do instead of giving `deploy` something that is no text."""
    if callable(source):
        called = getattr(source, "__name__", "handler")
        return (
            f"deploy takes the source as text, and {called} is a function: its imports and helpers would not come "
            f"along. lab[{name!r}].deploy(inspect.getsource({called})) sends its own lines, path='app.py' a whole file."
        )
    return f"deploy takes the source as text, not {type(source).__name__}; path='app.py' names a file or a folder."
