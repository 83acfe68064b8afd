"""What a container's launcher reports, which comes marked among the extensions' output."""

from __future__ import annotations

import secrets

from lambdalab.runtimes.backends import programs
from lambdalab.runtimes.backends.programs import Ended


class Reports:
    """Takes a launcher's reports out of what comes with them. `tell` passes them on, to `ended`."""

    def __init__(self, ended: Ended) -> None:
        self.mark = f"\x1elambdalab-{secrets.token_hex(12)} "
        """Before each report. What runs in the container may read it, and lie about its own end."""
        self._ended = ended
        self._held = b""
        self._found: list[bytes] = []

    def sift(self, content: bytes) -> bytes:
        """The content without reports. The beginning of one at the end is held until the rest has come."""
        mark, kept, content = self.mark.encode(), b"", self._held + content
        self._held = b""
        while content:
            before, found, after = content.partition(mark)
            if not found:
                at = _begins(content, mark)
                self._held = content[at:]
                return kept + content[:at]
            kept += before
            report, end, rest = after.partition(b"\n")
            if not end and len(report) <= programs.REPORT:
                self._held = found + after
                return kept
            self._found.append(report)
            content = rest
        return kept

    def tell(self) -> None:
        """Pass on what was found."""
        found, self._found = self._found, []
        for report in found:
            programs.tell_end(report, self._ended)


def _begins(content: bytes, mark: bytes) -> int:
    """Where at the end of the content a mark may begin; its length where none does."""
    at = content.rfind(mark[:1], 1 - len(mark))
    return at if at >= 0 and mark.startswith(content[at:]) else len(content)
