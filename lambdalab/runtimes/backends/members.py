"""Who a sandbox's processes are: those below its first one, without the few that only hold the others."""

from __future__ import annotations

from collections.abc import Sequence

from lambdalab.runtimes.backends import processes


class Members:
    """The processes of one sandbox, from the process `first` down, which is a child of the supervisor.

    It and those that come next, `holders` in number, only hold the sandbox. Where it is `launched` the extensions'
    launcher follows, and is counted with them; then come the runtime and, each below a shell that waits for its end,
    the extensions. `seen` are those after the holders, as they were found at the last look; `runtime` is the
    runtime's process once it is known.
    """

    def __init__(self, first: int, holders: int, *, launched: bool) -> None:
        self.first = first
        self.holders = holders + launched
        self.runtime: int | None = None
        self.seen: Sequence[int] = [first][self.holders :]
        self._below = holders

    def look(self, most: int = processes.MOST) -> None:
        """See who is there now: all of them, or about `most`."""
        self.seen = processes.tree(self.first, most)[self.holders :]

    def own(self) -> Sequence[int]:
        """The function's processes now and the launcher, without what only holds the sandbox.

        Orphans are below what holds it; where nothing does, only what is below the runtime is found.
        """
        if self._below:
            return processes.tree(self.first)[self._below :]
        return processes.tree(self.runtime) if self.runtime is not None else ()

    def launcher(self) -> int:
        """The process that started the extensions and the runtime."""
        pid = self.first
        for _ in range(self.holders - 1):
            pid = next(iter(processes.children(pid)), pid)
        return pid

    def with_socket(self, inode: int) -> int | None:
        """The one that holds this socket, the last in the tree where several do; None where none does."""
        for pid in reversed(processes.tree(self.first)):
            if processes.has_socket(pid, inode):
                return pid
        return None

    def processor_seconds(self) -> float:
        """The processor time of those that were seen, so far."""
        return sum(map(processes.processor_seconds, self.seen))

    def threads(self) -> int:
        """How many threads those that were seen have together, each process's first one included."""
        return sum(map(processes.thread_count, self.seen))
