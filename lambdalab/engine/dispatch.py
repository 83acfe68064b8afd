"""From a request to an execution environment and back: admission, cold or warm, measurement, the record.

The dispatcher writes the platform's log lines and makes the `InvocationRecord`, which is what REPORT, the bill and
every display come from.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from lambdalab.clock import Clock
from lambdalab.engine import failure
from lambdalab.engine.admission import Admission
from lambdalab.engine.environments import Environments
from lambdalab.engine.journal import Journal
from lambdalab.engine.platform_log import platform_log
from lambdalab.engine.request import Done, Request, Result
from lambdalab.engine.running import Answered, Completion, Running
from lambdalab.engine.snapshots import Snapshots
from lambdalab.engine.taken import Taken
from lambdalab.engine.trace import new_trace
from lambdalab.model import snapstart
from lambdalab.model.invocation import InvocationRecord
from lambdalab.runtimes.runtime_event import Event


class Dispatcher:
    """The invocations of a region. Used from the event loop's thread only."""

    def __init__(self, environments: Environments, clock: Clock, *, admission: Admission | None = None) -> None:
        self.admission = admission or Admission(clock)
        self.journal = Journal()
        self.snapshots = Snapshots(environments, clock)
        self._environments = environments
        self._clock = clock

    async def invoke(self, request: Request) -> Result:
        """Run the function once.

        Raises `TooManyRequests`, also where the machine has no memory for it, `SnapStartFailed` and `SnapStartTimeout`
        where a snapshot cannot be restored, or what the backend raises when nothing can start.
        """
        result = None
        while result is None:
            ended: asyncio.Future[Result | None] = asyncio.get_running_loop().create_future()
            if not self.invoke_warm(request, ended.set_result):
                await self._invoke_cold(request, ended.set_result)
            # Shielded: a caller that goes away does not end what runs for it.
            result = await asyncio.shield(ended)
        return result

    def invoke_warm(self, request: Request, done: Done) -> bool:
        """Run the function in an idle environment, if there is one; `done` gets the result.

        Returns False, and has done nothing, when a new environment is needed. This is the hot path: it goes
        from the caller's bytes to the environment's without a task or a turn of the loop in between.

        Raises `TooManyRequests` where the machine has no memory for what the environment may grow to.
        """
        pool, key = self._environments.pool(request.version), request.version.key
        taken = self._environments.take_provisioned(pool)
        if taken is None:
            if not pool.idle:
                return False
            self.admission.enter(key)
            try:
                taken = self._environments.take_idle(pool)
            except BaseException:
                self.admission.leave(key)
                raise
            if taken is None:
                self.admission.leave(key)
                return False
        taken.environment.drain_log()
        taken.environment.log.begin()
        self._run(request, taken, done)
        return True

    async def _invoke_cold(self, request: Request, done: Done) -> None:
        key = request.version.key
        self.admission.enter(key)
        source = self.snapshots.take if snapstart.applies(request.version) else self._environments.take_cold
        try:
            taken = await source(request.version)
        except BaseException:
            self.admission.leave(key)
            raise
        if taken.failure is not None:
            never = taken.failure.completion(request.request_id, request.version.timeout, taken.repeated_ms)
            self._conclude(request, taken, never, self._queued(request, taken), done)
        else:
            self._run(request, taken, done)

    def _run(self, request: Request, taken: Taken, done: Done) -> None:
        environment, version = taken.environment, request.version
        trace_id = request.trace_id or new_trace(self._clock.epoch_ms(), version.key.arn)
        event = Event(request.request_id, request.payload, request.invoked_arn, trace_id, request.client_context)
        queue_ms = self._queued(request, taken)
        done, answered = self._answer_first(request, taken, queue_ms, done)

        def ended(completion: Completion | None) -> None:
            if completion is None:
                self._leave(request, taken)
                done(None)
                return
            self._conclude(request, taken, completion, queue_ms, done)

        environment.invoke(
            Running(
                event,
                version.timeout,
                version.timeout - taken.repeated_ms / 1000,
                platform_log(version).start(request.request_id, self._clock.now()),
                ended,
                request.caller,
                answered,
            )
        )

    def _queued(self, request: Request, taken: Taken) -> float:
        """Milliseconds that the request has waited, but for its environment's own start."""
        return max((self._clock.monotonic() - request.arrived) * 1000 - taken.before_ms, 0.0)

    def _answer_first(self, request: Request, taken: Taken, queue_ms: float, done: Done) -> tuple[Done, Answered]:
        """Two calls for `done`: at the end, and when the runtime has answered and the invocation goes on.

        The caller has the answer then, unless it wants the log to the end; later it is told nothing but that log.
        """
        told: list[Completion] = []

        def answered(completion: Completion) -> None:
            told.append(completion)
            if not request.tail:
                peak = taken.environment.max_memory_mb()
                done(Result(completion.body, self._record(request, taken, completion, queue_ms, peak), None))

        def at_the_end(result: Result | None) -> None:
            if not told or result is None:
                done(result)
            elif request.tail:
                answer = told[0]
                record = replace(result.record, outcome=answer.outcome, error_type=answer.error_type)
                done(result._replace(body=answer.body, record=record))

        return at_the_end, answered

    def _leave(self, request: Request, taken: Taken) -> None:
        self._environments.put_back(request.version, taken.environment)
        if taken.admitted:
            self.admission.leave(request.version.key)

    def _conclude(self, request: Request, taken: Taken, completion: Completion, queue_ms: float, done: Done) -> None:
        environment, version = taken.environment, request.version
        peak = environment.max_memory_mb()
        pool = self._environments.pool(version)
        pool.peak_mb = max(pool.peak_mb, peak)
        environment.drain_log()
        if peak > version.memory_size and completion.outcome in {"ok", "error", "response_too_large"}:
            # It held more than it may have had, between two looks of the watch: AWS would have killed it.
            why = failure.out_of_memory(request.request_id)
            completion = Completion(why.body, why.outcome, why.error_type, completion.duration_ms)
            environment.stop("the last one passed its memory size", "FAILURE")
        completion = taken.with_init(completion, version.timeout)
        record = self._record(request, taken, completion, queue_ms, peak)
        self.journal.add(record)
        said, now = platform_log(version), self._clock.now()
        if taken.failure is not None:
            environment.log.add(*said.start(request.request_id, now))
        environment.log.add(*said.end(record, now))
        if environment.extensions is not None:
            environment.extensions.invocation_over(record)
        tail = environment.log.tail() if request.tail else None
        self._leave(request, taken)
        done(Result(completion.body, record, tail))

    def _record(
        self, request: Request, taken: Taken, completion: Completion, queue_ms: float, peak: int
    ) -> InvocationRecord:
        now, usual = self._clock.epoch_ms(), self._environments.fidelity
        return taken.record(request, completion, now_ms=now, queue_ms=queue_ms, peak_mb=peak, usual=usual)
