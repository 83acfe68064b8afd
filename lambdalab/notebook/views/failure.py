"""The card of an invocation that failed: the place first, then what it means, then the figures."""

from __future__ import annotations

import re
from collections.abc import Callable

from lambdalab.client.invocation import without_id
from lambdalab.client.stack import own
from lambdalab.lines import lines_of
from lambdalab.model.invocation import INIT_SECONDS, InvocationRecord, Outcome
from lambdalab.notebook.hints import hint_of
from lambdalab.notebook.views import blocks
from lambdalab.notebook.views import call_parts as parts
from lambdalab.notebook.views.figures import count, duration, megabytes
from lambdalab.notebook.views.html import Html, bold, el, inline, join, mono, muted, with_code
from lambdalab.notebook.views.kit import below, card, details, next_steps, note, section, side_by_side
from lambdalab.notebook.views.shapes import Call, CallError, Frame

_BY_TYPE: dict[str, Outcome] = {
    "Sandbox.Timedout": "timeout",
    "Runtime.OutOfMemory": "out_of_memory",
    "Runtime.ExitError": "exit",
    "Function.ResponseSizeTooLarge": "response_too_large",
}
_SENTENCE = 300
"""Bytes of markup of an error's first line, and of a place."""
_TRACEBACK_BUDGET = 800
_ABOVE_INIT = 30
"""Seconds of timeout to try for an init that may take longer than its own limit."""


def failed_card(call: Call, error: CallError) -> Html:
    """The card that fits how the invocation ended."""
    build = _CARDS.get(_outcome(call, error), _raised)
    return build(call, error)


def _outcome(call: Call, error: CallError) -> Outcome:
    return call.record.outcome if call.record else _BY_TYPE.get(error.type, "error")


# -- the function raised


def _raised(call: Call, error: CallError) -> Html:
    in_init = call.record is not None and call.record.outcome == "init_error"
    word = "Init error" if in_init else "Function error"
    return card(
        f"Invocation of {call.function}: {word.lower()}",
        parts.heading(call, "error", word),
        section(_what(error), _place(error), _advice(call, error), _traceback(error)),
        section(parts.strip(call)),
        section(side_by_side(parts.error_answer(call), parts.log(call))),
        _what_aws_does(),
        next_steps(f"%lambda invoke {call.function}", f"%lambda logs {call.function}"),
    )


def _what(error: CallError) -> Html:
    frame = _where(error)
    where = (
        join(Html("<br>"), muted("raised in"), el("b", blocks.clip(frame.place, _SENTENCE), cls="m")) if frame else ""
    )
    first, *_ = lines_of(error.message) or [""]
    return note("error", el("b", blocks.clip(f"{error.type}: {first}", _SENTENCE), cls="m"), where, cls="er")


def _place(error: CallError) -> Html:
    frame = _where(error)
    if frame is None or frame.source is None:
        return Html("")
    cell = frame.source
    return below(blocks.source(lines_of(cell.text), hit=frame.line, first=cell.first_line))


def _where(error: CallError) -> Frame | None:
    return own(error.frames)


def _advice(call: Call, error: CallError) -> Html:
    found = hint_of(call, error)
    if found is None:
        return Html("")
    return el("p", join(with_code(found.happened), muted(with_code(found.advice))), cls="mt1")


def _traceback(error: CallError) -> Html:
    """The frames, or without any the message where more than its first line is to be had; folded."""
    if not error.frames:
        is_told = "\n" not in error.message and len(error.message) <= _SENTENCE
        folded = details("Full text of the error", blocks.code(error.message, budget=_TRACEBACK_BUDGET))
        return Html("") if is_told else below(folded)
    lines = [frame.place for frame in error.frames]
    whole = "\n".join([*lines, f"{error.type}: {error.message}"])
    return below(details(f"Full traceback, {count(len(lines), 'frame')}", blocks.code(whole, budget=_TRACEBACK_BUDGET)))


def _what_aws_does() -> Html:
    return section(
        note(
            "info",
            bold("What AWS would do."),
            " The Invoke API still answers 200; only the header above says that the function failed, so check it."
            " A synchronous caller is not retried. Sent as an asynchronous event, it would run twice more,"
            " after 1 and 2 minutes.",
        ),
        foot=True,
    )


# -- the platform ended it


