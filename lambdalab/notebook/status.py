"""The status line in a cell's output while the region is busy, gone when the result is there."""

from __future__ import annotations

import codecs
import re
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

from lambdalab.notebook.views.figures import duration

_ONE_MAGIC = re.compile(r"(?:[\w.\[\]'\", ]+=\s*)?%")
_SHOWN = 4000
"""Characters of an answer under way that are shown: the last ones."""


class CellStatus:
    """One display with an id, updated in place, in the cell that `shell` is running.

    It is shown where nothing but the magic writes to the cell: the output is cleared at the end, and the result is
    the only one saved. In other cells clearing would take the reader's own output away, and a display cannot be
    taken away by itself: nothing is shown there. `look` is asked with each update what goes on meanwhile; it must not
    take long.
    """

    def __init__(self, shell: Any, what: str, look: Callable[[], str] = lambda: "") -> None:
        self._shell = shell
        self._what = what
        self._look = look
        self._display_id = uuid.uuid4().hex
        self._shown = False
        self._pieces: deque[bytes] = deque()
        self._text = ""
        self._why = ""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace")  # a letter may come in two pieces

    def arrived(self, piece: bytes) -> None:
        """A piece of the answer is here; from any thread. It is shown with the next look."""
        self._pieces.append(piece)

    def waiting(self, words: str) -> None:
        """What the wait is for; from any thread. The line has it with its next update."""
        self._why = f" ({words})"

    @property
    def changes(self) -> bool:
        """Whether pieces came that are not shown yet."""
        return bool(self._pieces) and is_alone(self._shell)

    def show(self, seconds: float) -> None:
        """Display the line, or update it: what has come of the answer, or what is waited for."""
        if not is_alone(self._shell):
            return
        while self._pieces:
            self._text = (self._text + self._decode.decode(self._pieces.popleft()))[-_SHOWN:]
        self._publish(self._text or self._waiting_line(seconds))

    def _waiting_line(self, seconds: float) -> str:
        line = f"Waiting for {self._what}, {duration(seconds * 1000)}{self._why}. Interrupt stops the wait."
        return "\n".join(filter(None, (line, self._look())))

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            self._shell.display_pub.clear_output(wait=False)

    def _publish(self, words: str) -> None:
        before, self._shown = self._shown, True  # an Interrupt may come with the line itself
        self._shell.display_pub.publish(
            {"text/plain": words}, transient={"display_id": self._display_id}, update=before
        )


def is_alone(shell: Any) -> bool:
    """Whether the running cell is one magic: a `%%` cell, or a single line that is a magic or its assignment."""
    cell: str = shell.history_manager.input_hist_raw[-1].strip()
    return cell.startswith("%%") or ("\n" not in cell and _ONE_MAGIC.match(cell) is not None)
