"""Function names and ARNs in every form AWS takes them, and what they mean here.

Source: `lambda-contract.md` section 2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from lambdalab.errors import AccessDenied, InvalidParameterValue, ResourceNotFound
from lambdalab.model.function import FunctionKey

_FORM = re.compile(
    r"(?:arn:(?P<partition>aws[a-zA-Z-]*):lambda:)?"
    r"(?:(?P<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?"
    r"(?:(?P<account>\d{12}):)?"
    r"(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_.]+)"
    r"(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)


@dataclass(frozen=True, slots=True)
class FunctionReference:
    """A function as it was addressed: which one, and with which qualifier, if any."""

    key: FunctionKey
    qualifier: str | None

    @property
    def arn(self) -> str:
        """The ARN with the qualifier that was given, if one was."""
        return f"{self.key.arn}:{self.qualifier}" if self.qualifier else self.key.arn

    def not_found(self, default: str | None = None) -> ResourceNotFound:
        """AWS's refusal; `default` is the qualifier it names when none was given."""
        qualifier = self.qualifier or default
        return ResourceNotFound(f"Function not found: {self.key.arn}{f':{qualifier}' if qualifier else ''}")


@dataclass(frozen=True, slots=True)
class Address:
    """A function as a person wrote it: `function` without the qualifier, its own `name`, and the `qualifier` or ""."""

    function: str
    name: str
    qualifier: str


def split(text: str) -> Address:
    """The parts of a name, partial ARN or ARN, with or without a qualifier.

    Nothing is refused: what is none of these is taken as a name, and AWS's own check says what is wrong with it.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        return Address(text, text, "")
    qualifier = found["qualifier"] or ""
    return Address(text.removesuffix(f":{qualifier}") if qualifier else text, found["name"], qualifier)


def is_address(text: str) -> bool:
    """Whether it has the form of a name, partial ARN or ARN, with or without a qualifier."""
    return _FORM.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def parse(text: str, *, account: str, region: str, qualifier: str | None = None) -> FunctionReference:
    """What `text` and a Qualifier parameter name together.

    Raises AWS's refusals: another region (404), another account (403), two different qualifiers (400).
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise InvalidParameterValue(f"'{text}' is not a function name, partial ARN or ARN.")
    if found["partition"] not in {None, "aws"}:
        raise InvalidParameterValue(
            f"'{text}' is in the partition '{found['partition']}'; this region is in 'aws': arn:aws:lambda:{region}:…"
        )
    if found["region"] not in {None, region}:
        raise ResourceNotFound(f"Functions from '{found['region']}' are not reachable in this region ('{region}')")
    if found["account"] not in {None, account}:
        raise AccessDenied(None)
    if qualifier and found["qualifier"] and qualifier != found["qualifier"]:
        raise InvalidParameterValue(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    return FunctionReference(FunctionKey(account, region, found["name"]), found["qualifier"] or qualifier)
