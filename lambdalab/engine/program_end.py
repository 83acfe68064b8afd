"""What it means that a program of an environment ended by itself. Without its runtime, or an extension that it began
with, AWS lets no environment live.

Source: `lambda-contract.md` sections 10 and 17.
"""

from __future__ import annotations

from dataclasses import dataclass

from lambdalab.engine import failure
from lambdalab.engine.failure import Failure
from lambdalab.engine.init_phase import InitFailure
from lambdalab.runtimes.backends.base import Exit

CRASH = "Extension.Crash"


@dataclass(frozen=True, slots=True)
class ProgramEnd:
    """The end of the runtime (`name` is None) or of an extension.

    `announced` is what the failure of an extension is called that it had reported: the runtime's end after that is its.
    """

    name: str | None
    end: Exit
    announced: str | None = None

    @property
    def words(self) -> str:
        """Why the environment ended."""
        return self._described() if self._is_runtimes else f"{self._kind}, {self._described()}"

    def init_failure(self) -> InitFailure:
        """What an init has come to that this ended."""
        if not self._is_runtimes:
            return InitFailure("error", self._kind, None, None, self._described())
        if self.end.refused is not None:
            return InitFailure("error", "Runtime.InvalidEntrypoint", None, None, self.end.refused)
        kind = "Runtime.OutOfMemory" if self.end.reason == "out_of_memory" else "Runtime.ExitError"
        return InitFailure("error", kind, None, self.end)

    def failure(self, request_id: str) -> Failure:
        """What an invocation has come to that this ended."""
        if self._is_runtimes:
            return failure.runtime_exited(request_id, self.end)
        return failure.extension_failed(request_id, self._kind, self._described())

    @property
    def _is_runtimes(self) -> bool:
        return self.name is None and self.announced is None

    @property
    def _kind(self) -> str:
        return self.announced or CRASH

    def _described(self) -> str:
        """AWS's words for how a process ended; of extensions other ones than of the runtime."""
        if self.name is None:
            return failure.describe_exit(self.end)
        if self.end.signal is not None:
            return failure.describe_signal(self.end.signal)
        return f"exit status {self.end.status}" if self.end.status else "exit code 0"
