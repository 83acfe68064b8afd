"""The shell command: the region's life, the environment for other tools, and the labs."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lambdalab import config, headless, own_programs
from lambdalab import home as homes
from lambdalab.client import region
from lambdalab.client.lab import Lab
from lambdalab.errors import LabError
from lambdalab.trees import remove_tree
from lambdalab.version import __version__

if TYPE_CHECKING:
    from lambdalab.runtimes.backends.docker.images import Pull
    from lambdalab.runtimes.backends.docker.stock import Stock

_FIRST_LAB = Path("labs/01-first-function.ipynb")
_CHECK = "lambdalab-self-check"
_CHECK_SOURCE = "def handler(event, context):\n    return {'memory': context.memory_limit_in_mb}\n"
_REMOVING_SECONDS = 10.0
_OURS = ("credentials.json", "region.db", "region.log")


class _Commands(click.Group):
    """A group whose errors are one line: what is wrong and what to do, no traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LabError as error:
            if os.environ.get("LAMBDALAB_TRACEBACK"):
                raise
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lambdalab")
def main() -> None:
    """Learn, teach and prototype AWS Lambda on this machine.

    The region keeps its state in $LAMBDALAB_HOME. It starts when it is needed and ends when it is idle.
    """


@main.command(short_help="Check that functions run here, and open JupyterLab.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[NOTEBOOK] [-- OPTIONS OF JUPYTERLAB]")
@click.option(
    "--headless", "alone", is_flag=True, help="Run the notebook without a browser in a region of its own, and end."
)
@click.option(
    "--cell-timeout",
    type=click.IntRange(min=1),
    metavar="SECONDS",
    help=f"With --headless: what a cell may take; default: {headless.CELL_SECONDS}.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --headless: write the notebook with its outputs there, also when a cell fails.",
)
@click.option("--no-browser", is_flag=True, help="Start JupyterLab and open no browser: its address is printed.")
@click.option("--port", type=int, help="JupyterLab's port; without it 8888, or the next that is free.")
@click.option("--ip", help="The address that JupyterLab listens on; without it this machine alone reaches it.")
def lab(
    words: tuple[str, ...],
    alone: bool,
    cell_timeout: int | None,
    output: Path | None,
    no_browser: bool,
    port: int | None,
    ip: str | None,
) -> None:
    """Check that functions really run here, then open NOTEBOOK in JupyterLab.

    What follows -- is JupyterLab's own: lambdalab lab -- --ServerApp.base_url=/lab1

    With --headless both are done in a region of its own, which is gone at the end with all functions in it.
    """
    named, passed = _notebook(words)
    passed += ["--no-browser"] * no_browser + _given("--port", port) + _given("--ip", ip)
    if not named.exists():
        raise click.ClickException(_not_here(named))
    if alone and passed and not passed[0].startswith("-"):
        raise click.UsageError(f"--headless runs one notebook: {named}, or {passed[0]}.")
    if alone and passed:
        raise click.UsageError(f"--headless starts no JupyterLab: {' '.join(passed)} would be for it.")
    grading = _given("--cell-timeout", cell_timeout) + _given("--output", output)
    if grading and not alone:
        raise click.UsageError(f"JupyterLab runs cells when you do: {' '.join(grading)} would be for --headless.")
    if alone:
        _run_alone(named, cell_timeout or headless.CELL_SECONDS, output)
        return
    _self_check(Lab())
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        passed.append("--allow-root")
    # Its kernels and terminals are to find the `aws` and `lambdalab` that belong to it.
    environment = {**os.environ, "PATH": own_programs.on_path(os.environ.get("PATH", ""))}
    os.execve(sys.executable, [sys.executable, "-m", "jupyter", "lab", *passed, str(named)], environment)  # noqa: S606


def _not_here(notebook: Path) -> str:
    if notebook == _FIRST_LAB:
        return f"{notebook} is not here. Run this in a clone of LambdaLab, or name a notebook."
    if notebook.suffix != ".ipynb" and (meant := notebook.with_name(f"{notebook.name}.ipynb")).exists():
        return f"{notebook} does not exist. Did you mean {meant}?"
    return f"{notebook} does not exist. Make it in JupyterLab: `lambdalab lab .` opens this folder, File > New there."


