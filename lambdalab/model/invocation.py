"""One invocation as it was measured: the record behind every result, REPORT line and bill."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

Outcome = Literal["ok", "error", "timeout", "out_of_memory", "exit", "init_error", "response_too_large"]
"""How it ended. Everything but "ok" is a function error (X-Amz-Function-Error: Unhandled)."""

INIT_SECONDS = 10.0
"""The init phase's limit for on-demand environments. Source: `lambda-contract.md` section 17."""
ON_DEMAND = "on-demand"
PROVISIONED = "provisioned-concurrency"
SNAP_START = "snap-start"
"""How an environment was initialised, as AWS_LAMBDA_INITIALIZATION_TYPE says it."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """What one environment enforced. Every text says how: "cgroup", "watched every 5 ms", "not enforced".

    `level` is 1 for the hardened process, 2 for the namespaces sandbox, 3 for Docker; `backend` is the name
    people see ("process", "sandbox", "docker").
    """

    backend: str
    level: int
    memory: str
    cpu: str
    time: str
    file_system: str
    tmp: str
    processes: str
    network: str
    freeze: str


@dataclass(frozen=True, slots=True)
class InvocationRecord:
    """All that was measured of one invocation. Times in milliseconds, memory in MB (MiB, as AWS counts).

    `queue_ms` runs from the request's arrival to the environment taking it, less `init_ms`; `init_ms` is
    None on a warm start; `duration_ms` is the handler phase, and of an init that was repeated within the call, as
    on AWS, `repeated_ms`; `failed_init_ms` took the init before the call that failed and was repeated for that, and
    where no init came to its end the record is not `initialised`: the handler was not called. `billed_ms` is
    ceil(init + duration)
    (INIT is billed since 2025-08-01, `lambda-contract.md` section 13). `started_at` is epoch milliseconds.
    `restore_ms` were spent on restoring a snapshot, from its thaw to the runtime's asking for the event, and
    `billed_restore_ms` of them on its after-restore hooks, in whole milliseconds: SnapStart bills those where other
    cold starts bill an init; both None but on such a start.
    `simulated_ms` passed on the lab's clock before the init, for a network interface that is not there: no
    measurement, not billed. `start_reason` says in words why it was cold or warm; `nth_call` counts calls of
    this environment. `streamed_bytes` were passed on to the caller in pieces; for `held_ms` of the duration the
    bandwidth of streamed responses, 2 MB a second beyond the first 6 MB, held the function up. `machine` is the
    architecture that it really ran on. `extensions_ms` of the duration
    were the extensions' after the runtime was done; None in the record that goes with an answer while they are
    still at work: duration and bill are then those up to the answer, and the log's REPORT has the whole.
    """

    request_id: str
    function_name: str
    invoked_arn: str
    executed_version: str
    outcome: Outcome
    error_type: str | None
    started_at: int
    queue_ms: float
    init_ms: float | None
    duration_ms: float
    billed_ms: int
    memory_size_mb: int
    max_memory_mb: int
    ephemeral_mb: int
    architecture: str
    runtime: str
    environment_id: str
    nth_call: int
    start_reason: str
    log_stream: str
    fidelity: Fidelity
    initialization: str = ON_DEMAND
    repeated_ms: float = 0.0
    simulated_ms: float = 0.0
    streamed_bytes: int = 0
    extensions_ms: float | None = 0.0
    machine: str = ""
    held_ms: float = 0.0
    restore_ms: float | None = None
    billed_restore_ms: int | None = None
    failed_init_ms: float = 0.0
    initialised: bool = True

    @property
    def handler_ms(self) -> float:
        """What of the duration was the handler's, and no init's that was repeated within the call."""
        return max(round(self.duration_ms - self.repeated_ms, 2), 0.0) if self.initialised else 0.0

    @property
    def init_timed_out(self) -> bool:
        """Whether the init that failed before the call had run into its own limit."""
        return self.failed_init_ms >= INIT_SECONDS * 1000

    @property
    def on_another_machine(self) -> bool:
        """Whether it ran on another architecture than it is configured, and priced, for."""
        return bool(self.machine) and self.machine != self.architecture

    @property
    def cold(self) -> bool:
        """Whether this call waited for an init, a new environment's or one repeated within it, or for a restore."""
        return (self.nth_call <= 1 or self.repeated_ms > 0) and self.initialization != PROVISIONED

    def to_json(self) -> str:
        """The record as compact JSON: the value of the `x-lambdalab-record` header."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> InvocationRecord:
        """The record that `to_json` wrote."""
        members: dict[str, Any] = json.loads(text)
        return cls(**{**members, "fidelity": Fidelity(**members["fidelity"])})
