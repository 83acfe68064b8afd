"""The parts that every invocation's card has: its head, figures, timeline, answer, log and cost."""

from __future__ import annotations

import math
from contextlib import suppress

from lambdalab.billing.meter import Cost, invocation_cost, snapshot_month
from lambdalab.lines import lines_of
from lambdalab.model.invocation import InvocationRecord
from lambdalab.notebook.views import blocks
from lambdalab.notebook.views.figures import count, dollars, duration, megabytes, percent, size, whole_ms
from lambdalab.notebook.views.html import Html, el, join, muted, small
from lambdalab.notebook.views.icons import icon
from lambdalab.notebook.views.kit import (
    Column,
    Figure,
    Segment,
    below,
    caption,
    details,
    fidelity,
    figures,
    head,
    meter,
    named,
    status,
    table,
    timeline,
)
from lambdalab.notebook.views.log_lines import is_cut, own_lines, own_lines_but
from lambdalab.notebook.views.shapes import Call

_MILLION = 1_000_000
_ONE_SNAPSHOT = (
    "Here each restored environment had an init of its own; on AWS all come from one snapshot, and what init made "
    "(random seeds, ids, the time) is the same in all of them."
)
_ERROR_BUDGET = 1500
_RAW_LOG_BUDGET = 1300
_LARGEST_PRETTY = 100_000
"""Bytes of an answer up to which it is parsed and indented for display; beyond it would only cost time."""


def heading(call: Call, kind: str, word: str) -> Html:
    """Status, name, version; on the right the request's id and where it ran."""
    record = call.record
    shown_id = (
        el("span", call.request_id[:8], cls="mut m nb", title=f"request id {call.request_id}")
        if call.request_id
        else ""
    )
    return head(
        status(kind, word),
        named(call.function, addressed(call)),
        right=(shown_id, fidelity(record.fidelity) if record else ""),
    )


def addressed(call: Call) -> str:
    """Which version ran, and through which name: `$LATEST`, `version 3`, `prod → version 3`."""
    ran = call.executed_version
    version = ran if ran.startswith("$") else f"version {ran}"
    return version if call.qualifier in (None, ran) else f"{call.qualifier} → {version}"


def strip(call: Call) -> Html:
    """The five figures. Without a record (a real account) those that AWS's REPORT line tells."""
    shown = [_duration(call), _billed(call), _start(call), _network(call), _memory(call), _cost(call)]
    return figures(item for item in shown if item is not None)


def _duration(call: Call) -> Figure | None:
    if call.duration_ms is None:
        return None
    record, note = call.record, ""
    if record is not None and record.held_ms:
        note = f"{duration(record.held_ms)} held up by the bandwidth of streams"
    if record is not None and record.outcome == "timeout":
        note = "the limit"
    return Figure("Duration", duration(call.duration_ms), note)


def _billed(call: Call) -> Figure | None:
    if call.billed_ms is None:
        return None
    note = "" if call.ok else "errors are billed, too"
    if call.init_ms is not None or call.restore_ms is not None:
        note = "init + duration" if call.restore_ms is None else "restore + duration"
    return Figure("Billed", whole_ms(call.billed_ms), note)


def _start(call: Call) -> Figure | None:
    if call.init_ms is not None:
        return Figure("Start", join(icon("cold", "co"), "Cold"), f"init {duration(call.init_ms)}")
    if call.restore_ms is not None:
        return Figure("Start", join(icon("cold", "co"), "Restored"), f"restore {duration(call.restore_ms)}")
    if call.duration_ms is None:
        return None
    if call.record is not None and call.record.cold:
        return Figure("Start", join(icon("cold", "co"), "Cold"), "init within the call")
    note = f"call {call.record.nth_call} here" if call.record else ""
    return Figure("Start", join(icon("warm", "wm"), "Warm"), note)


def _network(call: Call) -> Figure | None:
    """The wait of the classic model of VPCs: on the lab's clock, no measurement."""
    if call.record is None or not call.record.simulated_ms:
        return None
    return Figure("Network interface", duration(call.record.simulated_ms), "simulated, not billed")


def _memory(call: Call) -> Figure | None:
    used, limit = call.max_memory_mb, call.memory_size_mb
    if limit is None:
        return None
    if not used:
        return Figure("Max memory", muted("not measured"), f"of {megabytes(limit)}")
    bar = meter(used, limit, f"memory {used} of {limit} MB")
    return Figure("Max memory", Html(f"{used} {small(f'of {megabytes(limit)}, {percent(used, limit)}')}{bar}"))


def _cost(call: Call) -> Figure | None:
    return Figure("Cost", dollars(call.cost.per_million), "per million calls") if call.cost else None


def stretches(call: Call, *, stopped: str = "") -> Html:
    """The timeline, to scale: queue, init or restore, handler. `stopped` says what ended the last of them.

    An init that was repeated stands as what it is, though AWS counts it to the duration.
    """
    record = call.record
    if record is None:
        return Html("")
    segments = [Segment("q", "Queue", record.queue_ms)]
    if record.init_ms is not None:
        segments.append(Segment("in", "Init", record.init_ms))
    if record.restore_ms is not None:
        segments.append(Segment("in", "Restore", record.restore_ms))
    if record.failed_init_ms:
        how = "stopped at its limit" if record.init_timed_out else "failed"
        segments.append(Segment("in", f"Init, {how}", record.failed_init_ms))
    if not record.initialised:
        segments.append(Segment("bx", f"Init again, {stopped or 'failed'}", record.duration_ms))
        return timeline(segments)
    if record.repeated_ms:
        segments.append(Segment("in", "Init again", min(record.repeated_ms, record.duration_ms)))
    handler = Segment("bx", f"Handler, {stopped}", record.handler_ms) if stopped else None
    return timeline([*segments, handler or Segment("bu", "Handler", record.handler_ms)])


