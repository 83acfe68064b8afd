"""The shell command's words for what it cannot do, and its help. None of these starts a region."""

import pytest
from click.testing import CliRunner

from lambdalab.cli import main


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("LAMBDALAB_HOME", str(tmp_path / "home"))

    def command(*words):
        done = CliRunner().invoke(main, [str(word) for word in words], prog_name="lambdalab")
        assert not (tmp_path / "home").exists()
        return done

    return command


@pytest.mark.parametrize(
    "content",
    [
        b"hello\n",
        b"",
        b"\xff\xfe",
        b"[]",
        b"3",
        b'{"a": 1}',
        b'{"nbformat": 99}',
        b'{"nbformat": 4, "nbformat_minor": 5, "cells": [{}], "metadata": {}}',
    ],
)
def test_a_file_that_is_no_notebook_is_refused_in_one_line_that_names_it(run, tmp_path, content):
    notes = tmp_path / "notes.txt"
    notes.write_bytes(content)
    done = run("lab", "--headless", notes)
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: {notes} is no notebook; --headless runs one, as JupyterLab saves it")
    assert len(done.output.splitlines()) == 1


def test_a_folder_is_no_notebook(run, tmp_path):
    done = run("lab", "--headless", tmp_path)
    assert (done.exit_code, done.output) == (
        1,
        f"Error: {tmp_path} is a folder; --headless runs one notebook, a file ending in .ipynb.\n",
    )


def test_help_is_the_same_by_word_and_by_option(run):
    assert run("help").output == run("--help").output
    assert "Run the region in the foreground" in run("help").output


def test_a_commands_help_is_the_same_by_word_and_by_option(run):
    for name in ("lab", "images"):
        assert run("help", name).output == run(name, "--help").output
    refused = run("help", "nosuch")
    assert refused.exit_code == 2
    assert "No such command 'nosuch'" in refused.output
