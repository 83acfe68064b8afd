"""What can run here and what is enforced: the display of `%lambda doctor`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lambdalab.model.invocation import Fidelity
from lambdalab.notebook.views.css import output
from lambdalab.notebook.views.figures import count, duration, megabytes
from lambdalab.notebook.views.html import Html, breakable, el, join, mono, muted, small
from lambdalab.notebook.views.icons import icon
from lambdalab.notebook.views.kit import (
    Column,
    Figure,
    below,
    card,
    details,
    enforcements,
    fidelity,
    figures,
    head,
    meter,
    note,
    section,
    status,
    table,
    title,
)

_FEW = 3
"""So many missing runtimes are shown at once; more are folded."""
_NOT_ENFORCED = ("not ", "no ", "none", "the machine's")


def html(report: Mapping[str, Any]) -> str:
    """The display of the region's report on itself (`GET /_lambdalab/doctor`)."""
    runs = any(not one["problem"] for one in report["runtimes"])
    used = next((one for one in report["levels"] if one["backend"] == report["backend"]), None)
    return output(
        card(
            "lambdalab doctor",
            head(
                status("ok", "Ready") if runs else status("warn", "Not ready"),
                title(f"lambdalab {report['version']}"),
                muted(count(len(report["problems"]), "thing") + " to look at") if report["problems"] else "",
                right=(fidelity(Fidelity(**used["fidelity"])),) if used and used["fidelity"] else (),
            ),
            section(_region(report)),
            section(_runtimes(report["runtimes"]), label="Runtimes"),
            section(_levels(report["levels"], report["backend"])),
            *_remarks(report),
            section(_foot(report), foot=True),
        )
    )


def _remarks(report: Mapping[str, Any]) -> list[Html]:
    """What to look at, marked; and what is only good to know."""
    problems = report["problems"]
    return [
        section(note("warn", words, cls="wa") if words in problems else note("info", words))
        for words in report["notes"]
    ]


def _region(report: Mapping[str, Any]) -> Html:
    states = report["environments"]
    spread = ", ".join(f"{number} {state}" for state, number in states.items() if number)
    memory = report["memory"]
    return figures(
        (
            Figure("Python", report["python"]),
            Figure("Endpoint", mono(report["endpoint"].removeprefix("http://")), "AWS API"),
            Figure("Account", report["account"], report["region"]),
            Figure("Environments", str(sum(states.values())), spread),
            Figure("Memory of the region", _memory(memory["region_mb"], memory["limit_mb"])),
        )
    )


def _memory(used: float, limit: float | None) -> Html:
    if not limit:
        return Html(megabytes(round(used)))
    bar = meter(used, limit, f"{used:.0f} of {limit:.0f} MB")
    return join(f"{used:.0f}", Html(small(f"of {megabytes(round(limit))}") + bar))


def _runtimes(runtimes: Sequence[Mapping[str, Any]]) -> Html:
    """Those that run, and the commands that bring the missing ones, which `lambdalab doctor` prints too."""
    run = [one for one in runtimes if not one["problem"]]
    missing = [one for one in runtimes if one["problem"]]
    shown = figures((_runtime(one) for one in run), column="8.5em")
    return join(shown if run else "", _how_to_get(missing, unfolded=not run) if missing else "")


def _runtime(one: Mapping[str, Any]) -> Figure:
    """Its version; what is said in brackets after it is a note."""
    version, _, rest = one["version"].partition(" (")
    note = el("small", rest.removesuffix(")"), style="white-space:normal") if rest else ""
    return Figure(breakable(one["name"]), join(version, note))


def _how_to_get(missing: Sequence[Mapping[str, Any]], *, unfolded: bool) -> Html:
    names = ", ".join(one["name"] for one in missing)
    which = "the one that is" if len(missing) == 1 else f"the {len(missing)} that are"
    summary = join(icon("warn", "wa"), f"How to get {which} missing: {names}")
    rows = [(one["name"], join(*_commands(one["advice"]), by=Html("<br> "))) for one in missing]
    columns = (Column("Missing runtime"), Column("Get it with one of these"))
    commands = el("div", table(columns, rows, caption="Commands that bring a runtime", caption_hidden=True), cls="m")
    return below(details(summary, commands, unfolded=unfolded or len(missing) <= _FEW))


def _commands(advice: str) -> list[str]:
    """The commands in the doctor's sentence, with what it says of them in brackets; the sentence where it has none."""
    return [f"{command}{remark}" for command, remark in re.findall(r"`([^`]*)`( \([^)]*\))?", advice)] or [advice]


def _levels(levels: Sequence[Mapping[str, Any]], backend: str) -> Html:
    known = [(one, dict(enforcements(Fidelity(**one["fidelity"])))) for one in levels if one["fidelity"]]
    columns = [Column("Limit")] + [Column(_level_name(one, backend)) for one, _ in known]
    limits = known[0][1] if known else {}
    rows = [(limit, *(_enforced(texts[limit]) for _, texts in known)) for limit in limits]
    rows.append(("On this machine", *(_available(one) for one, _ in known)))
    return table(columns, rows, caption="What is enforced")


def _level_name(one: Mapping[str, Any], backend: str) -> str:
    return f"{one['backend']}, in use" if one["backend"] == backend else one["backend"]


def _enforced(how: str) -> Html:
    missing = how.lower().startswith(_NOT_ENFORCED)
    return join(icon("error", "mut") if missing else icon("ok", "ok"), how)


def _available(one: Mapping[str, Any]) -> Html:
    if one["available"]:
        return join(icon("ok", "ok"), "ready")
    return join(icon("error", "mut"), one["reason"])


def _foot(report: Mapping[str, Any]) -> Html:
    words = ("State in ", mono(report["home"]), f". Checked in {duration(report['checked_ms'])}.")
    return el("p", small(*words), cls="mut")
