"""An environment for one invocation, how it was come by, and what is recorded of the two in the end."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import NamedTuple

from lambdalab.engine import report
from lambdalab.engine.environment import ExecutionEnvironment
from lambdalab.engine.init_phase import InitFailure
from lambdalab.engine.request import Request
from lambdalab.engine.running import Completion
from lambdalab.model.invocation import Fidelity, InvocationRecord

_MACHINE = {"aarch64": "arm64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine())
"""This machine's architecture, in Lambda's words."""


@dataclass(frozen=True, slots=True)
class Restored:
    """How long a snapshot's restore took, in milliseconds, and what of that is billed: all after its thaw."""

    ms: float
    billed_ms: int


class Taken(NamedTuple):
    """An environment for one invocation, and how it was come by. Times in milliseconds.

    `repeated_ms` took an init within the invocation, `failed_ms` the one before it that had failed, if any did.
    `simulated_ms` were waited on the lab's clock before the start. `waited_ms` of the machine's time before the handler
    are no queue: a simulated wait's, and a restore's.
    """

    environment: ExecutionEnvironment
    init_ms: float | None
    reason: str
    failure: InitFailure | None = None
    repeated_ms: float = 0.0
    simulated_ms: float = 0.0
    waited_ms: float = 0.0
    restored: Restored | None = None
    failed_ms: float = 0.0

    @property
    def before_ms(self) -> float:
        """What of the time from the request to the handler was no queue."""
        return (self.init_ms or 0.0) + self.failed_ms + self.repeated_ms + self.waited_ms

    @property
    def admitted(self) -> bool:
        """Whether the invocation holds a place of the admission's: provisioned environments bring their own."""
        return not self.environment.provisioned

    def with_init(self, completion: Completion, timeout: int) -> Completion:
        """The completion with an init that was repeated in it: together they have the function's timeout."""
        if not self.repeated_ms:
            return completion
        handler_ms = completion.duration_ms if self.failure is None else 0.0
        return completion._replace(duration_ms=min(handler_ms + self.repeated_ms, timeout * 1000.0))

    def record(
        self, request: Request, completion: Completion, *, now_ms: int, queue_ms: float, peak_mb: int, usual: Fidelity
    ) -> InvocationRecord:
        """What was measured. `usual` is what environments enforce, for one that was never started."""
        version, environment = request.version, self.environment
        duration = completion.duration_ms
        restored = self.restored
        starting = (self.init_ms or 0.0) + self.failed_ms + (restored.ms if restored is not None else 0.0)
        return InvocationRecord(
            request_id=request.request_id,
            function_name=version.key.name,
            invoked_arn=request.invoked_arn,
            executed_version=version.version,
            outcome=completion.outcome,
            error_type=completion.error_type,
            started_at=now_ms - int(queue_ms + starting + duration),
            queue_ms=round(queue_ms, 2),
            init_ms=None if self.init_ms is None else round(self.init_ms, 2),
            duration_ms=round(duration, 2),
            billed_ms=report.billed_ms(duration, restored.billed_ms if restored is not None else self.init_ms),
            memory_size_mb=version.memory_size,
            max_memory_mb=version.memory_size if completion.outcome == "out_of_memory" else peak_mb,
            ephemeral_mb=version.ephemeral_size,
            architecture=version.architecture,
            runtime=version.runtime or "",
            environment_id=environment.id,
            nth_call=environment.calls,
            start_reason=self.reason,
            log_stream=environment.log_stream,
            fidelity=environment.fidelity or usual,
            initialization=environment.initialization,
            repeated_ms=round(self.repeated_ms, 2),
            simulated_ms=round(self.simulated_ms, 2),
            streamed_bytes=completion.streamed_bytes,
            held_ms=round(completion.held_ms, 2),
            machine=_MACHINE,
            restore_ms=None if restored is None else round(restored.ms, 2),
            billed_restore_ms=None if restored is None else restored.billed_ms,
            extensions_ms=None if completion.extensions_ms is None else round(completion.extensions_ms, 2),
            failed_init_ms=round(self.failed_ms, 2),
            initialised=self.failure is None,
        )
