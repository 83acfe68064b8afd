"""What the README prints runs as it is printed, from top to bottom."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from lambdalab.client import region
from lambdalab.config import load
from tests.kernel.conftest import ROOT, TIMEOUT

README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ROW = re.compile(r"^\| `(.+?)` \|", re.MULTILINE)
NOTEBOOK_OR_ROW = re.compile(rf"(?:{BLOCK.pattern})|(?:{ROW.pattern})", re.DOTALL | re.MULTILINE)


def section(title):
    """The README's text under one heading."""
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def cells(text):
    """The cells of a section, in the order of their print: blocks without a language, and the lines of its tables."""
    for language, block, row in NOTEBOOK_OR_ROW.findall(text):
        if row:
            yield row
        elif not language:
            yield from block.rstrip("\n").split("\n\n")


def blocks(text, language):
    return [block for found, block in BLOCK.findall(text) if found == language]


@pytest.fixture
def home(region_home, monkeypatch, tmp_path):
    """A home of its own, as somebody has who begins."""
    monkeypatch.setenv("LAMBDALAB_HOME", str(tmp_path / "home"))
    yield tmp_path / "home"
    region.stop(load())


def test_the_tour_runs_in_the_order_of_its_print_and_once_more(home, run_notebook):
    tour = list(cells(section("A tour")))
    assert len(tour) > 20
    for _ in range(2):
        done = run_notebook(*tour)
        said = {
            cell.source: "".join(output["data"]["text/plain"] for output in cell.outputs if "data" in output)
            for cell in done.cells
        }
        assert said['%lambda publish hello -m "first cut"'].startswith("hello:1 published")
        assert said['%lambda publish hello -m "polite"'].startswith("hello:2 published")
        canary = said["%lambda alias hello production 1 --canary 2=10%"]
        assert canary == "hello:production -> 1 90% + 2 10% (was 1)"
        assert "layers" in said["%lambda config hello --layer common:1 --memory 512"]
        assert said["%lambda delete hello"].startswith("hello deleted")


def test_the_lines_in_plain_python_run(home, tmp_path):
    (code,) = blocks(section("A tour"), "python")
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=TIMEOUT)


@pytest.mark.toolchains
def test_the_lines_for_a_shell_run(home, tmp_path):
    first, url = blocks(section("In a shell: the real tools"), "sh")
    activate, rest = first.split("\n", 1)
    assert activate.startswith(". .venv/bin/activate")  # here it is on the path instead
    clone, made = tmp_path / "clone", tmp_path / "made"
    for folder in (clone, made):
        folder.mkdir()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    lambdalab = f'lambdalab() {{ "{sys.executable}" -m lambdalab.cli "$@"; }}\n'  # this checkout, installed or not
    done = subprocess.run(
        ["sh", "-euc", lambdalab + rest + url],
        cwd=clone, env={**os.environ, "PATH": path, "TMPDIR": str(made)},
        check=True, timeout=TIMEOUT, capture_output=True, text=True,
    )  # fmt: skip
    (answer,) = made.glob("*/out.json")
    assert answer.read_text() == '{"greeting": "hello Ada"}'
    assert list(clone.iterdir()) == []
    assert any(line.startswith("REPORT RequestId: ") for line in done.stdout.splitlines())  # a line for each message
    assert done.stdout.endswith('{"greeting":"hello world"}')


@pytest.mark.toolchains
def test_the_script_answers_one_event_after_another(home, run_notebook):
    (script,) = cells(section("Other languages, packages, images").partition("|---|---|")[2].partition("\n\n")[2])
    call = "r = %lambda invoke shout --set name={}\nprint(r.payload)"
    done = run_notebook("%load_ext lambdalab", script, call.format("Ada"), call.format("Grace"))
    said = [cell.outputs[-1]["text"] for cell in done.cells[2:]]
    assert said == ["{'got': {'name': 'Ada'}}\n", "{'got': {'name': 'Grace'}}\n"]


def test_a_teachers_line_loads_the_extension_in_every_kernel(region_home, monkeypatch, tmp_path):
    (line,) = re.findall(r"`(c\.InteractiveShellApp\.extensions = .+?)`", README)
    profile = tmp_path / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_config.py").write_text(f"c = get_config()\n{line}\n")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%lambda help config")])
    (cell,) = NotebookClient(notebook, timeout=TIMEOUT, kernel_name="python3").execute().cells
    assert "--memory" in cell.outputs[0]["data"]["text/plain"] + cell.outputs[0]["data"]["text/html"]


def test_a_teachers_line_makes_a_failed_call_fail_its_cell(region_home, run_notebook):
    teaching = section("Teach with it")
    assert "`r = %lambda invoke hello`" in teaching
    (line,) = re.findall(r"`(assert r\..+?)`", teaching)
    failing = "%%lambda hello\ndef handler(event, context):\n    raise ValueError('no')\n"
    cells = ("%load_ext lambdalab", failing, "%lambda invoke hello", f"r = %lambda invoke hello\n{line}")
    called, asserted = run_notebook(*cells, allow_errors=True).cells[2:]
    assert [output.output_type for output in called.outputs] == ["execute_result"]
    assert asserted.outputs[-1].evalue.startswith("ValueError('no') at Cell In[2], line 3")