def _run_alone(notebook: Path, cell_seconds: int, output: Path | None) -> None:
    """The self-check and the notebook's cells, in a region of their own."""
    document = headless.read(notebook)
    if output is not None:
        headless.check_writable(output)
    with Lab(isolated=True) as own:  # else the functions of one run would be there, and warm, for the next
        _self_check(own)
        began = time.monotonic()
        with headless.written(document, output):
            cells = headless.run(notebook, document, own.settings.home, cell_seconds)
    click.echo(f"{notebook}: {cells} cells ran in {time.monotonic() - began:.1f} s")


def _notebook(words: tuple[str, ...]) -> tuple[Path, list[str]]:
    """The notebook, which stands first if at all, and the words for JupyterLab."""
    if words and not words[0].startswith("-"):
        return Path(words[0]), list(words[1:])
    return _FIRST_LAB, list(words)


def _given(flag: str, value: int | str | Path | None) -> list[str]:
    return [] if value is None else [f"{flag}={value}"]


def _self_check(here: Lab) -> None:
    """Deploy a function, invoke it, and print its REPORT line and cost. It and its log are taken away again."""
    function = here[_CHECK]
    function.deploy(_CHECK_SOURCE)
    result = function.invoke({}).raise_for_error()
    function.delete()
    here.client("logs").delete_log_group(logGroupName=f"/aws/lambda/{_CHECK}")
    report = next(line for line in result.log.splitlines() if line.startswith("REPORT"))
    click.echo(
        f"self-check: a function ran in {here.endpoint}, backend {result.record and result.record.fidelity.backend}"
    )
    click.echo(report)
    cost = result.cost
    if cost is not None:
        click.echo(f"cost: ${cost.total:.10f} for this call, {cost!r}")


@main.command("help")
@click.argument("command", required=False)
@click.pass_context
def help_(ctx: click.Context, command: str | None) -> None:
    """Show this help, or a command's: lambdalab help lab."""
    above = ctx.find_root()
    if command is None:
        click.echo(above.get_help())
        return
    found = main.get_command(above, command)
    if found is None:
        raise click.UsageError(f"No such command {command!r}.", above)
    click.echo(found.get_help(click.Context(found, info_name=command, parent=above)))


@main.command()
@click.option("--idle-seconds", type=float, default=None, help="End after so long without a request; default: never.")
def serve(idle_seconds: float | None) -> None:
    """Run the region in the foreground, until Ctrl-C."""
    settings = config.load()
    running = region.find(settings)
    if running is not None:
        raise click.ClickException(f"a region runs already at {running.endpoint}; `lambdalab stop` ends it")
    homes.make_ready(settings.home)
    idle = "0" if idle_seconds is None else str(idle_seconds)
    environment = {**os.environ, **settings.as_environment(), "LAMBDALAB_IDLE_SECONDS": idle}
    os.execve(sys.executable, [sys.executable, "-m", "lambdalab.server"], environment)  # noqa: S606


@main.command(short_help="Print export lines for aws, boto3 and Terraform.")
@click.option("--unset", is_flag=True, help="Print the lines that take the variables away again.")
def env(unset: bool) -> None:
    """Print export lines for the aws command line, boto3 and Terraform: eval "$(lambdalab env)"."""
    names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
    if unset:
        click.echo(f"unset {' '.join(names)}")  # NO_PROXY stays: it may be older, and this machine needs no proxy
        return
    for name, value in Lab().environment().items():
        click.echo(f"export {name}={shlex.quote(value)}")
    # These would win over the keys above, or send the request elsewhere.
    click.echo("unset AWS_SESSION_TOKEN AWS_PROFILE AWS_REGION AWS_ENDPOINT_URL_LAMBDA")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the region's own answer.")
def status(as_json: bool) -> None:
    """Say whether a region runs, and how busy it is. Starts nothing; ends with 1 when none runs."""
    settings = config.load()
    running = region.find(settings)
    if running is None:
        click.echo(f"no region runs for {settings.home}")
        sys.exit(1)
    answer = running.status()
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    environments = ", ".join(f"{number} {state}" for state, number in answer["environments"].items())
    click.echo(f"region at {answer['endpoint']}, pid {answer['pid']}, version {answer['version']}")
    click.echo(f"home          {answer['home']}")
    click.echo(f"up            {answer['uptime_seconds']:.0f} s, {answer['requests']} requests")
    click.echo(f"environments  {environments}")
    click.echo(f"log           {answer['log']}")


@main.command()
def stop() -> None:
    """End the region. Its functions stay."""
    settings = config.load()
    ended = region.stop(settings)
    if not ended:
        click.echo(f"no region runs for {settings.home}")
        return
    click.echo(f"the region for {settings.home} has ended; its functions stay")
    click.echo("any %lambda line, or `lambdalab env`, starts it again; until then boto3 and aws get no answer there")


