"""Documents that belong to no function: code signing configurations, the policies of layers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from lambdalab.store.database import Database

Kind = Literal["code_signing", "layer_policy"]


class Shelf:
    """Documents by kind and id. Used from one thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, kind: Kind) -> dict[str, dict[str, Any]]:
        """The documents of a kind by their ids, in order."""
        rows = self._database.rows("SELECT id, document FROM shelf WHERE kind = ? ORDER BY id", kind)
        return {str(found): json.loads(str(document)) for found, document in rows}

    def get(self, kind: Kind, identifier: str) -> dict[str, Any] | None:
        """One document; None when there is none."""
        rows = self._database.rows("SELECT document FROM shelf WHERE kind = ? AND id = ?", kind, identifier)
        return dict(json.loads(str(rows[0][0]))) if rows else None

    def put(self, kind: Kind, identifier: str, document: Mapping[str, Any]) -> None:
        """Keep a document, in the place of the one before."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO shelf VALUES (?, ?, ?)", (kind, identifier, json.dumps(document))
            )

    def remove(self, kind: Kind, identifier: str) -> bool:
        """Take a document away; False when there was none."""
        with self._database.transaction() as connection:
            gone = connection.execute("DELETE FROM shelf WHERE kind = ? AND id = ?", (kind, identifier))
        return gone.rowcount > 0
