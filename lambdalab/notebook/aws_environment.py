"""The kernel's environment while the lab is in use: `!aws` and boto3 talk to the region, and later as before.

A region has no port before it runs, so that there is nothing to set before the first line or call that needs one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, MutableMapping

# These point somewhere else, or win over keys in the environment: they are set aside with the rest.
_SET_ASIDE = (
    "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL_LAMBDA",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)  # fmt: skip
# These get more than what they had: what was there still holds, and is not set aside.
_ADDED_TO = ("NO_PROXY", "no_proxy")
_ONE_SERVICE = "AWS_ENDPOINT_URL_"
"""How the names of variables begin that send one service elsewhere, such as AWS_ENDPOINT_URL_S3."""


class AwsEnvironment:
    """Variables put into `environ` and taken out again, leaving it as it was. `changed` is called after a change."""

    def __init__(self, environ: MutableMapping[str, str], changed: Callable[[], None] = lambda: None) -> None:
        self._environ = environ
        self._changed = changed
        self._before: dict[str, str | None] = {}
        self._ours: dict[str, str] = {}

    def use(self, variables: Mapping[str, str]) -> tuple[str, ...]:
        """Set `variables`; on the first call the names of real settings that are set aside, else nothing.

        Called with each line: a region that was started anew has another endpoint.
        """
        first = not self._before
        if first:
            elsewhere = [name for name in self._environ if name.startswith(_ONE_SERVICE)]
            names = dict.fromkeys((*variables, *_SET_ASIDE, *elsewhere, "AWS_REGION"))
            self._before = {name: self._environ.get(name) for name in names}
        self._before |= {name: self._environ.get(name) for name in _ADDED_TO if self._was_set_since(name)}
        displaced = tuple(
            name
            for name, value in self._before.items()
            if value not in (None, variables.get(name)) and name not in _ADDED_TO
        )
        self._environ.update(variables)
        for name in self._before:
            if name not in variables and name != "AWS_REGION":
                self._environ.pop(name, None)
        if "AWS_REGION" in self._environ:
            self._environ["AWS_REGION"] = variables.get("AWS_DEFAULT_REGION", "")
        before, self._ours = self._ours, {name: self._environ[name] for name in variables}
        if self._ours != before:
            self._changed()
        return displaced if first else ()

    def _was_set_since(self, name: str) -> bool:
        """Whether the reader has given it a value of their own since: what is added then is added to that."""
        return name in self._ours and self._environ.get(name) != self._ours[name]

    @property
    def variables(self) -> Mapping[str, str]:
        """What was last set; nothing before the first call."""
        return self._ours

    def restore(self) -> None:
        """Put back what was there, but for what the reader has changed since."""
        for name, before in self._before.items():
            if name in self._ours and self._environ.get(name) != self._ours[name]:
                continue
            if before is None:
                self._environ.pop(name, None)
            else:
                self._environ[name] = before
        if self._before:
            self._changed()
        self._before, self._ours = {}, {}


def forget_boto3s_session() -> None:
    """Let `boto3.client(...)` read the environment anew: its default session keeps the first keys that it found."""
    boto3 = sys.modules.get("boto3")
    if boto3 is not None:
        boto3.DEFAULT_SESSION = None  # type: ignore[attr-defined]
