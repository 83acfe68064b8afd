"""`%load_ext lambdalab`: registers the magic and its completion, and takes both away again. Nothing starts.

The programs of the kernel's own environment come first on PATH where `!lambdalab` would not find them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambdalab import own_programs
from lambdalab.client import following
from lambdalab.notebook.completion import Matcher, matcher
from lambdalab.notebook.displays import Displays
from lambdalab.notebook.empty_cell import with_body
from lambdalab.notebook.magics import LambdaLab
from lambdalab.notebook.shown_lines import ShownLines

if TYPE_CHECKING:
    from lambdalab.client.lab import Lab


class Loaded:
    """What one `load` put into a shell, so that `unload` can take exactly that away."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self.magics = LambdaLab(shell, _lab)
        self._displays = Displays(shell.display_formatter)
        self._path_before = self._path = os.environ.get("PATH", "")
        self._matcher: Matcher = matcher(lambda: _lab().names, lambda: shell.user_ns)
        self._shown_lines = ShownLines(shell)

    def register(self) -> None:
        """Add the magic, the completion, and the way results are shown."""
        self._shell.register_magics(self.magics)
        self._shell.Completer.custom_matchers.append(self._matcher)
        self._shell.input_transformers_cleanup.append(with_body)
        self._shell.ast_transformers.append(self._shown_lines)
        self._displays.use(self.magics.display)
        self._path = own_programs.on_path(self._path_before)
        if self._path != self._path_before:
            os.environ["PATH"] = self._path
        following.follow(self.magics.follow)
        self.magics.observe(lambda change: self._displays.use(change["new"]), names="display")

    def unregister(self) -> None:
        """Take them away, and leave the environment as it was."""
        if self._path != self._path_before and os.environ.get("PATH") == self._path:  # else the reader's own
            os.environ["PATH"] = self._path_before
        following.leave(self.magics.follow)
        self.magics.environment.restore()
        self._shell.input_transformers_cleanup.remove(with_body)
        self._shell.ast_transformers.remove(self._shown_lines)
        self._displays.use("card")
        self._shell.Completer.custom_matchers.remove(self._matcher)
        for kind in ("line", "cell"):
            self._shell.magics_manager.magics[kind].pop("lambda", None)
        self._shell.magics_manager.registry.pop("LambdaLab", None)
        # Magics' own constructor appends to this list, and nothing of IPython's takes it out again.
        self._shell.configurables[:] = [one for one in self._shell.configurables if one is not self.magics]


def _lab() -> Lab:
    """The lab, imported when a command first needs it: loading the extension is to take no time."""
    from lambdalab import lab  # noqa: PLC0415

    return lab


_LOADED = "_lambdalab_loaded"
_POINTED = "_lambdalab_pointed"
"""Attributes of the shell: they outlive this module's own, should it be imported anew."""


def load(shell: Any) -> None:
    """What `%load_ext lambdalab` does; loading twice is loading once.

    In the cell that has just unloaded it, `!aws` and boto3 go on to the region that they went to, and it is said again
    what is set aside: `%reload_ext` is no reason to send them to an account that costs money.
    """
    unload(shell)
    loaded = Loaded(shell)
    loaded.register()
    setattr(shell, _LOADED, loaded)
    pointed: Mapping[str, str] | None = getattr(shell, _POINTED, None)
    if pointed:
        loaded.magics.follow(pointed)


def unload(shell: Any) -> None:
    """What `%unload_ext lambdalab` does, and `%reload_ext lambdalab` before it loads."""
    loaded: Loaded | None = getattr(shell, _LOADED, None)
    if loaded is not None:
        _keep_until_the_cell_ends(shell, loaded.magics.environment.variables)
        loaded.unregister()
        setattr(shell, _LOADED, None)


def _keep_until_the_cell_ends(shell: Any, pointed: Mapping[str, str]) -> None:
    """Keep the variables of the region for a `load` of the same cell. IPython does not tell an extension whether it is
    unloaded to be loaded again; a later cell's load is one like the first, after which nothing is set."""

    def forget() -> None:
        shell.events.unregister("post_execute", forget)
        if getattr(shell, _POINTED, None) is pointed:
            setattr(shell, _POINTED, None)

    setattr(shell, _POINTED, pointed)
    shell.events.register("post_execute", forget)
