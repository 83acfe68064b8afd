"""The sub-commands of `%lambda` as tables, one module for each noun."""

from __future__ import annotations

from lambdalab.notebook.command import Command
from lambdalab.notebook.commands import functions, layers, region, settings, versions
from lambdalab.notebook.commands.functions import DEPLOY

__all__ = ["COMMANDS", "DEPLOY", "SUBCOMMANDS"]

COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        *functions.COMMANDS,
        *versions.COMMANDS,
        *layers.COMMANDS,
        *settings.COMMANDS,
        *region.COMMANDS,
    )
}
SUBCOMMANDS = tuple(name for name in COMMANDS if name != DEPLOY.name)
"""The words that may follow `%lambda`. Deploying has none: `%%lambda NAME` and a cell deploy."""
