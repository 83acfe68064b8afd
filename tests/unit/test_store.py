"""What is kept: functions in SQLite, packages by their content."""

import errno
import io
import json
import os
import sqlite3
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from lambdalab import disk
from lambdalab.errors import InvalidParameterValue, LabError, ServiceFailure
from lambdalab.model.function import LATEST, CodeReference, Function, FunctionKey, FunctionVersion
from lambdalab.model.version_rules import fingerprint
from lambdalab.store import packages
from lambdalab.store.database import _MIGRATIONS, Database
from lambdalab.store.functions import _COPIED, _SNAPPED, FunctionStore
from lambdalab.store.packages import PackageStore
from lambdalab.store.sealing import Sealer


def zipped(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def entry(name, content="x", mode=0o100644):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(info, content)
    return out.getvalue()


def test_the_same_bytes_are_kept_once_and_come_back_as_they_were(tmp_path):
    store = PackageStore(tmp_path)
    data = zipped(**{"app.py": "x = 1"})
    first, second = store.add(data), store.add(data)
    assert first == second
    assert store.zip_bytes(first.sha256) == data
    assert (store.unpacked(first.sha256) / "app.py").read_text() == "x = 1"


@pytest.mark.parametrize("name", ["../evil.py", "/etc/evil.py", "a/../../evil.py", "..\\evil.py"])
def test_a_path_that_leads_out_of_the_package_is_refused(tmp_path, name):
    store = PackageStore(tmp_path / "store")
    try:
        code = store.add(entry(name))
    except InvalidParameterValue:
        pass
    else:
        inside = store.unpacked(code.sha256)
        assert all(path.is_relative_to(inside) for path in inside.rglob("*"))
    assert not list(tmp_path.glob("evil*")) and not Path("/etc/evil.py").exists()


@pytest.mark.parametrize("goal", ["/etc/passwd", "../../../etc/passwd"])
def test_a_link_that_leads_out_of_the_package_is_refused(tmp_path, goal):
    with pytest.raises(InvalidParameterValue):
        PackageStore(tmp_path).add(entry("link", goal, stat.S_IFLNK | 0o777))


@pytest.mark.parametrize("data", [b"", b"not a zip", zipped(a="b")[:-10]])
def test_what_is_no_zip_is_refused_with_awss_words(tmp_path, data):
    with pytest.raises(InvalidParameterValue, match="Could not unzip uploaded file"):
        PackageStore(tmp_path).add(data)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO])