@main.command(short_help="End the region and delete all it keeps.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """End the region and delete all it keeps: functions, packages, logs, keys."""
    settings = config.load()
    if not settings.home.exists():
        click.echo(f"{settings.home} does not exist; there is nothing to delete")
        return
    homes.check(settings.home)
    if not any((settings.home / name).exists() for name in _OURS) and any(settings.home.iterdir()):
        raise click.ClickException(f"{settings.home} does not look like a lab's home; nothing was deleted")
    if not yes:
        click.confirm(f"Delete {settings.home} with all functions in it?", abort=True)
    region.stop(settings)
    if not remove_tree(settings.home, _REMOVING_SECONDS):
        raise click.ClickException(
            f"{settings.home} could not be deleted whole; see what is left in it, and whose it is"
        )
    click.echo(f"{settings.home} is deleted")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the region's own answer.")
def doctor(as_json: bool) -> None:
    """Say what can run here and what is enforced. Ends with 1 when no runtime can run."""
    report = Lab().doctor()
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        _print_doctor(report)
    if all(runtime["problem"] for runtime in report["runtimes"]):
        sys.exit(1)


def _print_doctor(report: Mapping[str, Any]) -> None:
    click.echo(f"lambdalab {report['version']}, Python {report['python']}, backend {report['backend']}")
    click.echo(f"region at {report['endpoint']}, account {report['account']}, {report['region']}")
    click.echo(f"home {report['home']}")
    click.echo("\nruntimes")
    for runtime in report["runtimes"]:
        found = (
            f"{runtime['version']}  {runtime['path']}" if not runtime["problem"] else f"missing; {runtime['advice']}"
        )
        click.echo(f"  {runtime['name']:<11} {found}")
    for level in report["levels"]:
        state = "in use" if level["backend"] == report["backend"] else "ready"
        click.echo(f"\nisolation {level['backend']}: {state if level['available'] else 'not here: ' + level['reason']}")
        for what, how in (level["fidelity"] or {}).items():
            if what not in ("backend", "level"):
                click.echo(f"  {what.replace('_', ' '):<11} {how}")
    for remark in report["notes"]:
        click.echo(f"\nnote: {remark}")


@main.group(short_help="See, get and carry runtimes' Docker images.")
def images() -> None:
    """Images of runtimes on the Docker engine: see them, get them, carry them into a room without internet."""


@images.command("list")
def list_images() -> None:
    """Say which runtimes' images the engine has."""
    from lambdalab.runtimes.backends.docker.stock import Stock

    with Stock(config.load().images) as stock:
        click.echo(str(stock))
        for one in stock.images():
            there = "-" if one.size is None else f"{one.size / 1e6:.0f} MB"
            click.echo(f"  {one.runtime:<16} {there:>8}  {one.image}")


@images.command("pull", short_help="Pull images of runtimes, or by their names.")
@click.argument("names", nargs=-1, required=True, metavar="RUNTIME...")
def pull_images(names: tuple[str, ...]) -> None:
    """Pull the images of runtimes, such as python3.12, or images by their names."""
    from lambdalab.runtimes.backends.docker.stock import Stock

    with Stock(config.load().images) as stock:
        for name in names:
            _pull(stock, name)


def _pull(stock: Stock, name: str) -> None:
    with click.progressbar(length=1000, label=stock.name(name)) as bar:

        def show(pull: Pull) -> None:
            bar.update(max(0, round(pull.share * 1000) - bar.pos))

        stock.pull(name, show)
        bar.update(1000 - bar.pos)


@images.command("save", short_help="Save images into a file: all, or those named.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("names", nargs=-1, metavar="[RUNTIME]...")
def save_images(file: Path, names: tuple[str, ...]) -> None:
    """Save images into FILE: those named, else all runtimes' that are there."""
    from lambdalab.runtimes.backends.docker.stock import Stock

    with Stock(config.load().images) as stock:
        saved = stock.save(names, file)
    click.echo(f"{file}: {', '.join(saved)}, {file.stat().st_size / 1e6:.0f} MB")


@images.command("load")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def load_images(file: Path) -> None:
    """Load what `lambdalab images save` wrote."""
    from lambdalab.runtimes.backends.docker.stock import Stock

    with Stock(config.load().images) as stock:
        click.echo(f"{file}: {', '.join(stock.load(file)) or 'no image with a name'}")


if __name__ == "__main__":
    main()
