"""A function's settings, and its concurrency."""

from __future__ import annotations

from lambdalab.notebook import values
from lambdalab.notebook.command import FUNCTION, HELP, QUALIFIED, Command, Option

CONFIG = Command(
    "config",
    "change single settings of a function, or show them all; what is not named stays as it is",
    (FUNCTION,),
    (
        Option(("--memory",), "MB", "128 to 10240; brings the CPU share too", values.memory),
        Option(("--timeout",), "SECONDS", "1 to 900", values.timeout),
        Option(("--tmp",), "MB", "the size of /tmp, 512 to 10240", values.ephemeral),
        Option(
            ("--env",), "NAME=VALUE", "set a variable, the others stay; may be repeated", values.variable, repeat=True
        ),
        Option(("--unset",), "NAME", "take a variable away; may be repeated", repeat=True),
        Option(
            ("--layer",),
            "NAME:VERSION",
            "all layers it shall have, in order: repeat it; none takes them away",
            values.layer_version,
            repeat=True,
            completes="layer version",
        ),
        Option(
            ("--kms",), "KEY", "the key of its variables: alias/NAME, a key's id or ARN; none takes it away", values.kms
        ),
        Option(("--vpc",), "SUBNETS/GROUPS", "such as subnet-1,subnet-2/sg-1; none takes it away", values.vpc),
        Option(("--arch",), "ARCHITECTURE", "x86_64 or arm64", values.architecture, completes="architecture"),
        Option(("--runtime",), "RUNTIME", "such as python3.12", completes="runtime"),
        Option(("--handler",), "MODULE.NAME", "what is called, such as lambda_function.handler"),
        Option(("--role",), "ARN", "its execution role"),
        Option(("--log-format",), "FORMAT", "Text or JSON", values.log_format, completes="log format"),
        Option(
            ("--snapstart",),
            "VERSIONS",
            "published: versions published from now on start from a snapshot; none: no more",
            values.snapstart,
            completes="snapstart",
        ),
        Option(("--description", "-d"), "TEXT", "a line about the function"),
        HELP,
    ),
    "%lambda config hello --memory 512 --env STAGE=prod --layer common:1",
    interrupted="nothing more of it is sent to the region. %lambda config {} shows what is there now",
)
CONCURRENCY = Command(
    "concurrency",
    "how many calls may run at once: for a function, and kept ready for a version or an alias of it",
    (QUALIFIED,),
    (
        Option(
            ("--reserved",), "CALLS", "set aside for the function, 0 stops it; none gives them back", values.reserved
        ),
        Option(
            ("--provisioned",),
            "ENVIRONMENTS",
            "kept initialised for hello:VERSION or hello:ALIAS; none ends them",
            values.provisioned,
        ),
        HELP,
    ),
    "%lambda concurrency hello:production --provisioned 2",
)
COMMANDS = (CONFIG, CONCURRENCY)