def why_cold(record: InvocationRecord) -> Html:
    """The engine's own reason for the cold start."""
    words = f"Cold because {record.start_reason}. Call again to reuse this environment."
    if record.restore_ms is not None:
        words = f"SnapStart: {record.start_reason}. {_ONE_SNAPSHOT}"
    return el("p", join(icon("cold", "co"), words), cls="mt1 mut")


def answer(call: Call) -> Html:
    """The response as indented JSON."""
    return el("div", caption("Response", size(len(call.raw))), _document(call, blocks.BUDGET))


def error_answer(call: Call) -> Html:
    """The error document that the caller gets; most of it is told elsewhere on the card."""
    return el("div", caption("Response", "X-Amz-Function-Error: Unhandled"), _document(call, _ERROR_BUDGET))


def _document(call: Call, budget: int) -> Html:
    if len(call.raw) <= _LARGEST_PRETTY:
        with suppress(RecursionError):  # read it was; writing it with indents takes more of Python's stack
            return blocks.json_block(call.payload, budget=budget)
    return blocks.code(call.raw[:_LARGEST_PRETTY].decode("utf-8", "replace"), budget=budget)


def has_own_lines(call: Call) -> bool:
    """Whether the log tells more than the runtime's report of the call's error."""
    return bool(_own_lines(call))


def _own_lines(call: Call) -> list[blocks.Line]:
    return own_lines(call.log) if call.error is None else own_lines_but(call.log, call.error)


def log(call: Call) -> Html:
    """The lines the function wrote; the raw log, with the platform's lines, folded."""
    raw = lines_of(call.log)
    if not raw:
        return el("div", caption("Logs"), el("p", "The answer carried no log.", cls="mut"))
    mine = _own_lines(call)
    told = "; the error is told above" if len(mine) < len(own_lines(call.log)) else ""
    is_end, lines = is_cut(call.log), count(len(mine), "line")
    if is_end:
        lines = f"the last {lines.removeprefix('1 ')}"
    note = f"{lines} from your code{told}"
    shown = blocks.listing(mine, whole=".log has what came", wrapped=True) if mine else _no_lines(told)
    cut = " (its last 4 KB, as AWS sends it)" if is_end else ""
    folded = details(
        f"Raw log, {count(len(raw), 'line')}{cut}", blocks.code(call.log, budget=_RAW_LOG_BUDGET, newest=True)
    )
    return el("div", caption("Logs", note if mine else ""), shown, below(folded))


def _no_lines(told: str) -> Html:
    return el("p", f"Nothing {'else ' if told else ''}was written{told}.", cls="mut")


def cost_details(call: Call) -> Html:
    """What the call costs, part by part, per million calls; folded."""
    cost, record = call.cost, call.record
    if cost is None or record is None:
        return Html("")
    warm = _warm_cost(record)
    columns = [Column("Part"), Column("This call", right=True)] + ([Column("Warm call", right=True)] if warm else [])
    costs = [cost, warm] if warm else [cost]
    rows = [("Requests", *_each(costs, "requests")), ("Duration × memory", *_each(costs, "duration"))]
    if any(one.storage for one in costs):
        rows.append(("Storage in /tmp", *_each(costs, "storage")))
    if cost.restore:
        rows.append(("Restore of the snapshot", *_each(costs, "restore")))
    if cost.streamed:
        rows.append(("Response streamed beyond 6 MB", *_each(costs, "streamed")))
    foot = ("Per million calls", *(dollars(one.per_million) for one in costs))
    summary = f"Cost: {dollars(cost.per_million)} per million calls like this one"
    summary += f", {dollars(warm.per_million)} when warm" if warm else ""
    prices = f"List price, us-east-1, {record.architecture}, {cost.price_date}. The free tier is not counted."
    if record.on_another_machine:
        prices += f" The time was measured on this {record.machine} machine: AWS's {record.architecture} takes its own."
    if cost.restore:
        month = dollars(snapshot_month(record.memory_size_mb))
        prices += f" Keeping the version's snapshot costs another {month} in thirty days, whether it is called or not."
    return details(
        summary,
        table(columns, rows, caption="US dollars per million calls", foot=foot, caption_hidden=True),
        el("p", small(prices)),
    )


def _each(costs: list[Cost], part: str) -> tuple[str, ...]:
    return tuple(dollars(getattr(cost, part) * _MILLION) for cost in costs)


def _warm_cost(record: InvocationRecord) -> Cost | None:
    """The same handler's time without the init, or the restore, when there was one."""
    if record.init_ms is None and record.restore_ms is None:
        return None
    return invocation_cost(
        memory_mb=record.memory_size_mb,
        billed_ms=math.ceil(round(record.duration_ms, 2)) or 1,
        architecture=record.architecture,
        ephemeral_mb=record.ephemeral_mb,
        streamed_bytes=record.streamed_bytes,
    )
