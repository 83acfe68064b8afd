"""The platform's lines in a function's log: INIT_START, RESTORE_START, START, END, REPORT. Pure text, to AWS's letter.

Source: `lambda-contract.md` section 13. Tabs separate the fields; REPORT has a trailing one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime


def billed_ms(duration_ms: float, init_ms: float | None) -> int:
    """Whole milliseconds, rounded up, of init and handler together (INIT is billed since 2025-08-01).

    After a restore its billed part stands in the init's place.
    """
    # Of the figures as they are shown, with two decimals: who adds them up comes to what is billed.
    return math.ceil(round(round(duration_ms, 2) + round(init_ms or 0.0, 2), 2)) or 1


def init_start(runtime: str, backend: str, runtime_version_arn: str | None) -> str:
    """The first line of an environment. The version is named as the lab's own: it is not AWS's build."""
    return f"INIT_START {_version(runtime, backend, runtime_version_arn)}"


def restore_start(runtime: str, backend: str, runtime_version_arn: str | None) -> str:
    """The first line of an environment that comes from a snapshot."""
    return f"RESTORE_START {_version(runtime, backend, runtime_version_arn)}"


def _version(runtime: str, backend: str, runtime_version_arn: str | None) -> str:
    arn = f"\tRuntime Version ARN: {runtime_version_arn}" if runtime_version_arn else ""
    return f"Runtime Version: {runtime_version(runtime, backend)}{arn}"


def runtime_version(runtime: str, backend: str) -> str:
    """The build that runs: AWS's name of the runtime, and that it is the lab's."""
    return f"{runtime_label(runtime)} (lambdalab {backend})"


def runtime_label(runtime: str) -> str:
    """`python3.12` and `provided.al2023` as AWS writes them in INIT_START: `python:3.12`, `provided:al2023`."""
    found = re.fullmatch(r"([a-z]+)\.?(.*)", runtime)
    return f"{found[1]}:{found[2].removesuffix('.x')}" if found and found[2] else runtime


def start(request_id: str, version: str) -> str:
    """The line before the handler runs."""
    return f"START RequestId: {request_id} Version: {version}"


def end(request_id: str) -> str:
    """The line after the handler ran."""
    return f"END RequestId: {request_id}"


def timed_out(request_id: str, timeout: int, moment: datetime) -> str:
    """The line of an invocation that ran longer than its function's timeout (seconds)."""
    return f"{iso(moment)} {request_id} Task timed out after {timeout:.2f} seconds"


def iso(moment: datetime) -> str:
    """A moment (UTC) as the platform writes it: to the millisecond, ending in Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def report(
    request_id: str,
    *,
    duration_ms: float,
    billed: int,
    memory_size_mb: int,
    max_memory_mb: int,
    init_ms: float | None,
    restore_ms: float | None = None,
    billed_restore: int | None = None,
    status: str | None = None,
    error_type: str | None = None,
) -> str:
    """The REPORT line. `status` is "timeout" or "error"; Init Duration stands only after a cold start, and after one
    of SnapStart's the Restore Duration."""
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {billed} ms",
        f"Memory Size: {memory_size_mb} MB",
        f"Max Memory Used: {max_memory_mb} MB",
    ]
    if init_ms is not None:
        fields.append(f"Init Duration: {init_ms:.2f} ms")
    if restore_ms is not None:
        fields += [f"Restore Duration: {restore_ms:.2f} ms", f"Billed Restore Duration: {billed_restore or 0} ms"]
    if status is not None:
        fields.append(f"Status: {status}")
    if error_type is not None:
        fields.append(f"Error Type: {error_type}")
    return "\t".join(fields) + "\t"


def init_report(init_ms: float, *, phase: str, status: str, error_type: str | None) -> str:
    """The line of an init that failed: `phase` is "init", or "invoke" when it was repeated for a request."""
    kind = f"\tError Type: {error_type}" if error_type else ""
    return f"INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: {phase}\tStatus: {status}{kind}"


def snapshot_report(init_ms: float) -> str:
    """The line of the init that a snapshot is made of."""
    return f"INIT_REPORT Init Duration: {init_ms:.2f} ms"


def restore_report(restore_ms: float, status: str | None, error_type: str | None) -> str:
    """The line of a restore; `status` is "timeout" or "error" where it failed."""
    ended = f"\tStatus: {status}" if status else ""
    kind = f"\tError Type: {error_type}" if error_type else ""
    return f"RESTORE_REPORT Restore Duration: {restore_ms:.2f} ms{ended}{kind}"


def extension(name: str, state: str, events: Sequence[str], error_type: str | None = None) -> str:
    """The line of an extension at the end of init: `state` in AWS's words, the events that it registered for."""
    kind = f"\tError Type: {error_type}" if error_type else ""
    return f"EXTENSION\tName: {name}\tState: {state}\tEvents: [{', '.join(events)}]{kind}"


def telemetry_subscription(name: str, types: Sequence[str]) -> str:
    """The line of an extension that subscribed to telemetry."""
    return f"TELEMETRY\tName: {name}\tState: Subscribed\tTypes: [{', '.join(one.capitalize() for one in types)}]"
