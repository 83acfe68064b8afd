"""Tags: how many, and what merging and untagging mean. Pure. Source: `lambda-contract.md` section 7."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lambdalab.errors import InvalidParameterValue

MOST = 50


def check(tags: Mapping[str, str]) -> None:
    """Refuse more tags than a resource may have."""
    if len(tags) > MOST:
        raise InvalidParameterValue("Number of tags exceeds resource tag limit.")


def merged(tags: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """The tags with more of them; those of the same key take the new value."""
    grown = {**tags, **more}
    check(grown)
    return grown


def without(tags: Mapping[str, str], keys: Sequence[str]) -> dict[str, str]:
    """The tags without some keys, whether they were there or not."""
    return {key: value for key, value in tags.items() if key not in keys}
