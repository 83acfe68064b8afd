"""`lambdalab lab --headless` and the self-check leave nothing behind for somebody's first run."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import nbformat
import psutil
import pytest

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


def notebook_of(path, *sources, tags=()):
    cells = [nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)}) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def real():
    """The environment of a person's own run: ipykernel does not capture its descriptors where pytest names a test."""
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


def headless(*words):
    return subprocess.run(
        [sys.executable, "-m", "lambdalab.cli", "lab", "--headless", *map(str, words)],
        check=False, capture_output=True, text=True, timeout=TIMEOUT, env=real(),
    )  # fmt: skip


SAYS = "import os, sys\nos.write(sys.stderr._original_stdstream_copy, b'of the kernel itself\\n')\n"
"""As ipykernel and ZeroMQ do where an interrupt or a crash meets them."""


def outputs(path):
    """What a grader reads: the outputs of each cell."""
    document = nbformat.read(path, as_version=4)
    nbformat.validate(document)
    return [cell.outputs for cell in document.cells]


def is_gone(pid):
    """Whether the process has ended, within a deadline: who reaps it may take a moment."""
    deadline = time.monotonic() + TIMEOUT
    with contextlib.suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
    return True


ENDLESS = """import os, pathlib, subprocess
from lambdalab import config
from lambdalab.client import region
child = subprocess.Popen(["sleep", "1000"])
pids = [os.getpid(), child.pid, region.find(config.load()).status()["pid"]]
pathlib.Path("pids.new").write_text(" ".join(map(str, pids)))
pathlib.Path("pids.new").rename("pids")
print("begun")
"""
OBEDIENT = "child.wait()"
STUBBORN = "while True:\n    try:\n        child.wait()\n    except BaseException:\n        pass"


@pytest.mark.parametrize("end", [OBEDIENT, STUBBORN])
def test_a_cell_that_takes_too_long_is_one_line_and_leaves_nothing_running(region_home, tmp_path, end):
    notebook = notebook_of(
        tmp_path / "week1.ipynb", "# empty", "\n" + ENDLESS + SAYS + end, "print('never')", tags=["raises-exception"]
    )
    done = headless(notebook, "--cell-timeout", 5, "--output", tmp_path / "done.ipynb")
    said = "cell In[2], 'import os, pathlib, subprocess', took longer than 5 s and was stopped;"
    assert done.returncode == 1
    assert done.stderr == f"Error: {notebook}: {said} --cell-timeout SECONDS sets another limit.\n"
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 3
    assert all(is_gone(pid) for pid in pids)
    _, stopped, never = outputs(tmp_path / "done.ipynb")
    assert stopped[0].text == "begun\n"
    assert stopped[-1].ename == "CellTimeoutError"
    assert stopped[-1].evalue.startswith(said)
    assert never == []


def test_a_kernel_that_ends_is_one_line_that_names_the_cell(region_home, tmp_path):
    notebook = notebook_of(tmp_path / "week1.ipynb", "import os", "os._exit(1)")
    done = headless(notebook, "--output", tmp_path / "done.ipynb")
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {notebook}: cell In[2], 'os._exit(1)', ended the kernel: ")
    assert len(done.stderr.splitlines()) == 1
    assert outputs(tmp_path / "done.ipynb")[1][-1].ename == "DeadKernelError"


def test_what_the_kernel_says_as_it_ends_is_shown(region_home, tmp_path):
    done = headless(notebook_of(tmp_path / "week1.ipynb", SAYS + "os.abort()"))
    said, error = done.stderr.splitlines()
    assert said == "of the kernel itself"
    assert "cell In[1], 'import os, sys', ended the kernel: " in error


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_is_one_line_and_keeps_what_ran(region_home, tmp_path, sent):
    notebook = notebook_of(tmp_path / "week1.ipynb", "1 + 1", ENDLESS + OBEDIENT, tags=["raises-exception"])
    with subprocess.Popen(
        [sys.executable, "-m", "lambdalab.cli", "lab", "--headless", notebook, "--output", tmp_path / "done.ipynb"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=real(),
    ) as run:  # fmt: skip
        deadline = time.monotonic() + TIMEOUT
        while not (tmp_path / "pids").exists():
            assert run.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(run.pid, sent)
        _, said = run.communicate(timeout=TIMEOUT)
    assert run.returncode == 1
    assert (
        said
        == f"Error: {notebook}: cell In[2], 'import os, pathlib, subprocess', was running when the run was interrupted.\n"
    )
    assert all(is_gone(int(pid)) for pid in (tmp_path / "pids").read_text().split())
    two, stopped = outputs(tmp_path / "done.ipynb")
    assert two[0].data["text/plain"] == "2"
    assert stopped[-1].ename == "KeyboardInterrupt"


def test_the_executed_notebook_is_written_also_when_a_cell_fails_and_has_no_older_outputs(region_home, tmp_path):
    document = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in ("1 + 1", "1 / 0", "'never'")]
    )
    for cell in document.cells:
        cell.outputs = [nbformat.v4.new_output("stream", text="of another day")]
    nbformat.write(document, tmp_path / "week1.ipynb")
    kept = (tmp_path / "week1.ipynb").read_bytes()
    done = headless(tmp_path / "week1.ipynb", "--output", tmp_path / "done.ipynb")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    two, error, never = outputs(tmp_path / "done.ipynb")
    assert two[0].data["text/plain"] == "2"
    assert error[0].ename == "ZeroDivisionError"
    assert never == []
    assert (tmp_path / "week1.ipynb").read_bytes() == kept


def test_a_notebook_that_cannot_be_written_hides_no_cell_that_failed(region_home, tmp_path):
    done = headless(notebook_of(tmp_path / "week1.ipynb", "1 / 0"), "--output", "/dev/full")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert done.stderr.endswith("/dev/full cannot be written: No space left on device.\n")


def test_the_notebook_itself_may_be_the_output(region_home, tmp_path):
    notebook = notebook_of(tmp_path / "week1.ipynb", "1 + 1")
    done = headless(notebook, "--output", notebook)
    assert done.returncode == 0, done.stderr
    assert outputs(notebook)[0][0].data["text/plain"] == "2"
