"""The command for an extra: for an index, a clone, a wheel, a repository, and for what is installed here."""

import json
import subprocess
import sys
import zipfile
from importlib import metadata

import pytest

from lambdalab import extras


def clone(tmp_path):
    folder = tmp_path / "my clone"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[project]\nname = 'lambdalab'\n")
    return folder


def test_from_an_index_the_name_is_enough():
    assert extras.words_for("aws", None) == "'lambdalab[aws]'"


@pytest.mark.parametrize(("info", "option"), [({"editable": True}, "-e "), ({}, "")])
def test_from_a_clone_it_is_the_clone_again(tmp_path, info, option):
    folder = clone(tmp_path)
    said = extras.words_for("aws", {"url": folder.as_uri(), "dir_info": info})
    assert said == f"{option}'{folder}[aws]'"


def test_a_clone_that_is_gone_is_not_named(tmp_path):
    assert extras.words_for("aws", {"url": (tmp_path / "gone").as_uri(), "dir_info": {}}) == "'lambdalab[aws]'"


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        (
            {"url": "file:///there/lambdalab-1-py3-none-any.whl", "archive_info": {}},
            "file:///there/lambdalab-1-py3-none-any.whl",
        ),
        (
            {"url": "https://git.example/lambdalab.git", "vcs_info": {"vcs": "git", "commit_id": "ab12"}},
            "git+https://git.example/lambdalab.git@ab12",
        ),
    ],
)
def test_from_elsewhere_it_is_the_same_place_again(origin, words):
    assert extras.words_for("docker", origin) == f"'lambdalab[docker] @ {words}'"


def test_the_command_is_of_the_python_that_runs():
    assert extras.how_to_install("aws").startswith(f"{sys.executable} -m pip install ")


def test_what_is_said_for_an_installed_wheel_is_what_pip_noted(tmp_path):
    """With pip itself: it installs a wheel that is called as the lab is, and its note is read by the lab's code."""
    name = tmp_path / "lambdalab-0-py3-none-any.whl"
    about = "lambdalab-0.dist-info"
    with zipfile.ZipFile(name, "w") as made:
        made.writestr("lambdalab_marker.py", "")
        made.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: lambdalab\nVersion: 0\nProvides-Extra: aws\n")
        made.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        made.writestr(f"{about}/RECORD", "")
    there = tmp_path / "there"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target"]
    subprocess.run([*pip, there, name], check=True, capture_output=True)
    (installed,) = metadata.distributions(path=[str(there)], name="lambdalab")
    said = extras.words_for("aws", json.loads(installed.read_text("direct_url.json")))
    assert said == f"'lambdalab[aws] @ {name.as_uri()}'"
    again = tmp_path / "again"
    done = subprocess.run(
        " ".join([*map(str, pip), str(again), said]), shell=True, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
