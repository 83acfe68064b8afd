"""Tab on a `%lambda` line: sub-commands, options, runtimes, functions, variables. Bodies stay with Jedi.

IPython's Matcher API v2: the matcher suppresses all others on the magic's line, and is silent elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

from lambdalab.notebook import values
from lambdalab.notebook.commands import COMMANDS, DEPLOY, SUBCOMMANDS, Command, Completes, Option

Matcher = Callable[[CompletionContext], SimpleMatcherResult]
_LINE = re.compile(r"^\s*(?:[\w.\[\]'\"]+\s*=\s*)?(?P<kind>%%?)lambda\s+(?P<words>.*)$")


def matcher(functions: Callable[[], Sequence[str]], namespace: Callable[[], Mapping[str, Any]]) -> Matcher:
    """The matcher to append to `shell.Completer.custom_matchers`.

    `functions` gives the names of functions and must not start a region; `namespace` the notebook's variables.
    """

    @context_matcher(identifier="lambdalab")  # type: ignore[untyped-decorator]
    def lambda_matcher(context: CompletionContext) -> SimpleMatcherResult:
        found = _LINE.match(context.text_until_cursor)
        if found is None or (found["kind"] == "%%" and context.cursor_line > 0):
            return SimpleMatcherResult(completions=[])
        *before, fragment = re.split(r"\s+", found["words"])
        offered = _offered(before, found["kind"], functions, namespace)
        completions = [SimpleCompletion(text=word, type="magic") for word in offered if word.startswith(fragment)]
        return SimpleMatcherResult(completions=completions, suppress=True, matched_fragment=fragment, ordered=True)

    matches: Matcher = lambda_matcher
    return matches


def _offered(
    before: Sequence[str],
    kind: str,
    functions: Callable[[], Sequence[str]],
    namespace: Callable[[], Mapping[str, Any]],
) -> Iterable[str]:
    """What may stand after the words `before`."""
    if not before:
        names = functions() if kind == "%%" else ()
        return [*(name for name in SUBCOMMANDS if kind == "%" or COMMANDS[name].body == "event"), *names]
    command = COMMANDS.get(before[0]) or (DEPLOY if kind == "%%" else None)
    if command is None:
        return ()
    option = _option(command, before[-1])
    if option is not None and option.placeholder is not None:
        return _values(option.completes, functions, namespace)
    flags = [flag for one in command.options for flag in one.flags if one.repeat or flag not in before]
    argument = len(before) == 1 and command is not DEPLOY
    return [*(_values(command.completes, functions, namespace) if argument else ()), *flags]


def _option(command: Command, word: str) -> Option | None:
    return next((option for option in command.options if word in option.flags), None)


def _values(
    what: Completes, functions: Callable[[], Sequence[str]], namespace: Callable[[], Mapping[str, Any]]
) -> Iterable[str]:
    if what == "function":
        return functions()
    if what == "variable":
        return sorted(name for name, value in namespace().items() if _may_be_event(name, value))
    fixed: dict[str, Sequence[str]] = {
        "runtime": values.RUNTIMES,
        "architecture": values.ARCHITECTURES,
        "command": [DEPLOY.name, *SUBCOMMANDS],
    }
    return fixed.get(what, ())


def _may_be_event(name: str, value: Any) -> bool:
    return not name.startswith("_") and name not in ("In", "Out") and isinstance(value, dict | list | str)