def test_what_the_machine_lacks_is_not_told_as_a_fault_of_the_package(tmp_path, monkeypatch, number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(packages, "extract", fail)
    store = PackageStore(tmp_path / "packages")
    with pytest.raises(ServiceFailure, match=os.strerror(number)) as failed:
        store.add(zipped(**{"app.py": "x"}))
    assert failed.value.http_status == 500
    assert not [path for path in (tmp_path / "packages").iterdir() if not path.name.startswith(".gone")]


def test_a_name_that_no_file_system_takes_is_the_packages_fault(tmp_path):
    with pytest.raises(InvalidParameterValue, match="Could not unzip"):
        PackageStore(tmp_path / "packages").add(zipped(**{"n" * 300: "x"}))


def test_a_package_that_unzips_to_too_much_is_refused_before_it_fills_the_disk(tmp_path):
    bomb = zipped(big=b"\0" * (263 * 1024 * 1024))
    assert len(bomb) < 1_000_000
    with pytest.raises(InvalidParameterValue, match="262144000"):
        PackageStore(tmp_path).add(bomb)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 1_000_000


def test_a_file_of_a_newer_version_is_refused_by_name(tmp_path):
    path = tmp_path / "region.db"
    database = Database(path)
    with database.transaction() as connection:
        connection.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(LabError, match=r"region\.db was written by a newer lambdalab"):
        Database(path)


def test_an_older_file_is_brought_up_to_date_and_keeps_its_rows(tmp_path):
    first = Database(tmp_path / "a.db", ("CREATE TABLE t (x)",))
    with first.transaction() as connection:
        connection.execute("INSERT INTO t VALUES (1)")
    first.close()
    second = Database(tmp_path / "a.db", ("CREATE TABLE t (x)", "ALTER TABLE t ADD COLUMN y"))
    assert second.rows("SELECT x, y FROM t") == [(1, None)]
    second.close()


def test_a_failed_migration_leaves_the_file_as_it_was(tmp_path):
    Database(tmp_path / "a.db", ("CREATE TABLE t (x)",)).close()
    with pytest.raises(Exception, match="no such table"):
        Database(tmp_path / "a.db", ("CREATE TABLE t (x)", "CREATE TABLE u (y); INSERT INTO missing VALUES (1)"))
    again = Database(tmp_path / "a.db", ("CREATE TABLE t (x)",))
    assert again.rows("SELECT name FROM sqlite_master WHERE type = 'table'") == [("t",)]
    again.close()


# -- what older homes kept of variables under a KMS key


def test_a_copy_of_variables_that_kms_sealed_is_forgotten_and_versions_are_known_again(tmp_path):
    sealer, secret = Sealer(tmp_path / "key"), {"TOKEN": "secret"}
    key = FunctionKey("123456789012", "us-east-1", "f")
    latest = FunctionVersion(
        key, LATEST, "role", CodeReference("00", 1, 1), "revision", "then", state="Active",
        environment=secret, kms_sealed="c2VhbGVk", settings={"KMSKeyArn": "arn"},
    )  # fmt: skip
    described = replace(latest, version="2", description="its own")
    plain = replace(latest, key=FunctionKey("123456789012", "us-east-1", "g"), kms_sealed=None, settings={})
    database = Database(tmp_path / "region.db", _MIGRATIONS[:2])
    older = FunctionStore(database, sealer)
    older.insert(Function(plain.key), plain)
    older.insert(Function(key), latest)
    for version in (replace(latest, version="1"), described):
        done = replace(version, fingerprint=fingerprint(latest))
        assert older.publish(Function(key), done, latest, expected=latest)
    database.close()

    database = Database(tmp_path / "region.db")
    store = FunctionStore(database, sealer)
    store.forget_copies()
    now = store.get(key)
    assert (now.environment, now.kms_sealed) == (None, "c2VhbGVk")
    assert now.environment_digest == store.digest(key, secret)
    for number in ("1", "2"):
        version = store.get(key, number)
        assert (version.environment, version.fingerprint) == (None, fingerprint(now))
    assert store.get(plain.key) == plain
    documents = [str(row[0]) for row in database.rows("SELECT document FROM versions WHERE name = 'f'")]
    assert all(json.loads(document)["environment"] is None for document in documents)
    store.forget_copies()
    assert store.get(key) == now
    assert "versions_copied" in repr(database.rows(f"EXPLAIN QUERY PLAN SELECT name FROM versions WHERE {_COPIED}"))
    store.close()


def test_a_digest_is_the_homes_and_the_functions(tmp_path):
    one, other = Sealer(tmp_path / "a"), Sealer(tmp_path / "b")
    same = one.digest({"A": "1", "B": "2"}, "f")
    assert same == Sealer(tmp_path / "a").digest({"B": "2", "A": "1"}, "f")
    digests = {
        same,
        other.digest({"A": "1", "B": "2"}, "f"),
        one.digest({"A": "1", "B": "2"}, "g"),
        one.digest({}, "f"),
    }
    assert len(digests) == 4


# -- SnapStart


def test_versions_with_snapstart_are_found_the_newest_of_each_function(tmp_path):
    database = Database(tmp_path / "region.db")
    store = FunctionStore(database, Sealer(tmp_path / "key"))
    on = {"SnapStart": {"ApplyOn": "PublishedVersions"}}
    for name, settings in (("f", [on, on, {}]), ("g", [{}]), ("h", [on])):
        latest = _version(name, LATEST, settings=on)
        store.insert(Function(latest.key), latest)
        for number, own in enumerate(settings, 1):
            version = _version(name, str(number), settings=own)
            assert store.publish(Function(latest.key), version, latest, expected=latest)
    assert [(one.key.name, one.version) for one in store.snapped()] == [("f", "2"), ("h", "1")]
    assert "versions_snapped" in repr(database.rows(f"EXPLAIN QUERY PLAN SELECT name FROM versions WHERE {_SNAPPED}"))
    store.close()


def test_a_version_that_waited_for_its_snapshot_when_the_region_was_killed_waits_on(tmp_path):
    store = FunctionStore(Database(tmp_path / "region.db"), Sealer(tmp_path / "key"))
    latest = _version("f", LATEST, state="Pending")
    store.insert(Function(latest.key), latest)
    for number, settings in (("1", {}), ("2", {"SnapStart": {"ApplyOn": "PublishedVersions"}})):
        version = _version("f", number, settings=settings, state="Pending")
        assert store.publish(Function(latest.key), version, latest, expected=latest)
    assert [one.version for one in store.settle_all()] == ["2"]
    assert [store.get(latest.key, one).state for one in (LATEST, "1", "2")] == ["Active", "Active", "Pending"]
    store.close()


def _version(name, version, **more):
    key = FunctionKey("123456789012", "us-east-1", name)
    made = FunctionVersion(key, version, "role", CodeReference("00", 1, 1), "revision", "then", state="Active")
    return replace(made, **more)


# -- a full disk


def test_a_write_that_fails_for_lack_of_room_says_so_and_the_next_one_is_written(tmp_path):
    database = Database(tmp_path / "region.db")
    (pages,) = database.rows("PRAGMA page_count")
    database.rows(f"PRAGMA max_page_count = {pages[0]}")
    with pytest.raises(sqlite3.OperationalError) as caught, database.transaction() as connection:
        connection.execute("INSERT INTO shelf VALUES ('kind', 'id', ?)", ("x" * 100_000,))
    assert disk.is_full(caught.value, tmp_path)
    database.rows("PRAGMA max_page_count = 10000")
    with database.transaction() as connection:
        connection.execute("INSERT INTO shelf VALUES ('kind', 'id', 'small')")
    assert database.rows("SELECT document FROM shelf") == [("small",)]
    database.close()


def test_a_write_that_cannot_be_committed_is_rolled_back_and_the_next_one_is_written(tmp_path):
    database = Database(tmp_path / "region.db")
    with pytest.raises(sqlite3.IntegrityError), database.transaction() as connection:
        connection.execute("PRAGMA defer_foreign_keys = ON")  # the commit finds what is wrong
        connection.execute("INSERT INTO attachments VALUES ('1', 'r', 'missing', 'kind', '', '{}')")
    with database.transaction() as connection:
        connection.execute("INSERT INTO shelf VALUES ('kind', 'id', 'kept')")
    assert database.rows("SELECT document FROM shelf") == [("kept",)]
    assert database.rows("SELECT * FROM attachments") == []
    database.close()


def test_a_package_that_there_is_no_room_for_says_where_and_how_much_is_free(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    store = PackageStore(tmp_path / "packages")
    monkeypatch.setattr(packages, "extract", full)
    with pytest.raises(ServiceFailure, match=rf"^The package could not be kept: the disk of {tmp_path}.* are free"):
        store.add(zipped(app="x"))
