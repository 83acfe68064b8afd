"""The home's SQLite file: opened, migrated, and written so that an answered write survives `kill -9`.

Write-ahead log with synchronous=NORMAL: a killed process loses nothing that was committed; a power cut may
lose the last moments, never the consistency (SQLite's own documentation of WAL).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lambdalab.errors import LabError

_MIGRATIONS = (
    """
    CREATE TABLE functions (
        account TEXT NOT NULL,
        region TEXT NOT NULL,
        name TEXT NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (account, region, name)
    ) WITHOUT ROWID;
    CREATE TABLE versions (
        account TEXT NOT NULL,
        region TEXT NOT NULL,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,  -- 0 is $LATEST
        settled INTEGER NOT NULL,
        code_sha256 TEXT NOT NULL,
        code_size INTEGER NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (account, region, name, version),
        FOREIGN KEY (account, region, name) REFERENCES functions ON DELETE CASCADE
    ) WITHOUT ROWID;
    CREATE INDEX versions_unsettled ON versions (settled) WHERE settled = 0;
    CREATE INDEX versions_code ON versions (code_sha256);
    """,
    """
    CREATE TABLE attachments (
        account TEXT NOT NULL,
        region TEXT NOT NULL,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        qualifier TEXT NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (account, region, name, kind, qualifier),
        FOREIGN KEY (account, region, name) REFERENCES functions ON DELETE CASCADE
    ) WITHOUT ROWID;
    CREATE INDEX attachments_kind ON attachments (kind);
    CREATE TABLE layers (
        account TEXT NOT NULL,
        region TEXT NOT NULL,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        deleted INTEGER NOT NULL,  -- the number stays taken, and functions keep what they have
        code_sha256 TEXT NOT NULL,
        code_size INTEGER NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (account, region, name, version)
    ) WITHOUT ROWID;
    CREATE INDEX layers_code ON layers (code_sha256);
    CREATE TABLE shelf (
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (kind, id)
    ) WITHOUT ROWID;
    """,
    """
    CREATE INDEX versions_copied ON versions (name)
        WHERE json_extract(document, '$.kms_sealed') IS NOT NULL
            AND json_extract(document, '$.environment_digest') IS NULL;
    """,
    """
    CREATE INDEX versions_snapped ON versions (account, region, name, version)
        WHERE json_extract(document, '$.settings.SnapStart.ApplyOn') = 'PublishedVersions';
    """,
)
"""One script for each schema version, in order. Never changed once released; new ones are added."""


class Database:
    """One connection to the home's file. Used from one thread."""

    def __init__(self, path: Path, migrations: tuple[str, ...] = _MIGRATIONS) -> None:
        """Open, and bring the schema up to date. Raises `LabError` when a newer lambdalab wrote the file."""
        path.touch(mode=0o600, exist_ok=True)
        self._connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._migrate(path, migrations)

    def _migrate(self, path: Path, migrations: tuple[str, ...]) -> None:
        with self.transaction() as connection:
            present = connection.execute("PRAGMA user_version").fetchone()[0]
            if present > len(migrations):
                raise LabError(
                    f"{path} was written by a newer lambdalab (schema {present}, this one knows {len(migrations)}). "
                    "Upgrade lambdalab, or use another LAMBDALAB_HOME."
                )
            for number, script in enumerate(migrations[present:], present + 1):
                for statement in filter(str.strip, script.split(";")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={number}")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write all or nothing. Other writers wait for up to ten seconds."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # on a full disk SQLite may have rolled back itself
                self._connection.execute("ROLLBACK")
            raise

    def compact(self) -> None:
        """Write the file anew, so that nothing stays in it of what was removed."""
        self._connection.execute("VACUUM")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """The rows that a query finds."""
        return self._connection.execute(query, values).fetchall()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
