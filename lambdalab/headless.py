"""A notebook run from top to bottom without a browser, as a grader does: `lambdalab lab --headless`."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lambdalab.errors import LabError

CELL_SECONDS = 300
"""What a cell may take where nothing else is said."""
_WHY = 200
"""Characters of a reader's own words."""
_LINE = 60
"""Characters of a cell's first line."""
_TIMED_OUT = "CellTimeoutError"


class NotebookUnusable(LabError):
    """The notebook cannot be read, or the executed one cannot be written. The message names the file and why."""


class NotebookFailed(LabError):
    """A cell failed, took too long, ended its kernel or was interrupted. The message names notebook and cell."""


def read(notebook: Path) -> Any:
    """The notebook's document. Fails for what is none, naming the file and what is asked for."""
    import nbformat

    if notebook.is_dir():
        raise NotebookUnusable(f"{notebook} is a folder; --headless runs one notebook, a file ending in .ipynb.")
    try:
        document = nbformat.reads(notebook.read_text("utf-8"), as_version=4)  # type: ignore[no-untyped-call]
        for cell in document.cells:
            if not isinstance(cell.get("source"), str):
                raise ValueError("a cell has no text")
    except OSError as problem:
        raise NotebookUnusable(f"{notebook} cannot be read: {problem.strerror}.") from problem
    except (ValueError, AttributeError, nbformat.ValidationError) as problem:  # AttributeError: JSON, and no object
        why = str(problem).partition("\n")[0][:_WHY]
        raise NotebookUnusable(
            f"{notebook} is no notebook; --headless runs one, as JupyterLab saves it, a file ending in .ipynb. ({why})"
        ) from problem
    return document


def check_writable(output: Path) -> None:
    """Fail where `write` would: before the cells run, which can take long. What is there stays, and nothing is left."""
    try:
        if not output.parent.is_dir():
            raise NotebookUnusable(f"{output} cannot be written: {output.parent} is no folder. Make it first.")
        new = not (output.exists() or output.is_symlink())
        with output.open("ab"):
            pass
        if new:
            output.unlink()
    except OSError as problem:
        raise NotebookUnusable(f"{output} cannot be written: {problem.strerror}.") from problem


@contextmanager
def written(document: Any, output: Path | None) -> Iterator[None]:
    """Write the notebook with its outputs, as far as it ran, however the run within ends.

    Where it cannot be written the error names the cell that failed, too.
    """
    failed = ""
    try:
        yield
    except NotebookFailed as problem:
        failed = f"{problem}\n"
        raise
    finally:
        if output is not None:
            write(document, output, failed)


def write(document: Any, output: Path, failed: str = "") -> None:
    """Write the notebook with its outputs. `failed` begins the words of the error for what cannot be written."""
    import nbformat

    text = nbformat.writes(document) + "\n"  # type: ignore[no-untyped-call]
    try:
        output.write_text(text, "utf-8", "backslashreplace")  # half a surrogate pair becomes JSON's own escape of it
    except OSError as problem:
        raise NotebookUnusable(f"{failed}{output} cannot be written: {problem.strerror}.") from problem


def run(notebook: Path, document: Any, home: Path, cell_seconds: int) -> int:
    """Execute the cells with the region of `home`, and give their number. Raises `NotebookFailed` at the first failure.

    The document has the outputs of this run alone, also where it fails: those that the file came with are taken out.
    SIGINT and SIGTERM end the run as a failure of the cell that runs.
    """
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    cells = [cell for cell in document.cells if cell.cell_type == "code"]
    for cell in cells:
        cell.outputs, cell.execution_count = [], None
    watch = _Watch(cell_seconds)
    try:
        with _kernels_own_words(watch) as words:
            _client(document, notebook, watch, cell_seconds).execute(
                env={**os.environ, "LAMBDALAB_HOME": str(home)}, stderr=words
            )
    except (CellExecutionError, _TimedOut) as failure:
        raise NotebookFailed(f"{notebook}: {failure}") from failure
    except (DeadKernelError, asyncio.CancelledError) as failure:
        raise NotebookFailed(f"{notebook}: {watch.cut_short()}") from failure
    return len(cells)


