"""All settings of a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.model import snapstart
from lambdalab.notebook.views import blocks
from lambdalab.notebook.views.css import output
from lambdalab.notebook.views.figures import count, megabytes
from lambdalab.notebook.views.function_card import settings
from lambdalab.notebook.views.html import Html, el, mono, muted
from lambdalab.notebook.views.icons import icon
from lambdalab.notebook.views.kit import Column, card, head, next_steps, section, table, title

if TYPE_CHECKING:
    from lambdalab.client.configuring import FunctionSettings

_VARIABLES = 20
_CLIP = 200


def html(shown: FunctionSettings) -> str:
    """The display of the settings."""
    one = shown.configuration
    return output(
        card(
            f"Settings of {shown.name}",
            head(icon("settings", "mut"), title(shown.name, code=True), muted("settings of $LATEST")),
            section(settings({**one, "Environment": {}})),
            section(table([Column("Setting"), Column("Value")], _rows(one), caption="More settings")),
            _variables(one),
            next_steps(f"%lambda config {shown.name} --memory {_other_size(one['MemorySize'])}"),
        )
    )


def _rows(one: Mapping[str, Any]) -> list[tuple[object, ...]]:
    vpc = one.get("VpcConfig", {})
    values = (
        ("Description", one.get("Description")),
        ("Size of /tmp", megabytes(one.get("EphemeralStorage", {}).get("Size", 512))),
        ("Layers", ", ".join(layer["Arn"].partition(":layer:")[2] for layer in one.get("Layers", ()))),
        ("KMS key", one.get("KMSKeyArn")),
        ("VPC", ", ".join([*vpc.get("SubnetIds", ()), *vpc.get("SecurityGroupIds", ())])),
        ("Role", one.get("Role")),
        ("SnapStart", "published versions" if snapstart.wanted(one) else None),
        ("Log format", one.get("LoggingConfig", {}).get("LogFormat", "Text")),
    )
    return [(name, mono(blocks.clip(value, _CLIP)) if value else muted("not set")) for name, value in values]


def _variables(one: Mapping[str, Any]) -> Html:
    variables: Mapping[str, str] = one.get("Environment", {}).get("Variables", {})
    if not variables:
        return Html("")
    rows = [
        (mono(blocks.clip(name, _CLIP)), mono(blocks.clip(value, _CLIP)))
        for name, value in sorted(variables.items())[:_VARIABLES]
    ]
    more = len(variables) - _VARIABLES
    left = el("p", muted(f"{count(more, 'more variable')}.")) if more > 0 else ""
    return section(table([Column("Variable"), Column("Value")], rows, caption="Environment"), left)


def _other_size(memory: int) -> int:
    """A size to try: twice what it has, as far as Lambda goes."""
    return memory * 2 if memory <= 5120 else memory // 2
