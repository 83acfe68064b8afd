"""Functions: make, call, list, read what they wrote, delete."""

from __future__ import annotations

from lambdalab.notebook import values
from lambdalab.notebook.command import HELP, QUALIFIED, Argument, Command, Option

DEPLOY = Command(
    "deploy",
    "make the cell a function; the same cell again changes nothing",
    (Argument("NAME", "a function's name", convert=values.function),),
    (
        Option(("--runtime",), "RUNTIME", "such as python3.12", completes="runtime"),
        Option(("--memory",), "MB", "128 to 10240; brings the CPU share too", values.memory),
        Option(("--timeout",), "SECONDS", "1 to 900", values.timeout),
        Option(("--handler",), "NAME", "the function to call, when the cell has several"),
        Option(("--env",), "NAME=VALUE", "an environment variable; may be repeated", values.variable, repeat=True),
        Option(
            ("--requirements",),
            "WHAT",
            "packages to install into it: pip's for Python (requests==2.*, or a file ending in .txt), npm's for Node.js"
            " (left-pad@1.3.0, or a package.json; install scripts are not run), NuGet's for .NET (Humanizer@2.14.1; an"
            " SDK builds the cell with them); may be repeated",
            repeat=True,
        ),
        Option(("--file",), "PATH", "a file or folder to add, PATH=PLACE puts it elsewhere", repeat=True),
        Option(
            ("--from",),
            "PATH",
            "a source file or folder instead of a cell: %lambda deploy NAME --from PATH; nothing is installed for it"
            " but what --requirements names; `dotnet publish` builds a project of .NET",
        ),
        Option(("--image",), None, "the cell is a Dockerfile: the function is a container image (needs Docker)"),
        Option(("--description", "-d"), "TEXT", "a line about the function"),
        Option(("--tmp",), "MB", "the size of /tmp, 512 to 10240", values.ephemeral),
        Option(("--arch",), "ARCHITECTURE", "x86_64 or arm64", values.architecture, completes="architecture"),
        HELP,
    ),
    "%%lambda hello --memory 256 --env STAGE=dev\ndef handler(event, context):\n    return f\"hello {event['name']}\"",
    body="source",
    interrupted="nothing more of it is sent to the region. %lambda config {} shows what is there now; run the cell"
    " again to deploy it",
)
INVOKE = Command(
    "invoke",
    "call a function and wait for its answer; with %%lambda invoke the cell's body is the event, as JSON",
    (QUALIFIED,),
    (
        Option(("--set",), "PATH=VALUE", "set one value of the event, JSON or text; may be repeated", repeat=True),
        Option(
            ("--event",),
            "SOURCE",
            'a Python variable, JSON such as {"a": 1}, or a file ending in .json',
            completes="variable",
        ),
        Option(("--qualifier",), "VERSION", "a version or alias; hello:1 says the same", completes="qualifier"),
        Option(("--stream",), None, "show the answer as it is made"),
        HELP,
    ),
    "r = %lambda invoke hello --set name=Ada",
    body="event",
)
LIST = Command("list", "all functions of this region", (), (HELP,), "%lambda list")
LOGS = Command(
    "logs",
    "what a function wrote, newest last; of hello:1 what that version wrote",
    (QUALIFIED,),
    (
        Option(("--since",), "TIME", "such as 30s, 5m, 2h, 1d", values.since),
        Option(("--grep",), "TEXT", "only lines that contain TEXT"),
        Option(("--limit",), "LINES", "at most this many lines, the newest", values.limit),
        HELP,
    ),
    "%lambda logs hello --since 5m --grep ERROR",
)
DELETE = Command(
    "delete",
    "delete a function; hello:1 deletes a version, hello:production an alias",
    (QUALIFIED,),
    (HELP,),
    "%lambda delete hello:1",
)
COMMANDS = (DEPLOY, INVOKE, LIST, LOGS, DELETE)
