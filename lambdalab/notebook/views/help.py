"""Help for `%lambda`: the same tables that the parser reads, as text and as a display."""

from __future__ import annotations

from dataclasses import dataclass

from lambdalab.notebook.command import Command, Option
from lambdalab.notebook.commands import COMMANDS, DEPLOY, SUBCOMMANDS
from lambdalab.notebook.views import blocks
from lambdalab.notebook.views.css import output
from lambdalab.notebook.views.html import Html, el, mono, muted
from lambdalab.notebook.views.icons import icon
from lambdalab.notebook.views.kit import Column, caption, card, head, section, table, title


@dataclass(frozen=True, slots=True)
class Help:
    """Help for one sub-command; for all of them when `command` is None."""

    command: Command | None = None

    def __repr__(self) -> str:
        return overview_text() if self.command is None else command_text(self.command)

    def _repr_html_(self) -> str:
        return html(self)


def html(shown: Help) -> str:
    """The display of the help."""
    return output(_overview() if shown.command is None else _command(shown.command))


def overview_text() -> str:
    """All sub-commands, a line each."""
    rows = _commands()
    width = max(len(line) for line, _ in rows)
    lines = [f"  {line:<{width}}  {summary}" for line, summary in rows]
    return "\n".join(
        ["%lambda: AWS Lambda functions from notebook cells", "", *lines, "", "%lambda help COMMAND tells more."]
    )


def _commands() -> list[tuple[str, str]]:
    """How each line begins, and what it does. Deploying has two: a cell, and a file or folder."""
    deploying = [
        ("%%lambda NAME", DEPLOY.summary),
        (f"%lambda {DEPLOY.name}", "the same from a file or folder: --from PATH; its help has all options of %%lambda"),
    ]
    return [*deploying, *((f"%lambda {name}", COMMANDS[name].summary) for name in SUBCOMMANDS)]


def command_text(command: Command) -> str:
    """Usage, options and an example of one sub-command."""
    rows = [(option_words(option), option.help) for option in command.options]
    width = max((len(words) for words, _ in rows), default=0)
    options = ["", *(f"  {words:<{width}}  {meaning}" for words, meaning in rows)] if rows else []
    example = ["", "Example:", *(f"  {line}" for line in command.example.splitlines())]
    return "\n".join([command.usage, "", f"{command.summary[0].upper()}{command.summary[1:]}.", *options, *example])


def option_words(option: Option) -> str:
    """An option's spellings and its value's placeholder."""
    return " ".join(word for word in (", ".join(option.flags), option.placeholder) if word)


def _overview() -> Html:
    rows = [(mono(line), summary) for line, summary in _commands()]
    return card(
        "Help for %lambda",
        head(icon("function", "mut"), title("%lambda", code=True), muted("AWS Lambda functions from notebook cells")),
        section(table([Column("Command"), Column("What it does")], rows, caption="Commands", caption_hidden=True)),
        section(el("p", mono("%lambda help COMMAND"), muted(" tells more.")), foot=True),
    )


def _command(command: Command) -> Html:
    name = "%%lambda NAME" if command is DEPLOY else f"%lambda {command.name}"
    rows = [(mono(option_words(option)), option.help) for option in command.options]
    options = section(table([Column("Option"), Column("Meaning")], rows, caption="Options")) if rows else Html("")
    return card(
        f"Help for {name}",
        head(icon("function", "mut"), title(name, code=True), muted(command.summary)),
        section(caption("Usage"), blocks.code(command.usage)),
        options,
        section(caption("Example"), blocks.code(command.example)),
    )
