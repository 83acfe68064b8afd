"""Filter patterns of CloudWatch Logs for unstructured text: words, quoted phrases, `?either ?or`, `-not`. Pure.

Source: AWS's "Filter pattern syntax". Patterns for JSON and for space-delimited events, and regular expressions,
are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lambdalab.api.log_owner import invalid

_TERM = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))')


def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a message matches. Raises `InvalidParameterException` for a pattern that is not offered."""
    if pattern.lstrip()[:1] in {"{", "["} or re.search(r"(^|\s)%", pattern):
        raise invalid(
            "JSON, space-delimited and regular expression filter patterns are not offered by LambdaLab; "
            "give words or a quoted phrase."
        )
    terms = [(found[1], found[3] or re.sub(r"\\(.)", r"\1", found[2] or "")) for found in _TERM.finditer(pattern)]
    every = [term for kind, term in terms if not kind and term]
    none = [term for kind, term in terms if kind == "-"]
    # AWS: beside terms that are all wanted, those marked as alternatives do not count.
    some = [term for kind, term in terms if kind == "?"] if not every else []

    def matches(message: str) -> bool:
        return (
            all(term in message for term in every)
            and not any(term in message for term in none)
            and (not some or any(term in message for term in some))
        )

    return matches