def _timed_out(call: Call, error: CallError) -> Html:
    limit, record = _seconds(error.message), call.record
    if record is not None and not record.initialised:
        return _timed_out_in_init(call, error, record)
    advice = f"--timeout {min(max(limit * 3, 10), 900)}"
    return _ended(
        call,
        ("timeout", "Timed out"),
        parts.stretches(call, stopped="stopped at the limit"),
        f"{_after_id(error.message)}. {_of_it_init(record)}",
        "The environment is reset: the next call initialises it again. ",
        muted("Raise the limit with "),
        inline(advice),
        muted(", or give what the function waits for a shorter limit of its own."),
    )


def _of_it_init(record: InvocationRecord | None) -> str:
    if record is None or not record.repeated_ms:
        return ""
    return f"{duration(record.repeated_ms)} of it went to init, the code outside the handler, which ran again. "


def _timed_out_in_init(call: Call, error: CallError, record: InvocationRecord) -> Html:
    """The timeout ended an init that was repeated within the call: a longer timeout is one for that init."""
    limit = _seconds(error.message)
    return _ended(
        call,
        ("timeout", "Timed out in init"),
        parts.stretches(call, stopped="stopped at the call's limit"),
        f"{_after_id(error.message)}. ",
        bold("The handler was not called."),
        f" {_how_init_went(record)} within the call's timeout of {limit} s. ",
        muted(
            "Move the slow work into the handler, or raise the timeout above what init takes, for example with ",
            inline(f"--timeout {min(max(limit * 3, _ABOVE_INIT), 900)}"),
            ": an init that is repeated has the function's whole timeout.",
        ),
    )


def _how_init_went(record: InvocationRecord) -> str:
    """Up to the words for how long the last one had."""
    if not record.failed_init_ms:
        return "The environment began again within the call, and init, the code outside the handler, did not end"
    first = (
        f"did not end within {INIT_SECONDS:.0f} s, its limit"
        if record.init_timed_out
        else f"failed after {duration(record.failed_init_ms)}"
    )
    return (
        f"Init, the code outside the handler, {first}. AWS then begins it again within the call, where it did not end"
    )


def _out_of_memory(call: Call, error: CallError) -> Html:
    size = call.memory_size_mb or 128
    return _ended(
        call,
        ("memory", "Out of memory"),
        parts.stretches(call, stopped="killed"),
        f"{_after_id(error.message)} (",
        mono(error.type),
        f"). The process passed {megabytes(size)} and was killed; there is no traceback. ",
        muted("Work on smaller pieces, or double the memory and look again: "),
        inline(f"--memory {min(size * 2, 10_240)}"),
    )


def _exited(call: Call, error: CallError) -> Html:
    found = hint_of(call, error)
    advice = () if found is None else (with_code(found.happened), " ", muted(with_code(found.advice)))
    return _ended(
        call,
        ("error", "Process ended"),
        parts.stretches(call, stopped="the process ended"),
        f"{_after_id(error.message)} (",
        mono(error.type),
        "). The process ended before it answered: the next call initialises its environment again. ",
        *advice,
    )


def _too_large(call: Call, error: CallError) -> Html:
    return _ended(
        call,
        ("error", "Response too large"),
        parts.stretches(call),
        f"{error.message} ",
        muted("Return a reference to the data, such as the key of an S3 object, instead of the data."),
    )


def _ended(call: Call, kind: tuple[str, str], picture: Html, *words: object) -> Html:
    shape, word = kind
    return card(
        f"Invocation of {call.function}: {word.lower()}",
        parts.heading(call, shape, word),
        section(parts.strip(call)),
        section(picture, below(note("info", *words))),
        section(
            details(
                "Response and log",
                side_by_side(parts.error_answer(call), parts.log(call)),
                unfolded=parts.has_own_lines(call),  # how far it came is what one wants to know
            )
        ),
    )


def _after_id(message: str) -> str:
    """AWS's sentence, to be gone on with."""
    return without_id(message).rstrip(".")


def _seconds(message: str) -> int:
    found = re.search(r"after (\d+)", message)
    return int(found[1]) if found else 3


_CARDS: dict[Outcome, Callable[[Call, CallError], Html]] = {
    "timeout": _timed_out,
    "out_of_memory": _out_of_memory,
    "exit": _exited,
    "response_too_large": _too_large,
}
