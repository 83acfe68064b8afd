"""`%lambda` and `%%lambda`: a thin shell that parses, asks the client and returns the result."""

from __future__ import annotations

import os
import sys
import threading
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from IPython.core.magic import (
    Magics,
    cell_magic,
    line_magic,
    magics_class,
    needs_local_scope,
    no_var_expand,
    output_can_be_silenced,
)
from traitlets import Bool, Enum, Int, TraitError, Unicode, validate

from lambdalab.errors import BadOption, LabError, RegionUnavailable
from lambdalab.notebook.aws_environment import AwsEnvironment, forget_boto3s_session
from lambdalab.notebook.context import Context, first_line
from lambdalab.notebook.status import CellStatus
from lambdalab.notebook.waiting import wait

if TYPE_CHECKING:
    from lambdalab.client.lab import Lab
    from lambdalab.notebook.expanding import Names
    from lambdalab.notebook.options import Request

THIS_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


@magics_class
class LambdaLab(Magics):
    """AWS Lambda functions from notebook cells. `%config LambdaLab.memory = 256` sets a default."""

    memory = Int(128, help="Memory of a new function in MB, 128 to 10240.").tag(config=True)
    timeout = Int(3, help="Timeout of a new function in seconds, 1 to 900.").tag(config=True)
    runtime = Unicode(THIS_PYTHON, help="Runtime of a new function; at first this kernel's Python.").tag(config=True)
    display = Enum(
        ("card", "line", "none"),
        "card",
        help="How results show themselves: as a card, as one line of text, or not at all (they are still returned).",
    ).tag(config=True)
    full_traceback = Bool(False, help="Show errors with the lab's own frames, to find a fault in the lab.").tag(
        config=True
    )

    def __init__(self, shell: Any, lab: Callable[[], Lab], **settings: Any) -> None:
        super().__init__(shell, **settings)
        self._lab = lab
        self._ipython = shell
        self.environment = AwsEnvironment(os.environ, forget_boto3s_session)
        self._displaced: tuple[str, ...] = ()

    @validate("memory", "timeout", "runtime")
    def _in_range(self, proposal: Any) -> Any:
        from lambdalab.notebook import values  # noqa: PLC0415 - loading the extension is to take no time

        check = getattr(values, proposal["trait"].name)
        try:
            return check(str(proposal["value"]))
        except BadOption as error:
            raise TraitError(str(error)) from error

    @no_var_expand
    @needs_local_scope
    @cell_magic("lambda")  # type: ignore[arg-type]
    def lambda_cell(self, line: str, cell: str, local_ns: Mapping[str, Any] | None = None) -> Any:
        """The same for a cell. A semicolon at its end silences nothing: it is the function's own language's."""
        return self.lambda_(line, cell, local_ns)

    @no_var_expand  # IPython's expansion takes JSON apart: notebook/expanding.py does it
    @needs_local_scope
    @output_can_be_silenced
    @line_magic("lambda")  # type: ignore[arg-type]
    def lambda_(self, line: str, cell: str | None = None, local_ns: Mapping[str, Any] | None = None) -> Any:
        """Make AWS Lambda functions from cells, and call them.

        %%lambda NAME [options]      the cell becomes the function NAME; the same cell again changes nothing
        %lambda deploy NAME          the same from a file or folder, --from PATH
        %lambda invoke NAME          call it; --set name=Ada sets a value of the event
        %%lambda invoke NAME         call it with the cell's body, JSON, as the event
        %lambda list                 all functions
        %lambda logs NAME            what it wrote
        %lambda delete NAME          delete it; NAME:1 a version, NAME:production an alias
        %lambda publish NAME         keep it as it is now as a version
        %lambda alias NAME ALIAS 1   point an alias at version 1; --canary 2=10% shifts a share
        %lambda versions NAME        versions, aliases, where calls went, what differs
        %lambda rollback NAME ALIAS  go back
        %lambda layer NAME           a layer's versions; --requirements publishes one
        %%lambda layer NAME          the cell becomes a Python module of a layer
        %lambda config NAME          its settings; --memory 512 changes one
        %lambda concurrency NAME     calls at once; --reserved 5, or NAME:1 --provisioned 2
        %lambda doctor               what can run here, and what is enforced
        %lambda help COMMAND         options and an example

        r = %lambda invoke NAME      keeps the result: r.payload, r.log, r.record, r.cost
        %lambda invoke $name --set n={n + 1}   values of Python variables, on a line as on a cell's first line
        """
        from lambdalab.notebook import actions, options  # noqa: PLC0415 - loading the extension is to take no time
        from lambdalab.notebook.expanding import Names  # noqa: PLC0415

        with self._clean_errors(), self._pointing_at_the_region():
            # IPython silences the display of a line that ends in a semicolon, and leaves the semicolon in it.
            words = line if cell is not None else line.rstrip().removesuffix(";")
            names = Names(self._ipython.user_ns, local_ns or {})
            request = options.parse(
                words,
                has_body=cell is not None,
                blank=not (cell or "").strip(),
                expand=names.expand,
                functions=self._functions,
            )
            return actions.asks_for_help(request) or self._ask(actions.run, request, cell, names)

    def _functions(self) -> tuple[str, ...]:
        return self._lab().names.functions()

    def _ask(self, run: Callable[..., Any], request: Request, cell: str | None, names: Names) -> Any:
        from lambdalab.notebook import actions, pulling  # noqa: PLC0415 - as above

        what = " ".join((request.command.name, *request.arguments))
        status = CellStatus(self._ipython, what, lambda: pulling.words(self._lab()))
        cells = self._ipython.history_manager.input_hist_raw
        context = Context(
            label=f"Cell In[{len(cells) - 1}]",
            body=cell,
            namespace=ChainMap(dict(names.here), names.everywhere),
            defaults={"memory": self.memory, "timeout": self.timeout, "runtime": self.runtime},
            arrived=status.arrived,
            waiting=status.waiting,
            first_line=first_line(cells[-1], cell or ""),
        )
        return wait(
            lambda: run(self._lab(), request, context),
            what,
            status,
            then=lambda: actions.after_interrupt(self._lab(), request),
        )

    @contextmanager
    def _pointing_at_the_region(self) -> Iterator[None]:
        """After the line, whatever became of it, `!aws` and boto3 go to the region: a line that is refused, or only
        shows help, is no reason to leave them with an account that costs money. The region is started for that."""
        try:
            yield
        except RegionUnavailable:
            raise  # it was just tried
        except BaseException:
            self._point()
            raise
        else:
            self._point()

    def _point(self) -> None:
        with suppress(LabError):  # what a line said is not covered by what is wrong with the region
            variables = wait(lambda: self._lab().environment(), "the region", _Silent())
            self._displaced += self.environment.use(variables)
        self._say_what_was_displaced()

    def follow(self, variables: Mapping[str, str]) -> None:
        """The region that the notebook's own `lab` calls has these variables (a `following.Follower`)."""
        if variables == self.environment.variables:
            return
        self._displaced += self.environment.use(variables)
        if threading.current_thread() is threading.main_thread():  # else the line that waits for the thread says it
            self._say_what_was_displaced()

    def _say_what_was_displaced(self) -> None:
        displaced, self._displaced = self._displaced, ()
        if displaced:
            words = f"{', '.join(displaced)} set aside: AWS calls from this notebook go to the local region."
            self._ipython.display_pub.publish({"text/plain": f"{words} %unload_ext lambdalab puts them back."})

    @contextmanager
    def _clean_errors(self) -> Iterator[None]:
        """One line for an error of the lab, or the whole traceback where that is asked for."""
        try:
            yield
        except LabError as error:
            if self.full_traceback:
                _show_whole(error, self._ipython)
            raise


class _Silent:
    """A status line that says nothing: what it waits for takes half a second, and the cell has its output."""

    changes = False

    def show(self, seconds: float) -> None:
        """Say nothing."""

    def clear(self) -> None:
        """There is nothing to take away."""


def _show_whole(error: LabError, shell: Any) -> None:
    """Make IPython render `error` as it renders any other: its hook would hide the frames."""

    def rendered() -> list[str]:
        lines: list[str] = shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)
        return lines

    # On the instance: the class's hook stays for all other errors.
    error.__dict__["_render_traceback_"] = rendered


LambdaLab.lambda_cell.__doc__ = f"{LambdaLab.lambda_.__doc__}\n        {LambdaLab.lambda_cell.__doc__}"  # type: ignore[assignment]  # for %%lambda?
