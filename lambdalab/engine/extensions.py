"""What an execution environment has to do with its extensions, from the first one's start to the last one's end.

Made where a sandbox started external extensions, or when something in it first asks the Extensions API; an
environment without extensions has none of this. It tells them what happens, and says what the environment waits for.

Source: `lambda-contract.md` sections 17 and 18; order and texts compared with AWS's Runtime Interface Emulator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from lambdalab.clock import Clock
from lambdalab.engine import platform_events, report, subscription
from lambdalab.engine.init_phase import InitFailure
from lambdalab.engine.log_pipe import EnvironmentLog, LogPipe
from lambdalab.engine.platform_log import PlatformLog, platform_log, status_of
from lambdalab.engine.running import Completion, Reason, Running
from lambdalab.engine.telemetry import Telemetry
from lambdalab.model.function import FunctionVersion
from lambdalab.model.invocation import InvocationRecord
from lambdalab.runtimes.backends.base import CannotStart, Sandbox
from lambdalab.runtimes.backends.programs import CannotLaunch
from lambdalab.runtimes.extension_registry import INVOKE, SHUTDOWN, Extension, Registry, State
from lambdalab.runtimes.extensions_api import ExtensionsApi, FunctionFacts, invoke_event, send, shutdown_event
from lambdalab.runtimes.runtime_event import Event

_OUT_OF_REACH = "this machine does not reach what listens in a container of its Docker engine"
"""Why there is no telemetry, where a sandbox has no address; the answer is then the emulator's."""
Phase = Literal["init", "invoke"]
"""In which phase an init is: in its own, or repeated within an invocation."""


