"""The calls that all of a function's client shares: its address, its configuration, its package, its pages."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from lambdalab.client.names import Names
from lambdalab.client.session import Session
from lambdalab.client.way_out import way_out
from lambdalab.client.wire import Response
from lambdalab.errors import AwsError, LabError
from lambdalab.model import arn

PATIENCE_SECONDS = 120
"""How long a change may be under way before nobody waits for it any more."""


class FunctionApi:
    """One function's part of the API. Every method raises `AwsError` where AWS would refuse.

    `address` is what the function was called by, in any form that AWS takes; `name` is its own name in that.
    """

    def __init__(self, session: Session, address: str) -> None:
        self.session = session
        self.address = address
        self.name = arn.split(address).name

    def call(self, method: str, what: str, *, date: str = "2015-03-31", **more: Any) -> Response:
        """A request below the function's path; `date` is the API version that the operation's path has."""
        with self.pointing():
            return self.session.call(method, f"/{date}/functions/{quote(self.address, safe='')}{what}", **more)

    @contextmanager
    def pointing(self) -> Iterator[None]:
        """Where the function, or what the request names of it, is not there, say beside AWS's words what is."""
        try:
            yield
        except AwsError as refused:
            refused.hint = way_out(refused, Names(self.session))
            raise

    def ask(self, method: str, what: str, document: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """A request with a JSON document, if any, and the JSON of its answer."""
        body = b"" if document is None else json.dumps(document).encode()
        answer: dict[str, Any] = json.loads(self.call(method, what, body=body, **more).body or b"{}")
        return answer

    def pages(self, what: str, member: str, **more: Any) -> Iterator[dict[str, Any]]:
        """The members of all pages of a list."""
        query: dict[str, str] = dict(more.pop("query", {}))
        while True:
            page = self.ask("GET", what, query=query, **more)
            yield from page[member]
            if not page.get("NextMarker"):
                return
            query["Marker"] = page["NextMarker"]

    def configuration(self, qualifier: str | None = None) -> dict[str, Any]:
        """AWS's FunctionConfiguration, as it is now."""
        return self.ask("GET", "/configuration", query={"Qualifier": qualifier} if qualifier else {})

    def settled(self, qualifier: str | None = None) -> dict[str, Any]:
        """The configuration once no change is under way. Raises `LabError` when a change failed or takes too long."""
        for attempt in range(PATIENCE_SECONDS * 20):
            now = self.configuration(qualifier)
            if now.get("State") == "Failed" or now.get("LastUpdateStatus") == "Failed":
                reason = now.get("StateReason") or now.get("LastUpdateStatusReason")
                if qualifier is None:
                    raise LabError(f"{self.name} could not be deployed: {reason}")
                raise LabError(
                    f"version {qualifier} of {self.name} could not be published: {reason} "
                    f"Its log may say more: %lambda logs {self.name}"
                )
            if now.get("State", "Active") != "Pending" and now.get("LastUpdateStatus") != "InProgress":
                return now
            time.sleep(0.005 if attempt < 20 else 0.05)
        raise LabError(f"{self.name} is still {now['State']} after {PATIENCE_SECONDS} s; look again with %lambda list.")

    def package(self, qualifier: str | None = None) -> bytes | None:
        """The zip of a version's code; None when it cannot be had."""
        query = {"Qualifier": qualifier} if qualifier else {}
        location = self.ask("GET", "", query=query).get("Code", {}).get("Location")
        return fetched(location) if location else None


def fetched(location: str) -> bytes | None:
    """What is at a place that an answer named; None when it cannot be had."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(location, timeout=10) as answer:
            data: bytes = answer.read()
    except OSError:
        return None
    return data
