"""Functions and their versions, in SQLite, with every record that was looked at kept in memory.

The invocations' path asks for a version on every call: it is answered from memory. Writes go to the database
first and to memory after, so that memory never knows what the disk does not.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from lambdalab.model import function_rules, snapstart, version_rules
from lambdalab.model.function import LATEST, CodeReference, Function, FunctionKey, FunctionVersion, version_number
from lambdalab.store.database import Database
from lambdalab.store.sealing import Sealer

_Place = tuple[FunctionKey, str]


class FunctionStore:
    """The functions of a home. Used from one thread."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
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
            self._versions[place] = self._read(key, version, str(found[0][0]))
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
            self._read(FunctionKey(account, region, str(row[0])), _version(int(str(row[1]))), str(row[2]))
            for row in rows
        ]

    def versions(self, key: FunctionKey, after: int = -1, limit: int = -1) -> list[FunctionVersion]:
        """$LATEST and then the published versions, ascending, after a number."""
        rows = self._database.rows(
            f"SELECT version, document FROM versions WHERE {_KEY} AND version > ? ORDER BY version LIMIT ?",
            *_key(key), after, limit,
        )  # fmt: skip
        return [self._read(key, _version(int(str(number))), str(document)) for number, document in rows]

    def last_published(self, key: FunctionKey) -> FunctionVersion | None:
        """The published version with the highest number that still exists."""
        rows = self._database.rows(
            f"SELECT version, document FROM versions WHERE {_KEY} AND version > 0 ORDER BY version DESC LIMIT 1",
            *_key(key),
        )
        return self._read(key, str(rows[0][0]), str(rows[0][1])) if rows else None

    def in_vpc(self) -> list[FunctionVersion]:
        """Every version that has subnets, of all accounts and regions."""
        rows = self._database.rows(
            "SELECT account, region, name, version, document FROM versions"
            " WHERE json_array_length(document, '$.settings.VpcConfig.SubnetIds') > 0"
        )
        return [
            self._read(FunctionKey(str(a), str(r), str(n)), _version(int(str(number))), str(document))
            for a, r, n, number, document in rows
        ]

    def logs_to(self, group: str) -> bool:
        """Whether some version names this log group in its LoggingConfig."""
        return bool(
            self._database.rows(
                "SELECT 1 FROM versions WHERE json_extract(document, '$.settings.LoggingConfig.LogGroup') = ? LIMIT 1",
                group,
            )
        )

    def reserving(self) -> list[Function]:
        """The functions that have a reservation, of all accounts and regions."""
        rows = self._database.rows(
            "SELECT account, region, name, document FROM functions"
            " WHERE json_extract(document, '$.reserved_concurrency') IS NOT NULL"
        )
        return [_read_function(FunctionKey(str(a), str(r), str(n)), str(document)) for a, r, n, document in rows]

    def usage(self, account: str, region: str) -> tuple[int, int]:
        """How many functions there are, and the bytes of all their versions' packages."""
        where = "WHERE account = ? AND region = ?"
        count = self._database.rows(f"SELECT count(*) FROM functions {where}", account, region)[0][0]
        size = self._database.rows(f"SELECT coalesce(sum(code_size), 0) FROM versions {where}", account, region)[0][0]
        return int(str(count)), int(str(size))

    def packages_in_use(self) -> set[str]:
        """The sha256 of every package that some version refers to, as its code or as a layer."""
        return self._packages("", ())

    def packages_of(self, key: FunctionKey, version: str | None = None) -> set[str]:
        """The sha256 of the packages that all versions of a function, or one of them, refer to."""
        if version is None:
            return self._packages(f"WHERE {_KEY}", _key(key))
        return self._packages(f"WHERE {_KEY} AND version = ?", (*_key(key), _number(version)))

    def _packages(self, where: str, values: tuple[object, ...]) -> set[str]:
        chosen = f"SELECT code_sha256, document FROM versions {where}"
        rows = self._database.rows(
            f"SELECT code_sha256 FROM ({chosen}) UNION"
            f" SELECT json_extract(layer.value, '$.CodeSha256') FROM ({chosen}) AS one,"
            " json_each(one.document, '$.layers') AS layer WHERE instr(one.document, '\"CodeSha256\"')",
            *values, *values,
        )  # fmt: skip
        return {str(row[0]) for row in rows}

    def has_code(self, sha256: str) -> bool:
        """Whether a package is the code of some version."""
        return bool(self._database.rows("SELECT 1 FROM versions WHERE code_sha256 = ? LIMIT 1", sha256))

    def has_layer(self, sha256: str) -> bool:
        """Whether a package is a layer of some version. Looks at every version's record."""
        return bool(self._database.rows("SELECT 1 FROM versions WHERE instr(document, ?) LIMIT 1", sha256))

    # -- writing

    def insert(self, function: Function, version: FunctionVersion) -> bool:
        """Add a function with its first version; False, and nothing written, when the name is taken."""
        with self._database.transaction() as connection:
            written = connection.execute(
                "INSERT OR IGNORE INTO functions VALUES (?, ?, ?, ?)", (*_key(function.key), _write_function(function))
            )
            if written.rowcount == 0:
                return False
            connection.execute(_INSERT_VERSION, self._row(version))
        self._versions[version.key, version.version] = version
        return True

    def publish(
        self, function: Function, version: FunctionVersion, latest: FunctionVersion, *, expected: FunctionVersion
    ) -> bool:
        """Add a version and count its number; `latest` takes the place of `expected`. False when that was changed."""
        with self._database.transaction() as connection:
            if not self._put(connection, latest, expected):
                return False
            connection.execute(_INSERT_VERSION, self._row(version))
            connection.execute(_SET_FUNCTION, (_write_function(function), *_key(function.key)))
        for one in (latest, version):
            self._versions[one.key, one.version] = one
        return True

    def change(self, function: Function) -> None:
        """Write what belongs to the function as a whole."""
        with self._database.transaction() as connection:
            connection.execute(_SET_FUNCTION, (_write_function(function), *_key(function.key)))

    def replace(self, version: FunctionVersion, *, expected: FunctionVersion) -> bool:
        """Put `version` in the place of `expected`; False when another writer was there first."""
        with self._database.transaction() as connection:
            written = self._put(connection, version, expected)
        if written:
            self._versions[version.key, version.version] = version
        else:
            self._versions.pop((version.key, version.version), None)
        return written

    def delete_version(self, key: FunctionKey, version: str) -> bool:
        """Remove one published version; False when there was none. Its number stays used."""
        with self._database.transaction() as connection:
            written = connection.execute(
                f"DELETE FROM versions WHERE {_KEY} AND version = ?", (*_key(key), _number(version))
            )
        self._versions.pop((key, version), None)
        return written.rowcount > 0

    def delete(self, key: FunctionKey) -> bool:
        """Remove the function and everything of it; False when there was none."""
        with self._database.transaction() as connection:
            written = connection.execute(f"DELETE FROM functions WHERE {_KEY}", _key(key))
        for place in [place for place in self._versions if place[0] == key]:
            del self._versions[place]
        return written.rowcount > 0

    def snapped(self) -> list[FunctionVersion]:
        """Of each function the newest version that has SnapStart, of all accounts and regions."""
        rows = self._database.rows(
            "SELECT account, region, name, max(version), document FROM versions"
            f" WHERE version > 0 AND {_SNAPPED} GROUP BY account, region, name"
        )
        return [
            self._read(FunctionKey(str(account), str(region), str(name)), str(number), str(document))
            for account, region, name, number, document in rows
        ]

    def settle_all(self) -> list[FunctionVersion]:
        """Finish what a killed region left under way. Returned is what still waits: versions without their snapshot."""
        waiting = []
        rows = self._database.rows("SELECT account, region, name, version, document FROM versions WHERE settled = 0")
        for account, region, name, number, document in rows:
            key = FunctionKey(str(account), str(region), str(name))
            version = self._read(key, _version(int(str(number))), str(document))
            if snapstart.applies(version):
                waiting.append(version)
                continue
            self.replace(function_rules.settle(version, str(uuid.uuid4())), expected=version)
        return waiting

    def digest(self, key: FunctionKey, variables: Mapping[str, str]) -> str:
        """The home's keyed digest of a function's variables."""
        return self._sealer.digest(variables, key.arn)

    def forget_copies(self) -> None:
        """Remove the variables that older homes kept beside what KMS had sealed of them."""
        rows = self._database.rows(f"SELECT account, region, name, version, document FROM versions WHERE {_COPIED}")
        found: dict[_Place, FunctionVersion] = {}
        for account, region, name, number, document in rows:
            key, version = FunctionKey(str(account), str(region), str(name)), _version(int(str(number)))
            found[key, version] = self._read(key, version, str(document))
        with self._database.transaction() as connection:
            for (key, _), before in found.items():
                self._put(connection, self._without_copy(before, found.get((key, LATEST))), before)
        if found:
            self._database.compact()

    def _without_copy(self, before: FunctionVersion, latest: FunctionVersion | None) -> FunctionVersion:
        def only(version: FunctionVersion) -> FunctionVersion:
            if version.environment is None:
                return replace(version, kms_sealed=None)
            return replace(version, environment=None, environment_digest=self.digest(version.key, version.environment))

        # What was published and has not changed since is to be known again: from the version, or, when it was given
        # a description of its own, from $LATEST.
        for source in (before, latest):
            if source is not None and before.fingerprint == version_rules.fingerprint(source):
                return replace(only(before), fingerprint=version_rules.fingerprint(only(source)))
        return only(before)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    # -- rows

    def _put(self, connection: sqlite3.Connection, version: FunctionVersion, expected: FunctionVersion) -> bool:
        row = self._row(version)
        written = connection.execute(
            "UPDATE versions SET settled = ?, code_sha256 = ?, code_size = ?, document = ?"
            f" WHERE {_KEY} AND version = ? AND json_extract(document, '$.revision_id') = ?",
            (*row[4:], *row[:4], expected.revision_id),
        )
        return written.rowcount > 0

    def _row(self, version: FunctionVersion) -> tuple[Any, ...]:
        settled, code = function_rules.settled(version), version.code
        number = _number(version.version)
        return (*_key(version.key), number, int(settled), code.sha256, code.size, self._write(version))

    def _write(self, version: FunctionVersion) -> str:
        members = asdict(version)
        document = {name: members[name] for name in _VERSION_FIELDS}
        if version.environment is not None:
            document["environment"] = {_SEALED: self._sealer.seal(version.environment, version.key.arn)}
        return json.dumps(document, sort_keys=True)

    def _read(self, key: FunctionKey, version: str, document: str) -> FunctionVersion:
        members = json.loads(document)
        code = CodeReference(**members.pop("code"))
        environment = members["environment"]
        if environment is not None and _SEALED in environment:
            members["environment"] = self._sealer.open(environment[_SEALED], key.arn)
        return FunctionVersion(key=key, version=version, code=code, **{**members, "layers": tuple(members["layers"])})


