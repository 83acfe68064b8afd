"""The result of one invocation, as the caller has it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from lambdalab.billing.meter import Cost, invocation_cost
from lambdalab.client.cell import CellSource
from lambdalab.client.display import Displayed
from lambdalab.client.logs import lines
from lambdalab.client.stack import Frame, map_frames, own
from lambdalab.client.wire import Response
from lambdalab.errors import LabError
from lambdalab.model import snapstart
from lambdalab.model.invocation import PROVISIONED, InvocationRecord

if TYPE_CHECKING:
    from lambdalab.client.missing import Missing

RECORD_HEADER = "x-lambdalab-record"
"""Asked for with a request, this header of the answer holds the invocation's record. AWS ignores it."""
_WORDS = 80
"""Characters of an error's message, or of an answer, in the line that tells an invocation."""
_MILLION = 1_000_000


class FunctionFailed(LabError):
    """The function answered with an error. `invocation` has all of it."""

    def __init__(self, invocation: Invocation) -> None:
        error = invocation.error
        at = own(error.frames) if error else None
        frame = f"\n  {at.place}" if at else ""
        super().__init__(f"{invocation!r}{frame}")
        self.invocation = invocation


@dataclass(frozen=True, slots=True)
class FunctionError:
    """A function error as AWS answers it.

    `stack_trace` is AWS's own; `frames` are the same in terms of the notebook, the outermost first. `missing` is what
    the lab knows of a Python module that was not found.
    """

    type: str
    message: str
    stack_trace: tuple[str, ...] = ()
    frames: tuple[Frame, ...] = ()
    missing: Missing | None = None

    def __str__(self) -> str:
        """`KeyError('price') at Cell In[9], line 4, in handler`: what `assert result.ok, result.error` shows."""
        at = own(self.frames)
        return f"{_called(self)}{f' at {at.place}' if at else ''}"


@dataclass(frozen=True, slots=True, repr=False)
class Invocation(Displayed):
    """What came back from a function, and what it took.

    `payload` is the answer parsed from JSON, `raw` its bytes, `log` the last 4 KB of the log. `record` holds
    all that was measured; it is None where the answer is a real account's, and then the figures come from the
    REPORT line. An invocation is neither true nor false: ask for `ok` or `error`.
    """

    function: str
    qualifier: str | None
    executed_version: str
    request_id: str
    raw: bytes = field(repr=False)
    log: str
    error: FunctionError | None
    record: InvocationRecord | None

    @property
    def ok(self) -> bool:
        """Whether the function answered without an error."""
        return self.error is None

    @property
    def payload(self) -> Any:
        """The answer: what the handler returned, or the error's document."""
        return _parsed(self.raw)

    @property
    def duration_ms(self) -> float | None:
        """Milliseconds in the handler."""
        return self.record.duration_ms if self.record else _reported(self.log, "Duration")

    @property
    def billed_ms(self) -> int | None:
        """Milliseconds billed."""
        return self.record.billed_ms if self.record else _whole(_reported(self.log, "Billed Duration"))

    @property
    def init_ms(self) -> float | None:
        """Milliseconds of init; None on a warm start."""
        return self.record.init_ms if self.record else _reported(self.log, "Init Duration")

    @property
    def restore_ms(self) -> float | None:
        """Milliseconds of a snapshot's restore; None where there was none."""
        return self.record.restore_ms if self.record else _reported(self.log, "Restore Duration")

    @property
    def memory_size_mb(self) -> int | None:
        """The memory that the function is given, in MB."""
        return self.record.memory_size_mb if self.record else _whole(_reported(self.log, "Memory Size"))

    @property
    def max_memory_mb(self) -> int | None:
        """The most memory that it held, in MB."""
        return self.record.max_memory_mb if self.record else _whole(_reported(self.log, "Max Memory Used"))

    @property
    def cost(self) -> Cost | None:
        """What it costs by list price; None without a record."""
        if self.record is None:
            return None
        return invocation_cost(
            memory_mb=self.record.memory_size_mb,
            billed_ms=self.record.billed_ms,
            architecture=self.record.architecture,
            ephemeral_mb=self.record.ephemeral_mb,
            provisioned=self.record.initialization == PROVISIONED,
            restored=self.record.restore_ms is not None and not snapstart.free(self.record.runtime),
            streamed_bytes=self.record.streamed_bytes,
        )

    def raise_for_error(self) -> Invocation:
        """This invocation, or `FunctionFailed` when it ended in an error."""
        if self.error is not None:
            raise FunctionFailed(self)
        return self

    def __bool__(self) -> NoReturn:
        raise TypeError("An Invocation is neither true nor false. Ask .ok, .error or .payload.")

    def __repr__(self) -> str:
        return _printable(f"{self._who} {self._what}{self._answer}")

    def __str__(self) -> str:
        trace = "\n".join(entry.rstrip("\n") for entry in self.error.stack_trace) if self.error else ""
        return "\n".join(part for part in (repr(self), trace.rstrip(), self.log.rstrip()) if part)

    @property
    def _who(self) -> str:
        """`hello:prod->3`."""
        asked = self.qualifier or self.executed_version
        ran = "" if asked == self.executed_version else f"->{self.executed_version}"
        return f"{self.function}:{asked}{ran}"

    @property
    def _what(self) -> str:
        if self.error is None:
            return ", ".join(
                part for part in (f"ok in {_ms(self.duration_ms)}", self._start, self._simulated, *self._bill) if part
            )
        if self.record is not None and self.record.outcome == "timeout":
            where = "" if self.record.initialised else " in init"
            return f"timeout{where} after {self.record.duration_ms / 1000:.2f} s"
        if self.record is not None and self.record.outcome == "out_of_memory":
            return f"out of memory at {self.record.memory_size_mb} MB"
        return f"error {self.error}, {_ms(self.duration_ms)}, {self._start}"

    @property
    def _answer(self) -> str:
        """The answer as it came, where it is no error; its beginning where it is long."""
        if self.error is not None or not self.raw:
            return ""
        return f": {_short(self.raw[: 4 * (_WORDS + 1)].decode('utf-8', 'replace'))}"

    @property
    def _start(self) -> str:
        if self.init_ms is not None:
            return f"cold (init {_ms(self.init_ms)})"
        if self.restore_ms is not None:
            return f"cold (restore {_ms(self.restore_ms)})"
        return "cold (init within the call)" if self.record is not None and self.record.cold else "warm"

    @property
    def _simulated(self) -> str:
        seconds = self.record.simulated_ms / 1000 if self.record is not None else 0.0
        return f"after {seconds:.1f} s for a network interface (simulated)" if seconds else ""

    @property
    def _bill(self) -> tuple[str, ...]:
        shown, cost = "", self.cost
        if cost is not None:
            shown = f"${cost.per_million:.2f} per million"
        if cost is not None and cost.streamed:
            shown += f" (${cost.streamed * _MILLION:.2f} of it for what was streamed beyond 6 MB)"
        return (f"billed {self.billed_ms} ms", f"{self.max_memory_mb}/{self.memory_size_mb} MB", shown)


