"""The platform's own lines of a function's log, in the format that the function's LoggingConfig asks for.

Text is AWS's INIT_START, START, END and REPORT. JSON is one object a line, as the Telemetry API describes the
same moments, each with a level: what lies below SystemLogLevel is left out. Pure: from facts to lines.
Source: `lambda-contract.md` sections 13 and 18; the levels are those of AWS's page "Monitoring and debugging
functions > Log and application level filtering" (system log level event mapping).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from lambdalab.engine import report
from lambdalab.model.function import FunctionVersion
from lambdalab.model.invocation import InvocationRecord

Lines = Sequence[str]
_LEVELS = ("DEBUG", "INFO", "WARN")
_IMAGE = "image"
"""What stands for the runtime of an image function, which has none that the platform knows."""


class PlatformLog(Protocol):
    """What the platform has to say of an environment and of each of its invocations."""

    def init_start(self, backend: str, moment: datetime, initialization: str) -> Lines:
        """The environment begins to initialise, on demand or ahead."""

    def init_report(
        self, init_ms: float, *, phase: str, status: str, error_type: str | None, moment: datetime
    ) -> Lines:
        """An init failed: `phase` is "init", or "invoke" when it was repeated for a request."""

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
        return [report.init_start(version.runtime or _IMAGE, backend, version.runtime_version_arn)]

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
            status=_status(record),
            error_type=None if timed_out else _error_type(record),
        )
        return [*said, report.end(record.request_id), line]


class _Json:
    def __init__(self, version: FunctionVersion, level: str) -> None:
        self._version = version
        self._least = _LEVELS.index(level)

    def init_start(self, backend: str, moment: datetime, initialization: str) -> Lines:
        version = self._version
        record = {
            "initializationType": initialization,
            "phase": "init",
            "runtimeVersion": report.runtime_version(version.runtime or _IMAGE, backend),
            "runtimeVersionArn": version.runtime_version_arn,
            "functionName": version.key.name,
            "functionVersion": version.version,
        }
        return self._line("INFO", "platform.initStart", record, moment)

    def init_report(
        self, init_ms: float, *, phase: str, status: str, error_type: str | None, moment: datetime
    ) -> Lines:
        record = {
            "initializationType": "on-demand",
            "phase": phase,
            "status": status,
            "errorType": error_type,
            "metrics": {"durationMs": round(init_ms, 3)},
        }
        return self._line("WARN", "platform.initReport", record, moment)

    def start(self, request_id: str, moment: datetime) -> Lines:
        return self._line("INFO", "platform.start", {"requestId": request_id, "version": self._version.version}, moment)

    def end(self, record: InvocationRecord, moment: datetime) -> Lines:
        status = _status(record)
        facts = {"requestId": record.request_id, "status": status or "success", "errorType": _error_type(record)}
        metrics = {
            "durationMs": record.duration_ms,
            "billedDurationMs": record.billed_ms,
            "memorySizeMB": record.memory_size_mb,
            "maxMemoryUsedMB": record.max_memory_mb,
            "initDurationMs": record.init_ms,
        }
        metrics = {name: value for name, value in metrics.items() if value is not None}
        done = self._line(
            "WARN" if status else "DEBUG",
            "platform.runtimeDone",
            {**facts, "metrics": {"durationMs": record.duration_ms}},
            moment,
        )
        report_line = self._line("WARN" if status else "INFO", "platform.report", {**facts, "metrics": metrics}, moment)
        return [*done, *report_line]

    def _line(self, level: str, kind: str, record: Mapping[str, Any], moment: datetime) -> Lines:
        if _LEVELS.index(level) < self._least:
            return []
        known = {name: value for name, value in record.items() if value is not None}
        return [json.dumps({"time": report.iso(moment), "type": kind, "record": known}, separators=(",", ":"))]


def _status(record: InvocationRecord) -> str | None:
    """AWS's word for how the platform saw it end; None for success and for a handler's own exception."""
    if record.outcome == "timeout":
        return "timeout"
    return "error" if record.outcome in {"out_of_memory", "exit", "init_error"} else None


def _error_type(record: InvocationRecord) -> str | None:
    return record.error_type if _status(record) else None
