"""A home that cannot be used is told of in one line, wherever it is asked for: which, why, and how to name another."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lambdalab import Lab, home
from lambdalab.client import region
from lambdalab.config import load
from lambdalab.errors import HomeUnusable, LabError, RegionUnavailable

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root mounts file systems and becomes another user")


@pytest.fixture
def read_only(tmp_path):
    where = tmp_path / "read only"
    where.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,ro", "tmpfs", where], check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield where
    subprocess.run(["umount", "--lazy", where], check=True)


def cli(where, *words):
    environment = {**os.environ, "LAMBDALAB_HOME": str(where)}
    command = [sys.executable, "-m", "lambdalab.cli", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def refused(where):
    """What Python says of a home; the notebook's own line is made of the same error."""
    with pytest.raises(HomeUnusable) as caught:
        Lab(home=where).functions()
    (line,) = caught.value._render_traceback_()
    assert line == f"HomeUnusable: {caught.value}"
    return str(caught.value)


def assert_one_line(done, *words):
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr


@as_root
@pytest.mark.parametrize("below", ["", "below"], ids=["itself", "a directory in it"])
def test_a_home_on_a_read_only_file_system(read_only, below):
    where = read_only / below
    told = refused(where)
    assert told.startswith(f"The home {where} cannot be used: ")
    assert "can only be read" in told
    assert "LAMBDALAB_HOME" in told
    for command in ("env", "serve"):
        assert_one_line(cli(where, command), str(where), "can only be read", "LAMBDALAB_HOME")


@pytest.mark.parametrize("below", ["", "below"], ids=["itself", "a directory in it"])
def test_a_home_that_is_a_file(tmp_path, below):
    (tmp_path / "file").write_text("")
    where = tmp_path / "file" / below
    assert "is not a directory" in refused(where)
    for command in ("env", "serve"):
        assert_one_line(cli(where, command), str(where), "is not a directory", "LAMBDALAB_HOME")


def test_a_home_whose_name_is_not_utf_8(tmp_path, monkeypatch):
    where = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b2\xff"))
    shown = f"The home {tmp_path}/b2\\xff cannot be used: its name is not UTF-8"
    assert refused(where).startswith(shown)
    for command in ("env", "serve", "status", "stop", "doctor"):
        assert_one_line(cli(where, command), shown, "LAMBDALAB_HOME")
    monkeypatch.setattr(tempfile, "tempdir", str(where))
    where.mkdir()
    with pytest.raises(HomeUnusable, match="its name is not UTF-8"):
        Lab(isolated=True).functions()
    assert_one_line(cli(where, "reset", "--yes"), shown)
    assert where.is_dir()


def test_a_file_is_not_reset(tmp_path):
    (tmp_path / "file").write_text("mine")
    assert_one_line(cli(tmp_path / "file", "reset", "--yes"), "is not a directory")
    assert (tmp_path / "file").read_text() == "mine"


@as_root
@pytest.mark.parametrize("below", ["", "below"], ids=["itself", "a directory in it"])
def test_a_home_of_somebody_else(below):
    with tempfile.TemporaryDirectory(dir="/tmp") as theirs:  # closed to others by its mode, 0700
        where = Path(theirs, below)
        for ask in (home.make_ready, lambda path: region.find(load({}, home=path))):
            told = said_to_another_user(lambda path=where, ask=ask: ask(path))
            assert told.startswith(f"HomeUnusable: The home {where} cannot be used: "), told
            assert "belongs to root and is closed to you (mode 0700)" in told
            assert "LAMBDALAB_HOME" in told


def said_to_another_user(ask):
    """The error that uid 1000 gets, with its kind."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setresuid(1000, 1000, 1000)
        try:
            os.write(write, f"answered {ask()}".encode())
        except Exception as error:
            os.write(write, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(write)
    with os.fdopen(read) as pipe:
        return pipe.read()


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"person": 3}', '{"person": {"account": "1"}}'])
def test_keys_that_are_empty_or_broken(tmp_path, broken):
    (tmp_path / "credentials.json").write_text(broken)
    with pytest.raises(
        RegionUnavailable, match=r"credentials\.json in it holds the lab's keys, and is empty or broken"
    ):
        Lab(home=tmp_path).functions()
    assert_one_line(cli(tmp_path, "env"), str(tmp_path), "credentials.json", "Delete that file", "LAMBDALAB_HOME")
    assert "Traceback" not in cli(tmp_path, "env").stderr
    (tmp_path / "credentials.json").unlink()
    lab = Lab(home=tmp_path)
    assert lab.functions() == ()
    region.stop(lab.settings)


@pytest.mark.parametrize(
    ("name", "why"), [("region.db", "file is not a database"), ("packages", "packages in it: File exists")]
)
def test_a_home_with_something_else_where_the_regions_things_should_be(tmp_path, name, why):
    (tmp_path / name).write_text("a thesis, in many words " * 100)
    assert_one_line(cli(tmp_path, "env"), str(tmp_path), why, "LAMBDALAB_HOME")
    assert "Traceback" in (tmp_path / "region.log").read_text()  # for whoever wants all of it


def test_a_lock_that_is_none(tmp_path):
    (tmp_path / "region.lock").mkdir()
    assert "region.lock in it: Is a directory" in refused(tmp_path)


@pytest.mark.parametrize("document", ["[]", "3", "{}", '{"endpoint": "http://127.0.0.1:9"}'])
def test_a_region_file_that_says_something_else_is_no_region(tmp_path, document):
    (tmp_path / "region.json").write_text(document)
    assert region.find(load({}, home=tmp_path)) is None


def test_without_a_temporary_directory_an_isolated_lab_is_refused_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(LabError, match="TMPDIR"):
        Lab(isolated=True).functions()
