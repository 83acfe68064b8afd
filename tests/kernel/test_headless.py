"""`lambdalab lab --headless` and the self-check leave nothing behind for somebody's first run."""

import subprocess
import sys

import nbformat

from lambdalab import cli
from lambdalab.client.lab import Lab
from tests.kernel.conftest import TIMEOUT

CELLS = [
    "%load_ext lambdalab\nfrom lambdalab import lab\nassert not lab.functions()",
    "%%lambda hello\ndef handler(event, context):\n    return event",
    "import boto3\n(one,) = boto3.client('lambda').list_functions()['Functions']\nassert one['FunctionName'] == 'hello'",
    "r = %lambda invoke hello\nassert r.init_ms",
]


def test_each_headless_run_has_a_region_of_its_own_and_the_persons_home_is_not_touched(
    region_home, monkeypatch, tmp_path
):
    monkeypatch.setenv("LAMBDALAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    notebook = tmp_path / "week1.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS]), notebook)
    kept = notebook.read_bytes()
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "lambdalab.cli", "lab", "--headless", str(notebook)],
            check=False, capture_output=True, text=True, timeout=TIMEOUT,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{notebook}: 4 cells ran in " in done.stdout
    assert notebook.read_bytes() == kept
    assert not (tmp_path / "home").exists()
    assert not list((tmp_path / "tmp").glob("lambdalab-*"))


def test_the_self_check_takes_its_function_and_its_log_away(capsys):
    with Lab(isolated=True) as lab:
        cli._self_check(lab)
        assert "REPORT RequestId: " in capsys.readouterr().out
        assert not lab.functions()
        assert lab.client("logs").describe_log_groups()["logGroups"] == []