def read(function: str, qualifier: str | None, response: Response, cell: CellSource | None) -> Invocation:
    """The invocation that an answer to Invoke describes; `cell` is where the function's source is from."""
    headers = response.headers
    record = headers.get(RECORD_HEADER)
    measured = InvocationRecord.from_json(base64.b64decode(record).decode()) if record else None
    error = None
    if headers.get("x-amz-function-error"):
        error = _error(_parsed(response.body), measured, cell)
    log = headers.get("x-amz-log-result")
    return _invocation(function, qualifier, headers, response.body, log, error, measured)


def streamed(
    function: str,
    qualifier: str | None,
    head: Response,
    raw: bytes,
    complete: Mapping[str, Any],
    cell: CellSource | None,
) -> Invocation:
    """The invocation that a streamed answer describes: its head, all its pieces, and its completion event."""
    record = complete.get("Record")
    measured = InvocationRecord.from_json(json.dumps(record)) if record else None
    error = None
    if "ErrorCode" in complete:
        error = _error(_parsed(str(complete.get("ErrorDetails", "")).encode()), measured, cell)
    return _invocation(function, qualifier, head.headers, raw, complete.get("LogResult"), error, measured)


def _invocation(
    function: str,
    qualifier: str | None,
    headers: Mapping[str, str],
    raw: bytes,
    log: str | None,
    error: FunctionError | None,
    record: InvocationRecord | None,
) -> Invocation:
    return Invocation(
        function=function,
        qualifier=qualifier,
        executed_version=headers.get("x-amz-executed-version", "$LATEST"),
        request_id=headers.get("x-amzn-requestid", ""),
        raw=raw,
        log=lines(base64.b64decode(log).decode(errors="replace")) if log else "",
        error=error,
        record=record,
    )


def _error(document: Any, record: InvocationRecord | None, cell: CellSource | None) -> FunctionError:
    members: Mapping[str, Any] = document if isinstance(document, Mapping) else {}
    stack = tuple(str(entry) for entry in members.get("stackTrace") or members.get("trace") or ())
    return FunctionError(
        type=str(members.get("errorType") or (record and record.error_type) or "Unhandled"),
        message=str(members.get("errorMessage", "")),
        stack_trace=stack,
        frames=map_frames(stack, cell),
    )


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):  # the second is JSON, and nested deeper than Python reads it
        return raw.decode(errors="replace")


def _reported(log: str, figure: str) -> float | None:
    """A figure of the log's REPORT line."""
    found = re.search(rf"^REPORT .*?\t{figure}: ([\d.]+) ", log, re.MULTILINE)
    return float(found[1]) if found else None


def _whole(figure: float | None) -> int | None:
    return None if figure is None else int(figure)


def _printable(words: str) -> str:
    """The words in one line, with Python's escapes for what cannot be shown."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in words)


def _ms(figure: float | None) -> str:
    if figure is None:
        return "unknown time"
    return f"{figure:.1f} ms" if figure < 10 else f"{figure:.0f} ms"


def without_id(message: str) -> str:
    """AWS's sentence about a call that the platform ended, without the request's id before it."""
    return re.sub(r"^RequestId: \S+ (Error: )?", "", message)


def _short(words: str) -> str:
    return words if len(words) <= _WORDS else words[: _WORDS - 3] + "..."


def _called(error: FunctionError) -> str:
    """`KeyError('price')`."""
    words = without_id(error.message).partition("\n")[0]
    short = _short(words)
    return f"{error.type}({short if short.startswith(chr(39)) else repr(short)})" if short else error.type