def _client(document: Any, notebook: Path, watch: _Watch, cell_seconds: int) -> Any:
    from nbclient import NotebookClient

    class Client(NotebookClient):
        """Ends the run at a signal. nbclient's own handlers end the kernel alone, and what waits for it fails oddly."""

        async def async_start_new_kernel(self, **kwargs: Any) -> None:
            running = asyncio.current_task()
            for one in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(one, watch.interrupt, running)
            await super().async_start_new_kernel(**kwargs)

    return Client(
        document,
        timeout=cell_seconds,
        # The cell is ended as by Interrupt, and shows where it was, before the kernel is told to go.
        interrupt_on_timeout=True,
        error_on_timeout={"ename": _TIMED_OUT, "evalue": "", "traceback": []},
        on_cell_execute=watch.begins,
        on_cell_executed=watch.ended,
        kernel_name="python3",
        resources={"metadata": {"path": str(notebook.parent)}},
        extra_arguments=["--log-level=ERROR"],  # the kernel warns of its own connection, which is this machine's
    )


@contextmanager
def _kernels_own_words(watch: _Watch) -> Iterator[int]:
    """A descriptor for what the kernel's process says of itself, as in a crash; it is shown when the kernel has ended.

    What it says where the run was stopped is of the stopping, as ipykernel's tracebacks of the interrupt.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace") as words:
        try:
            yield words.fileno()
        finally:
            if not watch.stopped:
                words.seek(0)
                shutil.copyfileobj(words, sys.stderr)


class _TimedOut(Exception):
    """The cell took too long."""


class _Watch:
    """Follows the cells as they run, and marks the one that does not end by itself: a grader reads outputs."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._number = 0
        self._cell: Any = None
        self._interrupted = False
        self.stopped = False
        """Whether the run was ended from here, by the limit or by a signal."""

    def begins(self, cell: Any, cell_index: int) -> None:  # noqa: ARG002 - nbclient's names
        self._number += 1
        self._cell = cell

    def ended(self, cell: Any, cell_index: int, execute_reply: Mapping[str, Any]) -> None:  # noqa: ARG002 - as above
        """Fail the run where the time was over, also in a cell that is tagged as one that may raise exceptions."""
        if execute_reply["content"].get("ename") == _TIMED_OUT and not execute_reply.get("header"):
            self.stopped = True
            words = f"took longer than {self._seconds} s and was stopped; --cell-timeout SECONDS sets another limit."
            raise _TimedOut(self._mark(_TIMED_OUT, words))

    def interrupt(self, running: asyncio.Task[Any] | None) -> None:
        """End the run, once: a second signal would keep nbclient from ending the kernel."""
        if running is not None and not self._interrupted:
            running.cancel()
        self._interrupted = self.stopped = True

    def cut_short(self) -> str:
        """What is said of a kernel that is gone, and of a run that was interrupted."""
        if self._cell is None:
            return (
                "interrupted before the first cell." if self._interrupted else "the kernel ended before the first cell."
            )
        if self._interrupted:
            return self._mark("KeyboardInterrupt", "was running when the run was interrupted.")
        return self._mark(
            "DeadKernelError", "ended the kernel: it exited, crashed or was killed, as for want of memory."
        )

    def _mark(self, name: str, words: str) -> str:
        """Give the cell an output that says it, and return that."""
        import nbformat

        first = next((line.strip() for line in self._cell.source.splitlines() if line.strip()), "")[:_LINE]
        said = f"cell In[{self._number}], {first!r}, {words}"
        error = {"ename": name, "evalue": said, "traceback": [f"{name}: {said}"]}
        self._cell.outputs.append(nbformat.v4.new_output("error", **error))  # type: ignore[no-untyped-call]
        return said
