"""Layers over layers: the later one wins, whatever stood in its place, also for those who are not root."""

import os
import tempfile
from pathlib import Path

import pytest

from lambdalab.runtimes.backends.merging import merge
from lambdalab.trees import remove_tree
from tests.unit.test_trees import as_a_user


@pytest.fixture
def place():
    path = Path(tempfile.mkdtemp(prefix="lambdalab-merging-", dir="/tmp"))
    path.chmod(0o777)
    yield path
    remove_tree(path)


def layer(place, name, **files):
    """An unpacked layer, read-only as those of the store; a value that begins with "->" is a link."""
    root = place / name
    for path, content in files.items():
        file = root / path.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        if content.startswith("->"):
            file.symlink_to(content[2:])
        else:
            file.write_text(content)
            file.chmod(0o444)
    for directory, _, _ in os.walk(root):
        Path(directory).chmod(0o555)
    return root


def test_a_later_layer_wins_and_adds(place):
    def steps():
        first = layer(place, "first", python__a="1", python__both="1", lib__link="->a")
        second = layer(place, "second", python__both="2", python__b="2", lib__link="->b")
        merge([first, second], place / "merged")
        merged = place / "merged"
        assert (merged / "python" / "a").read_text() == "1"
        assert (merged / "python" / "both").read_text() == "2"
        assert (merged / "python" / "b").read_text() == "2"
        assert (merged / "lib" / "link").readlink() == Path("b")
        assert (merged / "python").stat().st_mode & 0o777 == 0o555
        assert (merged / "python" / "both").stat().st_mode & 0o777 == 0o444

    assert as_a_user(steps)


def test_a_directory_takes_the_place_of_a_file_and_the_other_way_round(place):
    def steps():
        first = layer(place, "first", thing="file", other__inner="1", linked="->/etc")
        second = layer(place, "second", thing__inner="2", other="file", linked__inner="2")
        merge([first, second], place / "merged")
        assert (place / "merged" / "thing" / "inner").read_text() == "2"
        assert (place / "merged" / "other").read_text() == "file"
        assert not (place / "merged" / "linked").is_symlink()
        assert (place / "merged" / "linked" / "inner").read_text() == "2"

    assert as_a_user(steps)


def test_the_layers_themselves_stay_as_they_are(place):
    first, second = layer(place, "first", a="1"), layer(place, "second", a="2")
    merge([first, second], place / "merged")
    assert [(one / "a").read_text() for one in (first, second)] == ["1", "2"]