class Extensions:
    """The extensions of one environment. `moved` is called whenever one of them asks for its next event."""

    def __init__(
        self,
        clock: Clock,
        log: EnvironmentLog,
        version: FunctionVersion,
        sandbox: Sandbox,
        initialization: str,
        phase: Phase,
        moved: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._log = log
        self._version = version
        self._initialization = initialization
        self._phase: Phase = phase
        self._said: PlatformLog = platform_log(version)
        self._sandbox = sandbox
        self._moved = moved
        key = version.key
        facts = FunctionFacts(key.name, version.version, version.handler or "", key.account)
        self.registry = Registry(sandbox.extensions)
        self.api = ExtensionsApi(self.registry, facts, self)
        logs_json = version.settings.get("LoggingConfig", {}).get("LogFormat") == "JSON"
        self.telemetry = Telemetry(clock, sandbox.local_address, json_lines=logs_json)
        log.told = self.telemetry.line
        self._pipe = LogPipe(sandbox.extensions_log_fd, log, "extension", sandbox.paths) if sandbox.extensions else None
        self.fatal: str | None = None
        """What a failure is called that an extension announced before its process ended."""
        self.runtime_started = not sandbox.extensions
        """Whether there is a runtime; with external extensions it comes after them."""
        backend = sandbox.fidelity.backend
        self.telemetry.platform(platform_events.init_start(version, backend, initialization, phase))

    def too_late(self) -> None:
        """Something asks for the first time after init: it can be no extension any more."""
        self.registry.close()
        self.telemetry.end_init()

    # -- what they say (extensions_api.Listener)

    def registered(self, extension: Extension) -> None:
        """The last of the external ones lets the runtime start."""
        if extension.external and self.registry.all_registered():
            self.runtime_started = True
            self._sandbox.start_runtime()

    def ready(self, extension: Extension) -> None:  # noqa: ARG002 - whichever it is, the environment looks at all
        """One asks for its next event."""
        self._moved()

    def reported(self, extension: Extension, fatal: str) -> None:  # noqa: ARG002 - the first report counts
        """One announces that it ends for an error; its end is what counts."""
        self.fatal = self.fatal or fatal

    def subscribe(self, extension: Extension, document: Any) -> tuple[int, Any]:
        """One wants telemetry."""
        if not self.telemetry.open:
            words = "Telemetry API subscription is closed"
            return 403, {"errorMessage": words, "errorType": "Telemetry.SubscriptionClosed"}
        try:
            wanted = subscription.read(document)
        except subscription.Invalid as why:
            return 400, {"errorMessage": str(why), "errorType": "ValidationError"}
        if not self._sandbox.local_address:
            self._log.add(f"[lambdalab] {extension.name} gets no telemetry: {_OUT_OF_REACH}")
            return 202, {"errorMessage": "Telemetry API is not supported", "errorType": "Telemetry.NotSupported"}
        self._log.add(*self._said.telemetry_subscription(extension.name, wanted.types, self._clock.now()))
        self.telemetry.subscribe(extension.name, wanted)
        return 200, "OK"

    # -- what the environment does

    @property
    def take_part(self) -> bool:
        """Whether any is registered for INVOKE: an invocation is then over when they are done, too."""
        return bool(self.registry.subscribed(INVOKE))

    def runtime_ready(self) -> None:
        """The runtime asks for its first event: from now on nobody registers."""
        if not self.registry.closed:
            self.registry.close()
            done = platform_events.init_runtime_done(self._initialization, "success", phase=self._phase)
            self.telemetry.platform(done)

    def init_over(self, spent_ms: float, why: InitFailure | None) -> None:
        """Init has ended, well or not: the log's line of each, and what those are told who subscribed."""
        for one in self.registry:
            facts = one.name, one.state.value, one.events, one.error_type
            self._log.add(*self._said.extension(*facts, self._clock.now()))
            self.telemetry.platform(platform_events.extension(*facts))
        status, error_type = (why.status, why.error_type) if why is not None else ("success", None)
        if why is not None and not self.registry.closed:
            failed = platform_events.init_runtime_done(self._initialization, status, error_type, self._phase)
            self.telemetry.platform(failed)
        reported = platform_events.init_report(
            spent_ms, initialization=self._initialization, phase=self._phase, status=status, error_type=error_type
        )
        self.telemetry.platform(reported)
        self.telemetry.end_init()

    def restore_begins(self) -> None:
        """The environment's snapshot is about to be restored."""
        self.telemetry.resume()
        self.telemetry.platform(platform_events.restore_start(self._version, self._sandbox.fidelity.backend))

    def restore_over(self, spent_ms: float, why: InitFailure | None) -> None:
        """A restore has ended, well or not."""
        status, error_type = (why.status, why.error_type) if why is not None else ("success", None)
        self.telemetry.platform(platform_events.restore_runtime_done(status, error_type))
        self.telemetry.platform(platform_events.restore_report(spent_ms, status, error_type))

    def invoke(self, event: Event, deadline_ms: int) -> None:
        """Tell those who want to know of an invocation, just before the runtime gets it."""
        self.telemetry.resume()
        started = platform_events.start(event.request_id, self._version.version, event.trace_id)
        self.telemetry.platform(started)
        told = invoke_event(deadline_ms, event.request_id, event.invoked_arn, event.trace_id)
        for one in self.registry.subscribed(INVOKE):
            send(one, told)

    def runtime_done(self, running: Running, result: Completion, now: float) -> None:
        """The runtime has finished with an event, or failed, at `now`; extensions may still be at work."""
        began = running.handed_out if running.handed_out is not None else now
        started = self._clock.now() - timedelta(seconds=self._clock.monotonic() - began)
        spent, failed = (now - began) * 1000, result.outcome not in {"ok", "response_too_large"}
        parts = (("responseLatency", 0.0, result.duration_ms), ("runtimeOverhead", result.duration_ms, spent))
        spans = [
            platform_events.span(name, report.iso(started + timedelta(milliseconds=at)), max(until - at, 0.0))
            for name, at, until in parts
        ]
        self.telemetry.platform(
            platform_events.runtime_done(
                running.event.request_id,
                "timeout" if result.outcome == "timeout" else "error" if failed else "success",
                error_type=result.error_type if failed else None,
                duration_ms=spent,
                produced_bytes=result.streamed_bytes or len(result.body),
                spans=() if failed else spans,
                trace_id=running.event.trace_id,
            )
        )

    def invocation_over(self, record: InvocationRecord) -> None:
        """The invocation's report."""
        status = status_of(record)
        error_type = record.error_type if status else None
        self.telemetry.platform(platform_events.invocation_report(record, status or "success", error_type))

    def shut_down(self, reason: Reason, deadline_ms: int) -> None:
        """Tell those who want to know of the end."""
        for one in self.registry.subscribed(SHUTDOWN):
            send(one, shutdown_event(reason, deadline_ms))

    def ended(self, name: str | None) -> str | None:
        """An extension's process has ended, or the runtime (None): what that is called if one had announced it."""
        for one in self.registry:
            one.ended = one.ended or (one.external and one.name == name)
        return self.fatal

    def expected_to_end(self) -> bool:
        """Whether one that was told of the end has not ended yet."""
        return any(one.external and not one.ended for one in self.registry.subscribed(SHUTDOWN))

    @property
    def any_external(self) -> bool:
        """Whether the sandbox started programs beside the runtime."""
        return bool(self._sandbox.extensions)

    @property
    def any(self) -> bool:
        """Whether there are any at all; something may have asked and been refused."""
        return any(True for _ in self.registry)

    def drain_log(self) -> None:
        """Take into the log what they have written up to now."""
        if self._pipe is not None:
            self._pipe.drain()

    def close(self) -> None:
        """The environment has ended; harmless when done twice."""
        self.telemetry.close()
        if self._pipe is not None:
            self._pipe.close()


def launch_lines(version: FunctionVersion, why: CannotStart, moment: datetime) -> Sequence[str]:
    """The log's line of an extension that could not even be started; nothing where it was something else."""
    if not isinstance(why, CannotLaunch):
        return ()
    return platform_log(version).extension(why.name, State.LAUNCH_ERROR.value, (), why.kind, moment)
