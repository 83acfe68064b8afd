"""What a sandbox's /tmp becomes in the next one, and what a function cannot make of that."""

import os
import stat
import threading
from contextlib import contextmanager

import pytest

from lambdalab.runtimes.backends import tree_copy
from lambdalab.runtimes.backends.tree_copy import copy_content


@contextmanager
def opened(*paths):
    fds = [os.open(path, os.O_PATH | os.O_DIRECTORY) for path in paths]
    try:
        yield fds
    finally:
        for fd in fds:
            os.close(fd)


@pytest.fixture
def copied(tmp_path):
    """Copy what is in one directory, `source`, to another; both are there already."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()

    def copy():
        with opened(source, target) as fds:
            copy_content(*fds)

    return source, target, copy


def test_files_directories_and_links_come_with_modes_and_times(copied):
    source, target, copy = copied
    (source / "a/b").mkdir(parents=True)
    (source / "a/b/file").write_bytes(b"content")
    (source / "a/b/file").chmod(0o640)
    os.utime(source / "a/b/file", (1, 2))
    (source / "link").symlink_to("/no/such")
    (source / "a/again").hardlink_to(source / "a/b/file")
    os.mkfifo(source / "pipe")
    os.utime(source / "a", (3, 4))
    copy()
    file = target / "a/b/file"
    assert file.read_bytes() == b"content"
    assert (stat.S_IMODE(file.stat().st_mode), file.stat().st_mtime) == (0o640, 2)
    assert (target / "a").stat().st_mtime == 4
    assert (target / "link").readlink().as_posix() == "/no/such"
    assert (target / "a/again").samefile(file)
    assert (target / "pipe").is_fifo()


def test_a_file_keeps_its_holes(copied):
    source, target, copy = copied
    with (source / "sparse").open("wb") as file:
        file.truncate(50 << 20)
        file.seek(20 << 20)
        file.write(b"x" * 4096)
    copy()
    assert (target / "sparse").stat().st_size == 50 << 20
    assert (target / "sparse").stat().st_blocks * 512 < 1 << 20
    assert (target / "sparse").read_bytes() == (source / "sparse").read_bytes()


def test_what_is_there_already_is_neither_followed_nor_changed(copied, tmp_path):
    source, target, copy = copied
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("the person's")
    for name in ("directory", "file", "good"):
        (source / name).mkdir() if name == "directory" else (source / name).write_text("the function's")
    (source / "directory/file").write_text("the function's")
    (target / "directory").symlink_to(elsewhere)
    (target / "file").symlink_to(elsewhere / "file")
    copy()
    assert [path.name for path in elsewhere.iterdir()] == ["file"]
    assert (elsewhere / "file").read_text() == "the person's"
    assert (target / "good").read_text() == "the function's"


def test_a_link_in_the_source_is_copied_and_what_it_leads_to_is_not(copied, tmp_path):
    source, target, copy = copied
    (tmp_path / "secret").write_text("the person's")
    (source / "link").symlink_to(tmp_path / "secret")
    copy()
    assert (target / "link").is_symlink()
    assert (target / "link").readlink() == tmp_path / "secret"


def test_a_directory_that_becomes_a_link_while_it_is_filled_leads_nowhere(copied, tmp_path, monkeypatch):
    source, target, copy = copied
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (source / "directory").mkdir()
    (source / "directory/file").write_text("the function's")
    real = os.mkdir

    def mkdir_and_swap(name, *rest, **more):
        real(name, *rest, **more)
        (target / name).rename(target / "aside")
        (target / name).symlink_to(elsewhere)

    monkeypatch.setattr(tree_copy.os, "mkdir", mkdir_and_swap)
    copy()
    assert list(elsewhere.iterdir()) == []


def test_a_pipe_is_not_waited_for_and_no_depth_is_too_deep(copied):
    source, target, copy = copied
    os.mkfifo(source / "pipe")
    below = source
    for _ in range(150):
        below /= "d"
    below.mkdir(parents=True)
    copying = threading.Thread(target=copy, daemon=True)
    copying.start()
    copying.join(20)
    assert not copying.is_alive()
    assert (target / "d/d/d").is_dir()
