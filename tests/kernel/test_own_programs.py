"""`!aws` and `!lambdalab` are those of the kernel's own environment, however its JupyterLab was started."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from jupyter_client import BlockingKernelClient

from lambdalab import own_programs
from tests.kernel.conftest import TIMEOUT, Kernel

OWN = str(Path(sys.executable).parent)
BARE = "/usr/bin:/bin"
WHERE = "!command -v lambdalab; command -v aws"
BOTH = [f"{OWN}/lambdalab", f"{OWN}/aws"]

pytestmark = pytest.mark.skipif(not Path(OWN, "lambdalab").exists(), reason="lambdalab is not installed here")


@pytest.fixture
def bare_path(region_home, monkeypatch):
    monkeypatch.setenv("PATH", BARE)


def test_the_extension_puts_the_environments_own_programs_first_and_takes_them_away_again(bare_path):
    kernel = Kernel()
    try:
        assert f"{OWN}/lambdalab" not in kernel.run(WHERE).text.split()
        kernel.run("%load_ext lambdalab")
        kernel.run("%reload_ext lambdalab")
        assert kernel.run(WHERE).text.split() == BOTH
        assert kernel.value("__import__('os').environ['PATH']") == repr(f"{OWN}:{BARE}")
        kernel.run("%unload_ext lambdalab")
        assert kernel.value("__import__('os').environ['PATH']") == repr(BARE)
    finally:
        kernel.close()


def test_a_path_that_finds_them_keeps_its_order(tmp_path):
    assert own_programs.on_path(f"/usr/bin:{OWN}") == f"/usr/bin:{OWN}"
    other = tmp_path / "lambdalab"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    assert own_programs.on_path(f"{tmp_path}:{OWN}") == f"{OWN}:{tmp_path}:{OWN}"
    assert own_programs.on_path("") == OWN


def test_a_python_without_the_program_changes_nothing(tmp_path):
    assert own_programs.on_path(BARE, tmp_path) == BARE


@pytest.fixture
def jupyterlab(bare_path, tmp_path, monkeypatch):
    """What `lambdalab lab` starts, told by its options where to listen and by words behind -- what else."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("JUPYTER_TOKEN", raising=False)
    notebook = tmp_path / "mine.ipynb"
    notebook.write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = subprocess.Popen(
        [
            sys.executable, "-m", "lambdalab.cli", "lab", str(notebook), "--no-browser", "--port", str(port),
            "--ip", "127.0.0.1", "--", "--ServerApp.base_url=/mine/", "--IdentityProvider.token=",
            "--ServerApp.disable_check_xsrf=True",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    yield f"http://127.0.0.1:{port}/mine/api"
    started.terminate()
    started.communicate(timeout=TIMEOUT)


def asked(url, data=None):
    """The server's answer, once it listens."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data), timeout=TIMEOUT) as answer:
                return json.loads(answer.read())
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_the_kernels_of_lambdalab_lab_find_them_without_the_extension(jupyterlab, tmp_path):
    asked(f"{jupyterlab}/status")
    kernel = asked(f"{jupyterlab}/kernels", b"{}")
    client = BlockingKernelClient(connection_file=str(tmp_path / "runtime" / f"kernel-{kernel['id']}.json"))
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=TIMEOUT)
        said = []
        client.execute_interactive(
            WHERE, output_hook=lambda message: said.append(message["content"].get("text", "")), timeout=TIMEOUT
        )
    finally:
        client.stop_channels()
    assert "".join(said).split() == BOTH


@pytest.mark.parametrize("words", [["--no-browser"], ["--", "--ServerApp.base_url=/lab1"]])
def test_headless_refuses_what_only_jupyterlab_could_do(words):
    done = subprocess.run(
        [sys.executable, "-m", "lambdalab.cli", "lab", "--headless", *words],
        check=False, capture_output=True, text=True, timeout=TIMEOUT, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 2
    assert f"--headless starts no JupyterLab: {words[-1]} would be for it" in done.stderr
