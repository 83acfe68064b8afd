"""What the views need to know of the values they show. The client's records have these shapes.

Stated here so that a view can be read, typed and tested by itself: it never asks the region for anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from lambdalab.billing.meter import Cost
    from lambdalab.client.missing import Missing
    from lambdalab.model.invocation import InvocationRecord


class Frame(Protocol):
    """One frame of a function's stack trace, mapped to the notebook where that is known."""

    @property
    def place(self) -> str:
        """`Cell In[4], line 9, in handler`, or the path where it is not from a cell."""

    @property
    def line(self) -> int:
        """The line's number in `source`."""

    @property
    def source(self) -> Source | None:
        """The cell, when the frame is in one."""


class Source(Protocol):
    """The text of a cell; its first line (below the magic) has the number `first_line`."""

    @property
    def text(self) -> str:
        """The cell's body."""

    @property
    def first_line(self) -> int:
        """2, when the body begins under one magic line."""


class CallError(Protocol):
    """A function error as AWS answers it. `frames` run from the handler inwards."""

    @property
    def type(self) -> str:
        """`errorType`."""

    @property
    def message(self) -> str:
        """`errorMessage`."""

    @property
    def frames(self) -> Sequence[Frame]:
        """The stack trace."""

    @property
    def missing(self) -> Missing | None:
        """A Python module that was not found, where more is known of it."""


class Call(Protocol):
    """One invocation's result. What a real account does not tell is None."""

    @property
    def function(self) -> str:
        """The function's name."""

    @property
    def qualifier(self) -> str | None:
        """The version or alias that was asked for."""

    @property
    def executed_version(self) -> str:
        """The version that ran: `$LATEST` or a number."""

    @property
    def request_id(self) -> str:
        """The request's id."""

    @property
    def payload(self) -> Any:
        """The answer, parsed."""

    @property
    def raw(self) -> bytes:
        """The answer's bytes."""

    @property
    def ok(self) -> bool:
        """Whether the function answered without an error."""

    @property
    def error(self) -> CallError | None:
        """The function error, if any."""

    @property
    def log(self) -> str:
        """The log's tail, with the platform's lines."""

    @property
    def record(self) -> InvocationRecord | None:
        """All that was measured; None from a real account."""

    @property
    def cost(self) -> Cost | None:
        """What it costs by list price."""

    @property
    def duration_ms(self) -> float | None:
        """The handler's time, from the record or the REPORT line."""

    @property
    def billed_ms(self) -> int | None:
        """The billed time."""

    @property
    def init_ms(self) -> float | None:
        """The init's time; None when warm."""

    @property
    def restore_ms(self) -> float | None:
        """The time of a snapshot's restore; None without one."""

    @property
    def memory_size_mb(self) -> int | None:
        """The memory size."""

    @property
    def max_memory_mb(self) -> int | None:
        """The most memory held; 0 when it could not be measured."""


class Change(Protocol):
    """One setting that a deployment changed."""

    @property
    def what(self) -> str:
        """Its name."""

    @property
    def before(self) -> str:
        """Its value before, as text; empty when it was not set."""

    @property
    def now(self) -> str:
        """Its value now."""


class Deployed(Protocol):
    """What a deployment did."""

    @property
    def name(self) -> str:
        """The function's name."""

    @property
    def created(self) -> bool:
        """Whether it is new."""

    @property
    def changes(self) -> Sequence[Change]:
        """What changed; nothing when the same code and settings were there already."""

    @property
    def seconds(self) -> float:
        """How long it took."""

    @property
    def configuration(self) -> Mapping[str, Any]:
        """AWS's FunctionConfiguration."""

    @property
    def old_source(self) -> str | None:
        """The code before, where it is known."""

    @property
    def new_source(self) -> str | None:
        """The code now."""

    @property
    def notes(self) -> Sequence[str]:
        """Sentences on what the package may lack, and on what was only simulated."""

    @property
    def packages(self) -> Sequence[str]:
        """The requirements in it, with their versions."""


class LogEvent(Protocol):
    """One line of a log."""

    @property
    def time(self) -> datetime:
        """When it was written, aware."""

    @property
    def message(self) -> str:
        """The line."""


class LogView(Protocol):
    """Lines of a function's log, the oldest first."""

    @property
    def function(self) -> str:
        """The function's name."""

    @property
    def events(self) -> Sequence[LogEvent]:
        """The lines."""
