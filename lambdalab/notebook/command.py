"""The sub-commands of `%lambda` as tables: what each takes, and its help. Parser, completion and help read these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from lambdalab.notebook import values

Completes = Literal["", "function", "runtime", "variable", "command", "architecture"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its spellings, the placeholder of its value (None: a switch), its help, and its check.

    `convert` turns the words into the value and raises `BadOption`; `completes` names what Tab offers.
    """

    flags: tuple[str, ...]
    placeholder: str | None
    help: str
    convert: Callable[[str], Any] = str
    repeat: bool = False
    completes: Completes = ""

    @property
    def dest(self) -> str:
        """The attribute that holds the value after parsing."""
        return self.flags[0].lstrip("-").replace("-", "_")


@dataclass(frozen=True, slots=True)
class Command:
    """One sub-command: `body` says what its cell holds; `argument` is its one word, optional when in brackets."""

    name: str
    summary: str
    argument: str
    options: tuple[Option, ...]
    example: str
    body: Literal["none", "source", "event"] = "none"
    completes: Completes = ""

    @property
    def usage(self) -> str:
        """The line to type."""
        words = {"source": "%%lambda", "event": f"%lambda {self.name}", "none": f"%lambda {self.name}"}[self.body]
        options = (
            f"[{option.flags[0]}{f' {option.placeholder}' if option.placeholder else ''}]" for option in self.options
        )
        return " ".join(word for word in (words, self.argument, *options) if word)


HELP = Option(("--help", "-h"), None, "this help")

DEPLOY = Command(
    "deploy",
    "make the cell a function; the same cell again changes nothing",
    "NAME",
    (
        Option(("--runtime",), "RUNTIME", "such as python3.12", values.runtime, completes="runtime"),
        Option(("--memory",), "MB", "128 to 10240; brings the CPU share too", values.memory),
        Option(("--timeout",), "SECONDS", "1 to 900", values.timeout),
        Option(("--handler",), "NAME", "the function to call, when the cell has several"),
        Option(("--env",), "NAME=VALUE", "an environment variable; may be repeated", values.variable, repeat=True),
        Option(("--description", "-d"), "TEXT", "a line about the function"),
        Option(("--tmp",), "MB", "the size of /tmp, 512 to 10240", values.ephemeral),
        Option(("--arch",), "ARCHITECTURE", "x86_64 or arm64", values.architecture, completes="architecture"),
        HELP,
    ),
    "%%lambda hello --memory 256 --env STAGE=dev\ndef handler(event, context):\n    return f\"hello {event['name']}\"",
    body="source",
)
INVOKE = Command(
    "invoke",
    "call a function and wait for its answer; with %%lambda invoke the cell's body is the event, as JSON",
    "NAME",
    (
        Option(("--set",), "PATH=VALUE", "set one value of the event, JSON or text; may be repeated", repeat=True),
        Option(("--event",), "SOURCE", "a Python variable, or a file ending in .json", completes="variable"),
        Option(("--qualifier",), "VERSION", "a version or alias; hello:1 says the same"),
        HELP,
    ),
    "r = %lambda invoke hello --set name=Ada",
    body="event",
    completes="function",
)
LIST = Command("list", "all functions of this region", "", (HELP,), "%lambda list")
LOGS = Command(
    "logs",
    "what a function wrote, newest last",
    "NAME",
    (
        Option(("--since",), "TIME", "such as 30s, 5m, 2h, 1d", values.since),
        Option(("--grep",), "TEXT", "only lines that contain TEXT"),
        Option(("--limit",), "LINES", "at most this many lines, the newest", values.limit),
        HELP,
    ),
    "%lambda logs hello --since 5m --grep ERROR",
    completes="function",
)
DELETE = Command(
    "delete", "delete a function with its logs", "NAME", (HELP,), "%lambda delete hello", completes="function"
)
DOCTOR = Command("doctor", "what can run here, and what is enforced", "", (HELP,), "%lambda doctor")
HELP_COMMAND = Command("help", "help for a sub-command", "[COMMAND]", (), "%lambda help invoke", completes="command")

COMMANDS: dict[str, Command] = {
    command.name: command for command in (DEPLOY, INVOKE, LIST, LOGS, DELETE, DOCTOR, HELP_COMMAND)
}
SUBCOMMANDS = tuple(name for name in COMMANDS if name != "deploy")
"""The words that may follow `%lambda`. Deploying has none: `%%lambda NAME` and a cell deploy."""
