"""The platform's own lines of a function's log, in the format that the function's LoggingConfig asks for.

Text is AWS's INIT_START, START, END and REPORT. JSON is one object a line, as the Telemetry API describes the
same moments, each with a level: what lies below SystemLogLevel is left out. Pure: from facts to lines.
Source: `lambda-contract.md` sections 13 and 18; the levels are those of AWS's page "Monitoring and debugging
functions > Log and application level filtering" (system log level event mapping).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from lambdalab.engine import platform_events, report
from lambdalab.engine.platform_events import Event
from lambdalab.model.function import FunctionVersion
from lambdalab.model.invocation import SNAP_START, InvocationRecord

Lines = Sequence[str]
_LEVELS = ("DEBUG", "INFO", "WARN")


class PlatformLog(Protocol):
    """What the platform has to say of an environment and of each of its invocations."""

    def init_start(self, backend: str, moment: datetime, initialization: str) -> Lines:
        """The environment begins to initialise, on demand or ahead."""

    def init_report(
        self, init_ms: float, *, phase: str, status: str, error_type: str | None, moment: datetime
    ) -> Lines:
        """An init failed: `phase` is "init", or "invoke" when it was repeated for a request."""

    def snapshot_report(self, init_ms: float, moment: datetime) -> Lines:
        """The init that a snapshot is made of is over, its before-snapshot hooks included."""

    def restore_start(self, backend: str, moment: datetime) -> Lines:
        """A snapshot is being restored."""

    def restore_report(self, restore_ms: float, moment: datetime, status: str | None, error_type: str | None) -> Lines:
        """The restore is over, by itself or with a `status` that says why not."""

    def extension(
        self, name: str, state: str, events: Sequence[str], error_type: str | None, moment: datetime
    ) -> Lines:
        """What became of an extension during init."""

    def telemetry_subscription(self, name: str, types: Sequence[str], moment: datetime) -> Lines:
        """An extension gets telemetry."""

    def start(self, request_id: str, moment: datetime) -> Lines:
        """The handler is about to run."""

    def end(self, record: InvocationRecord, moment: datetime) -> Lines:
        """The invocation is over, with everything measured of it."""


def platform_log(version: FunctionVersion) -> PlatformLog:
    """The log of a version's environments."""
    logging = version.settings.get("LoggingConfig", {})
    if logging.get("LogFormat") == "JSON":
        return _Json(version, logging.get("SystemLogLevel", "INFO"))
    return _Text(version)


class _Text:
    def __init__(self, version: FunctionVersion) -> None:
        self._version = version

    def init_start(self, backend: str, moment: datetime, initialization: str) -> Lines:  # noqa: ARG002 - not in text
        version = self._version
        return [report.init_start(version.runtime or platform_events.IMAGE, backend, version.runtime_version_arn)]

    def init_report(
        self,
        init_ms: float,
        *,
        phase: str,
        status: str,
        error_type: str | None,
        moment: datetime,  # noqa: ARG002
    ) -> Lines:
        return [report.init_report(init_ms, phase=phase, status=status, error_type=error_type)]

    def snapshot_report(self, init_ms: float, moment: datetime) -> Lines:  # noqa: ARG002
        return [report.snapshot_report(init_ms)]

    def restore_start(self, backend: str, moment: datetime) -> Lines:  # noqa: ARG002
        version = self._version
        return [report.restore_start(version.runtime or platform_events.IMAGE, backend, version.runtime_version_arn)]

    def restore_report(
        self,
        restore_ms: float,
        moment: datetime,  # noqa: ARG002
        status: str | None,
        error_type: str | None,
    ) -> Lines:
        return [report.restore_report(restore_ms, status, error_type)]

    def extension(
        self,
        name: str,
        state: str,
        events: Sequence[str],
        error_type: str | None,
        moment: datetime,  # noqa: ARG002
    ) -> Lines:
        return [report.extension(name, state, events, error_type)]

    def telemetry_subscription(self, name: str, types: Sequence[str], moment: datetime) -> Lines:  # noqa: ARG002
        return [report.telemetry_subscription(name, types)]

    def start(self, request_id: str, moment: datetime) -> Lines:  # noqa: ARG002
        return [report.start(request_id, self._version.version)]

    def end(self, record: InvocationRecord, moment: datetime) -> Lines:
        timed_out = record.outcome == "timeout"
        said = [report.timed_out(record.request_id, self._version.timeout, moment), ""] if timed_out else []
        line = report.report(
            record.request_id,
            duration_ms=record.duration_ms,
            billed=record.billed_ms,
            memory_size_mb=record.memory_size_mb,
            max_memory_mb=record.max_memory_mb,
            init_ms=record.init_ms,
            restore_ms=record.restore_ms,
            billed_restore=record.billed_restore_ms,
            status=status_of(record),
            error_type=None if timed_out else _error_type(record),
        )
        return [*said, report.end(record.request_id), line]


