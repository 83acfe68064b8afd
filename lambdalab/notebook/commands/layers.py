"""Layers: packages that functions share."""

from __future__ import annotations

from lambdalab.notebook import values
from lambdalab.notebook.command import HELP, Argument, Command, Option

LAYER = Command(
    "layer",
    "all layers, or one layer's versions; with --requirements, or a cell's body, publish the next version."
    " %%lambda layer my-tools makes the cell's body the module my_tools, for functions to import",
    (Argument("[NAME]", "a layer's name", "layer", values.layer),),
    (
        Option(
            ("--requirements",),
            "TEXT",
            "what pip shall install, such as requests==2.*, or a file ending in .txt; for Node.js what npm shall, such"
            " as left-pad@1.3.0, or a package.json; may be repeated",
            repeat=True,
        ),
        Option(("--module",), "NAME", "with a cell's body: the module's name, if not the layer's", values.module),
        Option(("--runtime",), "RUNTIME", "the runtime it is for, such as python3.12", completes="runtime"),
        Option(
            ("--arch",),
            "ARCHITECTURE",
            "x86_64 (as without it) or arm64",
            values.architecture,
            completes="architecture",
        ),
        Option(("--description", "-d"), "TEXT", "a line about the version"),
        Option(("--refresh",), None, "ask pip or npm again, though these requirements were installed before"),
        Option(("--delete",), "VERSION", "delete this version; functions that have it keep it", values.layer_number),
        HELP,
    ),
    '%lambda layer common --requirements "requests==2.*" --runtime python3.12',
    body="module",
    interrupted="nothing more of it is sent to the region. %lambda layer {} shows what is there now",
)
COMMANDS = (LAYER,)
