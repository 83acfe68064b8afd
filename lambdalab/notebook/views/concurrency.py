"""How many calls of a function may run at once, and what is kept ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdalab.notebook.views import shares
from lambdalab.notebook.views.css import output
from lambdalab.notebook.views.figures import count
from lambdalab.notebook.views.html import Html, el, join, mono, muted
from lambdalab.notebook.views.icons import icon
from lambdalab.notebook.views.kit import Column, badge, below, card, head, next_steps, note, section, table, title

if TYPE_CHECKING:
    from lambdalab.client.concurrency import Concurrency, Provisioned

_ROWS = 12


def html(shown: Concurrency) -> str:
    """The display of a function's concurrency."""
    return output(
        card(
            f"Concurrency of {shown.function}",
            head(
                icon("concurrency", "mut"),
                title(shown.function, code=True),
                badge("shared" if shown.reserved is None else f"reserved {shown.reserved:,}"),
                muted(_in_words(shown)),
            ),
            section(_account(shown), label="The account's concurrency"),
            section(_provisioned(shown)),
            next_steps(*_next(shown)),
        )
    )


def _in_words(shown: Concurrency) -> str:
    if shown.reserved is None:
        return f"up to {count(shown.unreserved, 'call')} at once, if others leave them"
    if shown.reserved == 0:
        return "stopped: every call is throttled"
    return f"up to {count(shown.reserved, 'call')} at once, its own"


def _account(shown: Concurrency) -> Html:
    own = shown.reserved or 0
    others = shown.limit - shown.unreserved - own
    parts = [
        shares.Share(shares.FIRST, f"reserved for {shown.function}", own),
        shares.Share(shares.SECOND, "reserved for others", others),
        shares.Share(shares.REST, "shared by those without a reservation", shown.unreserved),
    ]
    parts = [part for part in parts if part.number or part.look == shares.REST]
    said = ", ".join(f"{part.number} {part.name}" for part in parts)
    return shares.bar(parts, f"Of {shown.limit}: {said}", f"of {shown.limit:,}")


def _provisioned(shown: Concurrency) -> Html:
    if not shown.provisioned:
        return el("p", "No environment is kept initialised ahead of calls.", cls="mut")
    columns = [Column("For"), Column("Asked for", right=True), Column("Ready", right=True), Column("Status")]
    rows = [
        (mono(f"{shown.function}:{one.qualifier}"), f"{one.requested:,}", f"{one.available:,}", _status(one))
        for one in shown.provisioned[:_ROWS]
    ]
    failed = [one for one in shown.provisioned if one.reason]
    words = [below(note("warn", f"{one.qualifier}: {one.reason}", cls="wa")) for one in failed[:3]]
    return Html(table(columns, rows, caption="Environments kept initialised") + "".join(words))


def _status(one: Provisioned) -> Html:
    shape = {"READY": icon("ok", "ok"), "FAILED": icon("error", "er")}.get(one.status, "")
    return join(shape, one.status)


def _next(shown: Concurrency) -> tuple[str, ...]:
    """How to take away what there is; how to get it where there is nothing."""
    reserve = f"%lambda concurrency {shown.function} --reserved {'5' if shown.reserved is None else 'none'}"
    if shown.provisioned:
        first = shown.provisioned[0].qualifier
        return reserve, f"%lambda concurrency {shown.function}:{first} --provisioned none"
    return (reserve,)
