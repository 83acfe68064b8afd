"""Tab on a `%lambda` line: IPython's Matcher API v2. Bodies stay with Jedi.

The matcher suppresses all others on the magic's line, and is silent elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

if TYPE_CHECKING:
    from lambdalab.notebook.offered import Names

Matcher = Callable[[CompletionContext], SimpleMatcherResult]
_LINE = re.compile(r"^\s*(?:[\w.\[\]'\"]+\s*=\s*)?(?P<kind>%%?)lambda\s+(?P<words>.*)$")


def matcher(names: Callable[[], Names], namespace: Callable[[], Mapping[str, Any]]) -> Matcher:
    """The matcher to append to `shell.Completer.custom_matchers`; `namespace` gives the notebook's variables."""

    @context_matcher(identifier="lambdalab")  # type: ignore[untyped-decorator]
    def lambda_matcher(context: CompletionContext) -> SimpleMatcherResult:
        found = _LINE.match(context.text_until_cursor)
        if found is None or (found["kind"] == "%%" and context.cursor_line > 0):
            return SimpleMatcherResult(completions=[])
        from lambdalab.notebook import offered  # noqa: PLC0415 - loading the extension is to take no time

        *before, fragment = re.split(r"\s+", found["words"])
        line = offered.Line(before, fragment, found["kind"], names, namespace)
        words = [word for word in line.offered() if word.startswith(fragment)]
        # IPython suppresses nothing for a matcher that offers nothing: what is typed is offered as it is.
        completions = [SimpleCompletion(text=word, type="magic") for word in words or [fragment]]
        return SimpleMatcherResult(completions=completions, suppress=True, matched_fragment=fragment, ordered=True)

    matches: Matcher = lambda_matcher
    return matches
