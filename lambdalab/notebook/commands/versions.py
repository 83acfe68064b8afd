"""Versions and aliases: publish, name, compare, go back."""

from __future__ import annotations

from lambdalab.notebook import values
from lambdalab.notebook.command import FUNCTION, HELP, Argument, Command, Option

_ALIAS = Argument("ALIAS", "an alias's name", "alias", values.alias)

PUBLISH = Command(
    "publish",
    "keep the function as it is now as a version; the same code and settings twice are the same version",
    (FUNCTION,),
    (Option(("--message", "-m"), "TEXT", "a line about the version: its description"), HELP),
    '%lambda publish hello -m "first cut"',
)
ALIAS = Command(
    "alias",
    "point an alias at a version; the alias is made if need be, and without --canary gets all calls there",
    (FUNCTION, _ALIAS, Argument("[VERSION]", "a version", "version", values.version)),
    (
        Option(
            ("--canary",),
            "VERSION=SHARE",
            "send a share of the calls to another version: 2=10%",
            values.canary,
            completes="version",
        ),
        Option(("--description", "-d"), "TEXT", "a line about the alias"),
        HELP,
    ),
    "%lambda alias hello production 1 --canary 2=10%",
)
VERSIONS = Command(
    "versions",
    "the versions and aliases, where calls went, and what differs between two versions",
    (FUNCTION,),
    (
        Option(
            ("--compare",),
            "BEFORE NOW",
            "two versions or aliases; without it the two that matter now",
            completes="qualifier",
        ),
        HELP,
    ),
    "%lambda versions hello --compare 1 2",
)
ROLLBACK = Command(
    "rollback",
    "end an alias's canary; without one, point it at the version before its own",
    (FUNCTION, _ALIAS),
    (HELP,),
    "%lambda rollback hello production",
)
COMMANDS = (PUBLISH, ALIAS, VERSIONS, ROLLBACK)
