"""The shell command's words for what it cannot do, and its help. None of these starts a region."""

from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from lambdalab import headless
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
        b'{"nbformat": 4, "nbformat_minor": 5, "cells": [{"cell_type": "code", "outputs": []}], "metadata": {}}',
        b'{"nbformat": 4, "nbformat_minor": 5, "cells": [{"cell_type": "code", "source": 5}], "metadata": {}}',
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


def test_a_notebook_that_does_not_exist_is_told_apart_from_the_first_lab(run, tmp_path):
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "week1.ipynb")
    assert run("lab", tmp_path / "week1").output == (
        f"Error: {tmp_path / 'week1'} does not exist. Did you mean {tmp_path / 'week1.ipynb'}?\n"
    )
    assert f"{tmp_path / 'week2.ipynb'} does not exist. Make it in" in run("lab", tmp_path / "week2.ipynb").output


def test_headless_runs_one_notebook(run, tmp_path):
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "week1.ipynb")
    done = run("lab", "--headless", tmp_path / "week1.ipynb", "week2.ipynb")
    assert f"--headless runs one notebook: {tmp_path / 'week1.ipynb'}, or week2.ipynb." in done.output


def test_help_is_the_same_by_word_and_by_option(run):
    assert run("help").output == run("--help").output
    assert "Run the region in the foreground" in run("help").output


def test_a_commands_help_is_the_same_by_word_and_by_option(run):
    for name in ("lab", "images"):
        assert run("help", name).output == run(name, "--help").output
    refused = run("help", "nosuch")
    assert refused.exit_code == 2
    assert "No such command 'nosuch'" in refused.output


@pytest.mark.parametrize(("words", "group"), [([], main), (["images"], main.commands["images"])])
def test_no_commands_description_is_cut(run, words, group):
    listed = run(*words, "--help").output.partition("Commands:")[2]
    assert len(listed.strip().splitlines()) == len(group.commands)
    assert "..." not in listed


def a_notebook(folder):
    nbformat.write(nbformat.v4.new_notebook(), folder / "week1.ipynb")
    return folder / "week1.ipynb"


def test_what_is_for_headless_is_refused_without_it(run, tmp_path):
    done = run("lab", a_notebook(tmp_path), "--cell-timeout", 5, "--output", tmp_path / "done.ipynb")
    assert done.exit_code == 2
    words = f"--cell-timeout=5 --output={tmp_path / 'done.ipynb'} would be for --headless."
    assert f"Error: JupyterLab runs cells when you do: {words}" in done.output
    assert not (tmp_path / "done.ipynb").exists()


@pytest.mark.parametrize("seconds", ["0", "-1", "1.5", "long"])
def test_a_cells_time_is_a_positive_number(run, tmp_path, seconds):
    done = run("lab", "--headless", a_notebook(tmp_path), "--cell-timeout", seconds)
    assert done.exit_code == 2
    assert "Invalid value for '--cell-timeout'" in done.output


def test_the_help_says_what_a_cell_may_take(run):
    assert "default: 300." in " ".join(run("lab", "--help").output.split())


def test_an_output_that_cannot_be_written_is_refused_before_anything_runs(run, tmp_path):
    notebook = a_notebook(tmp_path)
    missing, folder = tmp_path / "missing", tmp_path / "folder"
    folder.mkdir()
    for output, why in [
        (missing / "done.ipynb", f"{missing} is no folder. Make it first."),
        (folder, "Is a directory."),
        (tmp_path / ("n" * 300), "File name too long."),
    ]:
        done = run("lab", "--headless", notebook, "--output", output)
        assert (done.exit_code, done.output) == (1, f"Error: {output} cannot be written: {why}\n")
    assert sorted(tmp_path.iterdir()) == [folder, notebook]


def test_looking_whether_an_output_can_be_written_changes_nothing(tmp_path):
    there, new = tmp_path / "there.ipynb", tmp_path / "new.ipynb"
    there.write_text("kept")
    for output in (there, new):
        headless.check_writable(output)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("there.ipynb", "kept")]


def test_half_a_surrogate_pair_is_no_reason_to_lose_an_executed_notebook(tmp_path):
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("'\ud83d'")])
    headless.write(document, tmp_path / "done.ipynb")
    assert nbformat.read(tmp_path / "done.ipynb", as_version=4).cells[0].source == "'\ud83d'"


def test_an_executed_notebook_that_cannot_be_written_is_told_in_one_line():
    with pytest.raises(headless.NotebookUnusable, match=r"/dev/full cannot be written: No space left on device\."):
        headless.write(nbformat.v4.new_notebook(), Path("/dev/full"))
