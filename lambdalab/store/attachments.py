"""What is attached to a function under a qualifier: aliases, policies, URL, asynchronous and provisioned settings.

One table for all kinds: an attachment is a JSON document, and goes with its function. Invocations ask for
aliases and concurrency on every call, so what was looked at is kept in memory; writes go to disk first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from lambdalab.model.function import FunctionKey
from lambdalab.store.database import Database

Kind = Literal[
    "alias",
    "policy",
    "url",
    "event_invoke",
    "provisioned",
    "runtime_management",
    "recursion",
    "code_signing",
    "scaling",
]
Document = Mapping[str, Any]
_OF = "account = ? AND region = ? AND name = ? AND kind = ?"


class AttachmentStore:
    """The attachments of a home's functions. Used from one thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[tuple[FunctionKey, Kind], dict[str, Document]] = {}

    def of(self, key: FunctionKey, kind: Kind) -> Mapping[str, Document]:
        """All attachments of a kind that a function has, by qualifier, in order."""
        kept = self._kept.get((key, kind))
        if kept is None:
            rows = self._database.rows(
                f"SELECT qualifier, document FROM attachments WHERE {_OF} ORDER BY qualifier", *_place(key, kind)
            )
            kept = {str(qualifier): json.loads(str(document)) for qualifier, document in rows}
            self._kept[key, kind] = kept
        return kept

    def get(self, key: FunctionKey, kind: Kind, qualifier: str) -> Document | None:
        """One attachment; None when there is none."""
        return self.of(key, kind).get(qualifier)

    def find(self, kind: Kind, member: str, value: str) -> tuple[FunctionKey, str, Document] | None:
        """The attachment of a kind whose document has `value` for `member`, with its function and qualifier."""
        rows = self._database.rows(
            "SELECT account, region, name, qualifier, document FROM attachments"
            " WHERE kind = ? AND json_extract(document, ?) = ?",
            kind, f"$.{member}", value,
        )  # fmt: skip
        for account, region, name, qualifier, document in rows:
            return FunctionKey(str(account), str(region), str(name)), str(qualifier), json.loads(str(document))
        return None

    def all(self, kind: Kind) -> list[tuple[FunctionKey, str, Document]]:
        """The attachments of a kind that all functions have, with function and qualifier."""
        rows = self._database.rows(
            "SELECT account, region, name, qualifier, document FROM attachments WHERE kind = ?", kind
        )
        return [
            (FunctionKey(str(account), str(region), str(name)), str(qualifier), json.loads(str(document)))
            for account, region, name, qualifier, document in rows
        ]

    def put(self, key: FunctionKey, kind: Kind, qualifier: str, document: Document) -> None:
        """Attach, or replace what was attached. The function must exist."""
        text = json.dumps(document)
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO attachments VALUES (?, ?, ?, ?, ?, ?)", (*_place(key, kind), qualifier, text)
            )
        self._kept.pop((key, kind), None)

    def remove(self, key: FunctionKey, kind: Kind, qualifier: str) -> bool:
        """Take away; False when nothing was there."""
        with self._database.transaction() as connection:
            gone = connection.execute(
                f"DELETE FROM attachments WHERE {_OF} AND qualifier = ?", (*_place(key, kind), qualifier)
            )
        self._kept.pop((key, kind), None)
        return gone.rowcount > 0

    def remove_all(self, key: FunctionKey, qualifier: str) -> None:
        """Take away everything that is attached under a qualifier."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM attachments WHERE account = ? AND region = ? AND name = ? AND qualifier = ?",
                (key.account, key.region, key.name, qualifier),
            )
        self.forget(key)

    def forget(self, key: FunctionKey) -> None:
        """Drop what is kept in memory of a function, whose rows went with it."""
        for place in [place for place in self._kept if place[0] == key]:
            del self._kept[place]


def _place(key: FunctionKey, kind: Kind) -> tuple[str, str, str, str]:
    return key.account, key.region, key.name, kind
