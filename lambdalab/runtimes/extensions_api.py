"""The Extensions API and the Telemetry API of one environment, on the Runtime API's port and connections.

An object of this is made when an environment first needs one; a function without extensions never does. The
registry knows the rules; the listener is the environment, which waits for what extensions do. Bodies, statuses
and refusals were compared with AWS's Runtime Interface Emulator; what it does not offer (the Telemetry API) is
from AWS's reference. The older Logs API is answered as the emulator answers it: accepted, and without effect.

Reference: `lambda-contract.md` section 18.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lambdalab.runtimes.extension_registry import Connection, Extension, Refused, Registry, State

_EXTENSION = "/2020-01-01/extension/"
_TELEMETRY = "/2022-07-01/telemetry"
_LOGS = "/2020-08-15/logs"
_ACCEPTED = {"status": "OK"}
_FOUND = {
    "register": b"POST", "event/next": b"GET", "init/error": b"POST", "exit/error": b"POST",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """What an extension is told when it registers."""

    name: str
    version: str
    handler: str
    account: str


class Listener(Protocol):
    """What the environment does with what its extensions say."""

    def registered(self, extension: Extension) -> None:
        """One has registered."""

    def ready(self, extension: Extension) -> None:
        """One asks for its next event; it is in the registry's hands until there is one."""

    def reported(self, extension: Extension, fatal: str) -> None:
        """One reports an error, after which its process is to end; `fatal` is what its end will be called."""

    def subscribe(self, extension: Extension, document: Any) -> tuple[int, Any]:
        """One asks for telemetry: the status and the body of the answer."""


class ExtensionsApi:
    """Answers the requests that are not the runtime's."""

    def __init__(self, registry: Registry, facts: FunctionFacts, listener: Listener) -> None:
        self.registry = registry
        self._facts = facts
        self._listener = listener

    def handle(self, connection: Connection, method: bytes, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """One whole request; `headers` are those named lambda-extension-*, in lower case without that beginning."""
        try:
            answer = self._route(connection, method, path, headers, body)
        except Refused as why:
            answer = 403, {"errorMessage": str(why), "errorType": why.error_type}, {}
        if answer is not None:
            status, document, more = answer
            _reply(connection, status, document, more)

    def _route(
        self, connection: Connection, method: bytes, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Any, Mapping[str, str]] | None:
        if path.rstrip("/") == _LOGS and method == b"PUT":
            return 202, {"errorMessage": "Logs API is not supported", "errorType": "Logs.NotSupported"}, {}
        if path.rstrip("/") == _TELEMETRY and method == b"PUT":
            extension = self.registry.identified(headers.get("identifier"))
            return *self._listener.subscribe(extension, _parse(body)), {}
        what = path.removeprefix(_EXTENSION) if path.startswith(_EXTENSION) else ""
        if what not in _FOUND:
            return 404, {"errorMessage": "unknown path", "errorType": "InvalidRequest"}, {}
        if method != _FOUND[what]:
            return 405, {"errorMessage": "method not allowed", "errorType": "InvalidRequest"}, {}
        if what == "register":
            return self._register(headers, body)
        extension = self.registry.identified(headers.get("identifier"))
        if what == "event/next":
            self._next(connection, extension)
            return None
        return self._report(extension, what, headers.get("function-error-type"))

    def _register(self, headers: Mapping[str, str], body: bytes) -> tuple[int, Any, Mapping[str, str]]:
        name = headers.get("name", "")
        if not name:
            raise Refused("Extension.InvalidExtensionName", "Empty extension name")
        extension = self.registry.register(name, _events(body))
        facts = self._facts
        document = {"functionName": facts.name, "functionVersion": facts.version, "handler": facts.handler}
        if "accountid" in headers.get("accept-feature", "").lower():
            document["accountId"] = facts.account
        self._listener.registered(extension)
        return 200, document, {"Lambda-Extension-Identifier": extension.identifier}

    def _next(self, connection: Connection, extension: Extension) -> None:
        gone = extension.waiting is not None and extension.waiting.closed
        if not (gone and extension.state is State.READY):
            extension.move(State.READY, allowed={State.REGISTERED, State.RUNNING})
        extension.waiting = connection
        if extension.due is not None:
            due, extension.due = extension.due, None
            send(extension, due)
            return
        self._listener.ready(extension)

    def _report(self, extension: Extension, what: str, error_type: str | None) -> tuple[int, Any, Mapping[str, str]]:
        if not error_type:
            raise Refused("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
        if what == "init/error":
            extension.move(State.INIT_ERROR, allowed={State.REGISTERED})
        else:
            extension.move(State.EXIT_ERROR, allowed={State.REGISTERED, State.READY, State.RUNNING})
        extension.error_type = error_type
        self._listener.reported(extension, "Extension.InitError" if what == "init/error" else "Extension.ExitError")
        return 202, _ACCEPTED, {}


def invoke_event(deadline_ms: int, request_id: str, invoked_arn: str, trace_id: str) -> bytes:
    """The INVOKE event. `deadline_ms` is epoch milliseconds."""
    return _encode(
        {
            "eventType": "INVOKE",
            "deadlineMs": deadline_ms,
            "requestId": request_id,
            "invokedFunctionArn": invoked_arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": trace_id},
        }
    )


def shutdown_event(reason: str, deadline_ms: int) -> bytes:
    """The SHUTDOWN event; `reason` is SPINDOWN, TIMEOUT or FAILURE."""
    return _encode({"eventType": "SHUTDOWN", "deadlineMs": deadline_ms, "shutdownReason": reason})


def send(extension: Extension, event: bytes) -> None:
    """Hand an event to an extension that waits for one, or keep it until it asks."""
    connection = extension.waiting
    if connection is None or connection.closed:
        extension.due = event
        return
    extension.state, extension.waiting = State.RUNNING, None
    headers = {"Lambda-Extension-Event-Identifier": str(uuid.uuid4())}
    connection.reply(200, event, headers)


def _events(body: bytes) -> list[str]:
    try:
        document = json.loads(body)
        events = document.get("events") or []
        if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
            raise ValueError("events is not an array of strings")
    except (ValueError, AttributeError) as bad:
        raise Refused("InvalidRequestFormat", str(bad)) from bad
    return events


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _encode(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _reply(connection: Connection, status: int, document: Any, headers: Mapping[str, str]) -> None:
    connection.reply(status, _encode(document) + b"\n", headers)
