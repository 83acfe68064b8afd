"""Layers' versions, in SQLite. Numbers count up and are never given twice."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from lambdalab.model.function import CodeReference
from lambdalab.model.layer import LayerKey, LayerVersion
from lambdalab.store.database import Database

_KEY = "account = ? AND region = ? AND name = ?"


class LayerStore:
    """The layers of a home. Used from one thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def publish(self, version: LayerVersion) -> LayerVersion:
        """Keep `version` under the layer's next number, and return it with that number."""
        with self._database.transaction() as connection:
            last = connection.execute(
                f"SELECT coalesce(max(version), 0) FROM layers WHERE {_KEY}", _key(version.key)
            ).fetchone()[0]
            numbered = replace(version, version=int(last) + 1)
            members = asdict(numbered)
            document = json.dumps({**{n: members[n] for n in _DOCUMENT}, "code": members["code"]})
            connection.execute(
                "INSERT INTO layers VALUES (?, ?, ?, ?, 0, ?, ?, ?)",
                (*_key(version.key), numbered.version, version.code.sha256, version.code.size, document),
            )
        return numbered

    def get(self, key: LayerKey, version: int) -> LayerVersion | None:
        """One version, also a deleted one; None when there never was one."""
        if version >= 2**63:  # more than SQLite can look up; an ARN may say it
            return None
        found = self._rows("AND version = ?", key, version)
        return found[0] if found else None

    def versions(self, key: LayerKey) -> list[LayerVersion]:
        """The versions that are not deleted, newest first."""
        return self._rows("AND deleted = 0 ORDER BY version DESC", key)

    def all(self, account: str, region: str) -> list[LayerVersion]:
        """The versions of all layers that are not deleted, by name, and newest first."""
        rows = self._database.rows(
            "SELECT name, version, document FROM layers WHERE account = ? AND region = ? AND deleted = 0"
            " ORDER BY name, version DESC",
            account, region,
        )  # fmt: skip
        return [
            _read(LayerKey(account, region, str(name)), int(str(version)), False, str(document))
            for name, version, document in rows
        ]

    def delete(self, key: LayerKey, version: int) -> None:
        """Mark a version as deleted: the functions that have it keep it."""
        with self._database.transaction() as connection:
            connection.execute(f"UPDATE layers SET deleted = 1 WHERE {_KEY} AND version = ?", (*_key(key), version))

    def packages_in_use(self) -> set[str]:
        """The sha256 of every package of a version that is not deleted."""
        rows = self._database.rows("SELECT DISTINCT code_sha256 FROM layers WHERE deleted = 0")
        return {str(row[0]) for row in rows}

    def offering(self, sha256: str) -> bool | None:
        """Whether a package is that of a version that is not deleted; None when no layer ever had it."""
        rows = self._database.rows("SELECT min(deleted) FROM layers WHERE code_sha256 = ?", sha256)
        return None if rows[0][0] is None else not rows[0][0]

    def usage(self, account: str, region: str) -> int:
        """The bytes of the zips of all versions that are not deleted."""
        rows = self._database.rows(
            "SELECT coalesce(sum(code_size), 0) FROM layers WHERE account = ? AND region = ? AND deleted = 0",
            account, region,
        )  # fmt: skip
        return int(str(rows[0][0]))

    def _rows(self, where: str, key: LayerKey, *values: object) -> list[LayerVersion]:
        rows = self._database.rows(
            f"SELECT version, deleted, document FROM layers WHERE {_KEY} {where}", *_key(key), *values
        )
        return [_read(key, int(str(version)), bool(deleted), str(document)) for version, deleted, document in rows]


_DOCUMENT = ("created", "description", "license_info", "runtimes", "architectures")


def _key(key: LayerKey) -> tuple[str, str, str]:
    return key.account, key.region, key.name


def _read(key: LayerKey, version: int, deleted: bool, document: str) -> LayerVersion:
    members: dict[str, Any] = json.loads(document)
    code = CodeReference(**members.pop("code"))
    for name in ("runtimes", "architectures"):
        members[name] = tuple(members[name])
    return LayerVersion(key, version, code, deleted=deleted, **members)
