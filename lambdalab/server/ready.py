"""Telling the one who started the region that it is ready, or why it is not."""

from __future__ import annotations

import os
from collections.abc import Mapping


class Ready:
    """The write end of the starter's pipe: one line goes through it, once."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Ready:
        """The pipe named by `LAMBDALAB_READY_FD`; without it the telling goes nowhere."""
        text = environ.get("LAMBDALAB_READY_FD")
        if text is None:
            return cls(None)
        fd = int(text)
        os.set_inheritable(fd, False)
        return cls(fd)

    def ready(self) -> None:
        """The region answers, and `region.json` is in place."""
        self._tell("ready")

    def failed(self, why: str) -> None:
        """The region did not come up."""
        self._tell(" ".join(why.splitlines()))

    def _tell(self, line: str) -> None:
        if self._fd is not None:
            fd, self._fd = self._fd, None
            os.write(fd, f"{line}\n".encode())
            os.close(fd)
