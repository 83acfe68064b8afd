"""Functions and their versions, in SQLite, with every record that was looked at kept in memory.

The invocations' path asks for a version on every call: it is answered from memory. Writes go to the database
first and to memory after, so that memory never knows what the disk does not.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, fields
from typing import Any

from lambdalab.model import function_rules
from lambdalab.model.function import LATEST, CodeReference, Function, FunctionKey, FunctionVersion
from lambdalab.store.database import Database

_Place = tuple[FunctionKey, str]


class FunctionStore:
    """The functions of a home. Used from one thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._versions: dict[_Place, FunctionVersion | None] = {}

    # -- reading

    def function(self, key: FunctionKey) -> Function | None:
        """What belongs to the function as a whole; None when there is none."""
        found = self._database.rows(f"SELECT document FROM functions WHERE {_KEY}", *_key(key))
        return _read_function(key, str(found[0][0])) if found else None

    def get(self, key: FunctionKey, version: str = LATEST) -> FunctionVersion | None:
        """One version; None when there is none."""
        place = (key, version)
        if place not in self._versions:
            number = _number(version)
            query = f"SELECT document FROM versions WHERE {_KEY} AND version = ?"
            found = self._database.rows(query, *_key(key), number) if number is not None else []
            if not found:
                return None  # not remembered: names that do not exist would fill the memory
            self._versions[place] = _read_version(key, version, str(found[0][0]))
        return self._versions[place]

    def page(
        self, account: str, region: str, after: tuple[str, int] | None, limit: int, *, all_versions: bool = False
    ) -> list[FunctionVersion]:
        """Versions in the order of their names, then numbers, after a (name, number); only $LATEST unless told."""
        name, number = after or ("", -1)
        rows = self._database.rows(
            "SELECT name, version, document FROM versions WHERE account = ? AND region = ?"
            " AND (name > ? OR (name = ? AND version > ?)) AND (? OR version = 0) ORDER BY name, version LIMIT ?",
            account, region, name, name, number, all_versions, limit,
        )  # fmt: skip
        return [
            _read_version(FunctionKey(account, region, str(row[0])), _version(int(str(row[1]))), str(row[2]))
            for row in rows
        ]

    def usage(self, account: str, region: str) -> tuple[int, int]:
        """How many functions there are, and the bytes of all their versions' packages."""
        where = "WHERE account = ? AND region = ?"
        count = self._database.rows(f"SELECT count(*) FROM functions {where}", account, region)[0][0]
        size = self._database.rows(f"SELECT coalesce(sum(code_size), 0) FROM versions {where}", account, region)[0][0]
        return int(str(count)), int(str(size))

    def packages_in_use(self) -> set[str]:
        """The sha256 of every package that some version refers to."""
        return {str(row[0]) for row in self._database.rows("SELECT DISTINCT code_sha256 FROM versions")}

    # -- writing

    def insert(self, function: Function, version: FunctionVersion) -> bool:
        """Add a function with its first version; False, and nothing written, when the name is taken."""
        with self._database.transaction() as connection:
            written = connection.execute(
                "INSERT OR IGNORE INTO functions VALUES (?, ?, ?, ?)", (*_key(function.key), _write_function(function))
            )
            if written.rowcount == 0:
                return False
            connection.execute(_INSERT_VERSION, _row(version))
        self._versions[version.key, version.version] = version
        return True

    def replace(self, version: FunctionVersion, *, expected: FunctionVersion) -> bool:
        """Put `version` in the place of `expected`; False when another writer was there first."""
        with self._database.transaction() as connection:
            written = connection.execute(
                f"UPDATE versions SET settled = ?, code_sha256 = ?, code_size = ?, document = ?"
                f" WHERE {_KEY} AND version = ? AND document = ?",
                (*_row(version)[4:], *_row(version)[:4], _row(expected)[-1]),
            )
        if written.rowcount == 0:
            self._versions.pop((version.key, version.version), None)
            return False
        self._versions[version.key, version.version] = version
        return True

    def delete(self, key: FunctionKey) -> bool:
        """Remove the function and everything of it; False when there was none."""
        with self._database.transaction() as connection:
            written = connection.execute(f"DELETE FROM functions WHERE {_KEY}", _key(key))
        for place in [place for place in self._versions if place[0] == key]:
            del self._versions[place]
        return written.rowcount > 0

    def settle_all(self) -> None:
        """Finish what a killed region left under way."""
        rows = self._database.rows("SELECT account, region, name, version, document FROM versions WHERE settled = 0")
        for account, region, name, number, document in rows:
            key = FunctionKey(str(account), str(region), str(name))
            version = _read_version(key, _version(int(str(number))), str(document))
            self.replace(function_rules.settle(version, str(uuid.uuid4())), expected=version)

    def close(self) -> None:
        """Close the database."""
        self._database.close()


_KEY = "account = ? AND region = ? AND name = ?"
_INSERT_VERSION = "INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


def _key(key: FunctionKey) -> tuple[str, str, str]:
    return key.account, key.region, key.name


def _number(version: str) -> int | None:
    return 0 if version == LATEST else int(version) if version.isdecimal() and len(version) < 18 else None


def _version(number: int) -> str:
    return str(number) if number else LATEST


def _row(version: FunctionVersion) -> tuple[Any, ...]:
    settled, code = function_rules.settled(version), version.code
    return (*_key(version.key), _number(version.version), int(settled), code.sha256, code.size, _write_version(version))


def _write_function(function: Function) -> str:
    return json.dumps({k: v for k, v in asdict(function).items() if k != "key"}, sort_keys=True)


def _read_function(key: FunctionKey, document: str) -> Function:
    return Function(key, **json.loads(document))


_VERSION_FIELDS = [field.name for field in fields(FunctionVersion) if field.name not in {"key", "version"}]


def _write_version(version: FunctionVersion) -> str:
    members = asdict(version)
    return json.dumps({name: members[name] for name in _VERSION_FIELDS}, sort_keys=True)


def _read_version(key: FunctionKey, version: str, document: str) -> FunctionVersion:
    members = json.loads(document)
    code = CodeReference(**members.pop("code"))
    return FunctionVersion(key=key, version=version, code=code, **{**members, "layers": tuple(members["layers"])})
