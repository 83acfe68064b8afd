"""The region itself, and help."""

from __future__ import annotations

from lambdalab.notebook.command import HELP, Argument, Command

DOCTOR = Command("doctor", "what can run here, and what is enforced", (), (HELP,), "%lambda doctor")
HELP_COMMAND = Command(
    "help",
    "help for a sub-command",
    (Argument("[COMMAND]", "a sub-command", "command"),),
    (),
    "%lambda help invoke",
)
COMMANDS = (DOCTOR, HELP_COMMAND)
