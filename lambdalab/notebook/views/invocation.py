"""The card of one invocation: what came back, what it took, what it cost."""

from __future__ import annotations

from lambdalab.notebook.views import call_parts as parts
from lambdalab.notebook.views.css import output
from lambdalab.notebook.views.failure import failed_card
from lambdalab.notebook.views.html import Html
from lambdalab.notebook.views.kit import below, card, section, side_by_side
from lambdalab.notebook.views.shapes import Call


def html(call: Call) -> str:
    """The display of `call`."""
    if call.error is not None:
        return output(failed_card(call, call.error))
    repeated = call.record is not None and call.record.repeated_ms > 0
    cold = call.init_ms is not None or call.restore_ms is not None or repeated
    return output(_cold_card(call) if cold else _warm_card(call))


def _cold_card(call: Call) -> Html:
    record = call.record
    picture = section(parts.stretches(call), parts.why_cold(record), label="Timeline") if record else Html("")
    return card(
        f"Invocation of {call.function}: ok, cold",
        parts.heading(call, "ok", "OK"),
        section(parts.strip(call)),
        picture,
        section(side_by_side(parts.answer(call), parts.log(call))),
        _folded(call),
    )


def _warm_card(call: Call) -> Html:
    return card(
        f"Invocation of {call.function}: ok, warm",
        parts.heading(call, "ok", "OK"),
        section(parts.strip(call)),
        section(parts.stretches(call), below(side_by_side(parts.answer(call), parts.log(call)))),
    )


def _folded(call: Call) -> Html:
    cost = parts.cost_details(call)
    return section(cost, foot=True) if cost else Html("")