_SEALED = "-sealed"
"""No name of a variable, so that what an older lambdalab wrote openly is still read."""
_COPIED = (
    "json_extract(document, '$.kms_sealed') IS NOT NULL AND json_extract(document, '$.environment_digest') IS NULL"
)
"""As in the index `versions_copied`."""
_SNAPPED = "json_extract(document, '$.settings.SnapStart.ApplyOn') = 'PublishedVersions'"
"""As in the index `versions_snapped`."""
_SET_FUNCTION = "UPDATE functions SET document = ? WHERE account = ? AND region = ? AND name = ?"
_KEY = "account = ? AND region = ? AND name = ?"
_INSERT_VERSION = "INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


def _key(key: FunctionKey) -> tuple[str, str, str]:
    return key.account, key.region, key.name


def _number(version: str) -> int | None:
    return 0 if version == LATEST else version_number(version)


def _version(number: int) -> str:
    return str(number) if number else LATEST


def _write_function(function: Function) -> str:
    return json.dumps({k: v for k, v in asdict(function).items() if k != "key"}, sort_keys=True)


def _read_function(key: FunctionKey, document: str) -> Function:
    return Function(key, **json.loads(document))


_VERSION_FIELDS = [field.name for field in fields(FunctionVersion) if field.name not in {"key", "version"}]
