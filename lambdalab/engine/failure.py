"""What a caller is told when the platform, not the handler, ends an invocation. AWS's own words.

Source: `lambda-contract.md` sections 10 and 11.
"""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass

from lambdalab.model.invocation import Outcome
from lambdalab.runtimes.backends.base import Exit
from lambdalab.runtimes.runtime_connection import RESPONSE_LIMIT

# The names that the kernel and Go's syscall package print, which AWS's text comes from.
_SIGNALS = {
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGHUP: "hangup",
    signal.SIGILL: "illegal instruction",
    signal.SIGINT: "interrupt",
    signal.SIGKILL: "killed",
    signal.SIGPIPE: "broken pipe",
    signal.SIGQUIT: "quit",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGTERM: "terminated",
    signal.SIGTRAP: "trace/breakpoint trap",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """An invocation that failed: how, AWS's error type, and the body the caller gets."""

    outcome: Outcome
    error_type: str
    body: bytes


def _failure(outcome: Outcome, error_type: str, message: str, *, message_first: bool = False) -> Failure:
    document = {"errorType": error_type, "errorMessage": message}  # keys in AWS's order
    if message_first:
        document = dict(reversed(document.items()))
    return Failure(outcome, error_type, json.dumps(document, separators=(",", ":")).encode())


def timed_out(request_id: str, timeout: int) -> Failure:
    """The handler ran longer than the function's timeout (seconds)."""
    return _failure(
        "timeout", "Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds"
    )


def out_of_memory(request_id: str) -> Failure:
    """The environment passed its memory size and was killed."""
    return _failure(
        "out_of_memory",
        "Runtime.OutOfMemory",
        f"RequestId: {request_id} Error: Runtime exited with error: signal: killed",
    )


def runtime_exited(request_id: str, end: Exit) -> Failure:
    """The runtime's process ended instead of answering."""
    if end.reason == "out_of_memory":
        return out_of_memory(request_id)
    return _failure("exit", "Runtime.ExitError", f"RequestId: {request_id} Error: {describe_exit(end)}")


def not_started(request_id: str, error_type: str, message: str) -> Failure:
    """There was nothing to start: the package has no program."""
    return _failure("init_error", error_type, f"RequestId: {request_id} Error: {message}")


def describe_exit(end: Exit) -> str:
    """AWS's sentence for how a runtime's process ended."""
    if end.refused is not None:
        return end.refused
    if end.signal is not None:
        why = f" ({end.passed})" if end.passed else ""
        return f"Runtime exited with error: {describe_signal(end.signal)}{why}"
    if end.reason == "exited" and end.status:
        return f"Runtime exited with error: exit status {end.status}"
    if end.reason == "exited":
        return "Runtime exited without providing a reason"
    return "Runtime exited with error: signal: killed"


def describe_signal(number: int) -> str:
    """`signal: killed` and the like."""
    return f"signal: {_SIGNALS.get(signal.Signals(number), str(number))}"


def extension_failed(request_id: str, error_type: str, message: str) -> Failure:
    """An extension's process ended during an invocation."""
    return _failure("exit", error_type, f"RequestId: {request_id} Error: {message}")


def response_too_large(limit: int = RESPONSE_LIMIT) -> Failure:
    """The handler's result is over the limit in bytes. Of a streamed response AWS does not document the words."""
    return _failure(
        "response_too_large",
        "Function.ResponseSizeTooLarge",
        f"Response payload size exceeded maximum allowed payload size ({limit} bytes).",
        message_first=True,
    )