class _Json:
    def __init__(self, version: FunctionVersion, level: str) -> None:
        self._version = version
        self._least = _LEVELS.index(level)

    def init_start(self, backend: str, moment: datetime, initialization: str) -> Lines:
        return self._line("INFO", platform_events.init_start(self._version, backend, initialization), moment)

    def init_report(
        self, init_ms: float, *, phase: str, status: str, error_type: str | None, moment: datetime
    ) -> Lines:
        event = platform_events.init_report(
            init_ms, initialization="on-demand", phase=phase, status=status, error_type=error_type
        )
        return self._line("WARN", event, moment)

    def snapshot_report(self, init_ms: float, moment: datetime) -> Lines:
        event = platform_events.init_report(init_ms, initialization=SNAP_START, phase="init", status="success")
        return self._line("INFO", event, moment)

    def restore_start(self, backend: str, moment: datetime) -> Lines:
        return self._line("INFO", platform_events.restore_start(self._version, backend), moment)

    def restore_report(self, restore_ms: float, moment: datetime, status: str | None, error_type: str | None) -> Lines:
        event = platform_events.restore_report(restore_ms, status or "success", error_type)
        return self._line("WARN" if status else "INFO", event, moment)

    def extension(
        self, name: str, state: str, events: Sequence[str], error_type: str | None, moment: datetime
    ) -> Lines:
        return self._line("INFO", platform_events.extension(name, state, events, error_type), moment)

    def telemetry_subscription(self, name: str, types: Sequence[str], moment: datetime) -> Lines:
        return self._line("INFO", platform_events.telemetry_subscription(name, "Subscribed", types), moment)

    def start(self, request_id: str, moment: datetime) -> Lines:
        return self._line("INFO", platform_events.start(request_id, self._version.version), moment)

    def end(self, record: InvocationRecord, moment: datetime) -> Lines:
        status, error_type = status_of(record), _error_type(record)
        done = platform_events.runtime_done(
            record.request_id, status or "success", error_type=error_type, duration_ms=record.duration_ms
        )
        reported = platform_events.invocation_report(record, status or "success", error_type)
        return [
            *self._line("WARN" if status else "DEBUG", done, moment),
            *self._line("WARN" if status else "INFO", reported, moment),
        ]

    def _line(self, level: str, event: Event, moment: datetime) -> Lines:
        if _LEVELS.index(level) < self._least:
            return []
        kind, record = event
        return [json.dumps({"time": report.iso(moment), "type": kind, "record": record}, separators=(",", ":"))]


def status_of(record: InvocationRecord) -> str | None:
    """AWS's word for how the platform saw it end; None for success and for a handler's own exception."""
    if record.outcome == "timeout":
        return "timeout"
    return "error" if record.outcome in {"out_of_memory", "exit", "init_error"} else None


def _error_type(record: InvocationRecord) -> str | None:
    return record.error_type if status_of(record) else None
