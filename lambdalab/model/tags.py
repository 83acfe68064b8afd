"""Tags: how many, which keys, and what merging and untagging mean. Pure. Source: `lambda-contract.md` section 7."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lambdalab.errors import InvalidParameterValue

MOST = 50
_RESERVED = "aws:"
"""What keys of AWS's own tags begin with, in capitals or not (AWS Tagging Guide, "Tag naming limits")."""


def check(tags: Mapping[str, str]) -> None:
    """Refuse keys that are AWS's own, and more tags than a resource may have.

    The words about the keys are ours: the reference has the rule, not the text of Lambda's refusal.
    """
    for key in tags:
        if key.lower().startswith(_RESERVED):
            raise InvalidParameterValue(
                f"The tag key '{key}' is not valid: keys that begin with '{_RESERVED}' are reserved for AWS."
            )
    _check_number(tags)


def _check_number(tags: Mapping[str, str]) -> None:
    if len(tags) > MOST:
        raise InvalidParameterValue("Number of tags exceeds resource tag limit.")


def merged(tags: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """The tags with more of them; those of the same key take the new value."""
    check(more)
    grown = {**tags, **more}
    _check_number(grown)
    return grown


def without(tags: Mapping[str, str], keys: Sequence[str]) -> dict[str, str]:
    """The tags without some keys, whether they were there or not."""
    return {key: value for key, value in tags.items() if key not in keys}
