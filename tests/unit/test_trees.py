"""Trees are removed whole, whatever their modes, also for those who are not root."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lambdalab.trees import keep_newest, making, remove_tree


@pytest.fixture
def place():
    """A directory that anyone may come to."""
    path = Path(tempfile.mkdtemp(prefix="lambdalab-trees-", dir="/tmp"))
    path.chmod(0o777)
    yield path
    shutil.rmtree(path, ignore_errors=True)  # not by what is tested here


def as_a_user(steps):
    """Run it as uid 1000 where this is root; True when nothing was raised."""
    pid = os.fork()
    if pid == 0:
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(1000)
                os.setuid(1000)
            steps()
            os._exit(0)
        except BaseException as problem:
            os.write(2, f"{problem!r}\n".encode())
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_read_only_tree_goes(place):
    def steps():
        (place / "top" / "below" / "further").mkdir(parents=True)
        (place / "top" / "below" / "file").write_text("x")
        (place / "top" / "below" / "file").chmod(0o444)
        for directory, mode in (("further", 0o000), (".", 0o555), ("..", 0o555)):
            (place / "top" / "below" / directory).chmod(mode)
        assert remove_tree(place / "top")

    assert as_a_user(steps)
    assert not list(place.iterdir())


def test_a_tree_deeper_than_any_path_goes(place):
    top = place / "top"
    top.mkdir()
    at = os.open(top, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d" * 200, dir_fd=at)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)
    assert remove_tree(top)


def test_what_links_lead_to_stays_as_it_is(place):
    kept = place / "kept"
    kept.mkdir(mode=0o755)
    (kept / "file").write_text("x")
    (place / "top").mkdir()
    (place / "top" / "link").symlink_to(kept)
    (place / "top" / "nowhere").symlink_to(place / "gone")
    assert remove_tree(place / "top")
    assert (kept / "file").read_text() == "x"
    assert kept.stat().st_mode & 0o777 == 0o755


def test_a_link_in_the_place_of_the_tree_is_not_followed(place):
    (place / "kept").mkdir()
    (place / "link").symlink_to(place / "kept")
    assert not remove_tree(place / "link")
    assert (place / "kept").is_dir()


def test_what_another_process_still_adds_goes_too(place):
    top = place / "top"
    top.mkdir()
    adding = (
        "import itertools, os, sys\n"
        "for n in itertools.count():\n"
        "    try: os.makedirs(f'd{n}/e')\n"
        "    except OSError: break\n"
        "    if n == 50: print(flush=True)\n"
        "    if n == 600: break\n"
    )
    with subprocess.Popen([sys.executable, "-c", adding], cwd=top, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert remove_tree(top, 30)


def test_what_nobody_may_remove_is_told_of(place):
    if os.getuid() != 0:
        pytest.skip("only root can make something that another may not remove")
    (place / "top" / "roots").mkdir(parents=True)
    (place / "top" / "roots" / "file").write_text("x")
    assert as_a_user(lambda: os._exit(1 if remove_tree(place / "top") else 0))
    assert (place / "top" / "roots" / "file").exists()


def test_what_is_not_there_is_gone(place):
    assert remove_tree(place / "nothing")


def test_a_directory_is_there_with_its_name_when_all_of_it_is(tmp_path):
    with making(tmp_path / "deep" / "made") as aside:
        (aside / "file").write_text("half")
        assert not (tmp_path / "deep" / "made").exists()
    assert (tmp_path / "deep" / "made" / "file").read_text() == "half"
    assert [one.name for one in (tmp_path / "deep").iterdir()] == ["made"]


def test_what_could_not_be_made_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="no"), making(tmp_path / "made") as aside:
        (aside / "file").touch()
        raise ValueError("no")
    assert [one.name for one in tmp_path.iterdir()] == []


def test_of_two_that_make_the_same_directory_the_quicker_ones_stays(tmp_path):
    with making(tmp_path / "made") as slow:
        (slow / "who").write_text("slow")
        with making(tmp_path / "made") as quick:
            (quick / "who").write_text("quick")
    assert (tmp_path / "made" / "who").read_text() == "quick"
    assert [one.name for one in tmp_path.iterdir()] == ["made"]


def test_the_newest_are_kept_and_what_is_being_made_too(tmp_path):
    for age, name in enumerate(("newest", "newer", "old", ".making")):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    keep_newest(tmp_path, 2)
    assert {one.name for one in tmp_path.iterdir()} == {"newest", "newer", ".making"}
    keep_newest(tmp_path / "not there", 2)
