"""The platform's moments as JSON-ready events: what the Telemetry API delivers, and a JSON log's system lines are.

Pure: from facts to a type and a record. Values of None are left out. Source: `lambda-contract.md` section 18 and
AWS's page "Lambda Telemetry API Event schema reference".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambdalab.engine import report
from lambdalab.model.function import FunctionVersion
from lambdalab.model.invocation import InvocationRecord

Event = tuple[str, dict[str, Any]]
"""The type, `platform.start` say, and the record."""
IMAGE = "image"
"""What stands for the runtime of an image function, which has none that the platform knows."""


def _event(kind: str, record: Mapping[str, Any]) -> Event:
    return f"platform.{kind}", {name: value for name, value in record.items() if value is not None}


def init_start(version: FunctionVersion, backend: str, initialization: str, phase: str = "init") -> Event:
    """An environment begins to initialise. The runtime's version is named as the lab's own build."""
    return _event(
        "initStart",
        {
            "initializationType": initialization,
            "phase": phase,
            "runtimeVersion": report.runtime_version(version.runtime or IMAGE, backend),
            "runtimeVersionArn": version.runtime_version_arn,
            "functionName": version.key.name,
            "functionVersion": version.version,
        },
    )


def init_runtime_done(initialization: str, status: str, error_type: str | None = None, phase: str = "init") -> Event:
    """The runtime has finished its init, or failed."""
    record = {"initializationType": initialization, "phase": phase, "status": status, "errorType": error_type}
    return _event("initRuntimeDone", record)


def init_report(
    init_ms: float, *, initialization: str, phase: str, status: str | None, error_type: str | None = None
) -> Event:
    """The init phase is over. A status is given where it failed."""
    return _event(
        "initReport",
        {
            "initializationType": initialization,
            "phase": phase,
            "status": status,
            "errorType": error_type,
            "metrics": {"durationMs": round(init_ms, 3)},
        },
    )


def restore_start(version: FunctionVersion, backend: str) -> Event:
    """A snapshot is being restored."""
    return _event(
        "restoreStart",
        {
            "runtimeVersion": report.runtime_version(version.runtime or IMAGE, backend),
            "runtimeVersionArn": version.runtime_version_arn,
            "functionName": version.key.name,
            "functionVersion": version.version,
        },
    )


def restore_runtime_done(status: str, error_type: str | None = None) -> Event:
    """The runtime has run its after-restore hooks, or failed."""
    return _event("restoreRuntimeDone", {"status": status, "errorType": error_type})


def restore_report(restore_ms: float, status: str, error_type: str | None = None) -> Event:
    """The restore is over."""
    metrics = {"durationMs": round(restore_ms, 3)}
    return _event("restoreReport", {"status": status, "errorType": error_type, "metrics": metrics})


def start(request_id: str, version: str, trace_id: str = "") -> Event:
    """An invocation begins."""
    return _event("start", {"requestId": request_id, "version": version, "tracing": _tracing(trace_id)})


def runtime_done(
    request_id: str,
    status: str,
    *,
    error_type: str | None,
    duration_ms: float,
    produced_bytes: int | None = None,
    spans: Sequence[Mapping[str, Any]] = (),
    trace_id: str = "",
) -> Event:
    """The runtime has finished with an invocation; extensions may still be at work."""
    metrics: dict[str, Any] = {"durationMs": round(duration_ms, 3)}
    if produced_bytes is not None:
        metrics["producedBytes"] = produced_bytes
    return _event(
        "runtimeDone",
        {
            "requestId": request_id,
            "status": status,
            "errorType": error_type,
            "metrics": metrics,
            "spans": list(spans) or None,
            "tracing": _tracing(trace_id),
        },
    )


def invocation_report(record: InvocationRecord, status: str, error_type: str | None) -> Event:
    """The invocation is over, with everything that was measured of it."""
    metrics = {
        "durationMs": record.duration_ms,
        "billedDurationMs": record.billed_ms,
        "memorySizeMB": record.memory_size_mb,
        "maxMemoryUsedMB": record.max_memory_mb,
        "initDurationMs": record.init_ms,
        "restoreDurationMs": record.restore_ms,
    }
    known = {name: value for name, value in metrics.items() if value is not None}
    facts = {"requestId": record.request_id, "status": status, "errorType": error_type, "metrics": known}
    return _event("report", facts)


def extension(name: str, state: str, events: Sequence[str], error_type: str | None) -> Event:
    """What became of an extension during init."""
    return _event("extension", {"name": name, "state": state, "events": list(events), "errorType": error_type})


def telemetry_subscription(name: str, state: str, types: Sequence[str]) -> Event:
    """An extension gets telemetry from now on."""
    return _event("telemetrySubscription", {"name": name, "state": state, "types": list(types)})


def logs_dropped(count: int, size: int, reason: str) -> Event:
    """Events that a subscriber did not get."""
    return _event("logsDropped", {"droppedRecords": count, "droppedBytes": size, "reason": reason})


def span(name: str, began: str, duration_ms: float) -> dict[str, Any]:
    """A part of an invocation's time."""
    return {"name": name, "start": began, "durationMs": round(duration_ms, 3)}


def _tracing(trace_id: str) -> dict[str, str] | None:
    return {"type": "X-Amzn-Trace-Id", "value": trace_id} if trace_id else None
