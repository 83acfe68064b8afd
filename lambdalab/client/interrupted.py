"""A call whose caller was interrupted: what becomes of it, told instead of the frames that were waiting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lambdalab.client.names import Names
from lambdalab.errors import Interrupted


class InvocationInterrupted(Interrupted):
    """The wait for a function's answer was interrupted; the call itself goes on in the region."""


def afterwards(names: Names, function: str, qualifier: str | None) -> str:
    """What becomes of a call that nobody waits for any more. Deleting or changing the function does not end it."""
    seconds = names.timeout(function, qualifier)
    if seconds is None:
        return "the region goes on by itself"
    return (
        f"it runs on in the region until it ends by itself or its timeout of {seconds} s is over. `lambdalab stop` in a"
        " terminal ends it sooner, with the region; the next line starts that again"
    )


@contextmanager
def told(names: Names, function: str, qualifier: str | None) -> Iterator[None]:
    """Raise `InvocationInterrupted` for an Interrupt of the call that is made within."""
    try:
        yield
    except KeyboardInterrupt:
        then = afterwards(names, function, qualifier)
        raise InvocationInterrupted(f"stopped waiting for {function}; {then}.") from None
