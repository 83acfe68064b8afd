"""Real kernels, against one region in a home of its own that ends with the tests."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
TIMEOUT = 90


@dataclass(frozen=True)
class Run:
    """What one cell did: its reply's status, its outputs as nbformat has them, and its reply."""

    status: str
    outputs: list
    reply: dict

    @property
    def kinds(self):
        return [output["output_type"] for output in self.outputs]

    @property
    def text(self):
        return "".join(output.get("data", {}).get("text/plain", output.get("text", "")) for output in self.outputs)

    @property
    def html(self):
        return "".join(output.get("data", {}).get("text/html", "") for output in self.outputs)

    @property
    def error(self):
        (error,) = [output for output in self.outputs if output["output_type"] == "error"]
        return error


class Kernel:
    """A running kernel; every wait is bounded."""

    def __init__(self):
        self.manager, self.client = start_new_kernel(kernel_name="python3", startup_timeout=TIMEOUT)

    def run(self, code, *, on_output=lambda message: None):
        outputs = []

        def hook(message):
            on_output(message)
            kind = message["msg_type"]
            if kind == "clear_output":
                outputs.clear()
            elif kind in ("execute_result", "display_data", "stream", "error"):
                outputs.append(nbformat.v4.output_from_msg(message))

        reply = self.client.execute_interactive(code, output_hook=hook, timeout=TIMEOUT, allow_stdin=False)
        return Run(reply["content"]["status"], outputs, reply["content"])

    def value(self, expression):
        reply = self.client.execute_interactive(
            "", user_expressions={"it": expression}, output_hook=lambda message: None, timeout=TIMEOUT
        )
        return reply["content"]["user_expressions"]["it"]["data"]["text/plain"]

    def completions(self, code):
        content = self.client.complete(code, len(code), reply=True, timeout=TIMEOUT)["content"]
        return [code[: content["cursor_start"]] + match for match in content["matches"]]

    def interrupt(self):
        self.manager.interrupt_kernel()

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="session")
def region_home(tmp_path_factory):
    """A home for the kernels' region; the region is stopped when the tests are over."""
    home = tmp_path_factory.mktemp("lab")
    patch = pytest.MonkeyPatch()
    patch.setenv("LAMBDALAB_HOME", str(home))
    patch.setenv("IPYTHONDIR", str(home / "ipython"))
    patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        patch.delenv(name)
    yield home
    subprocess.run([sys.executable, "-m", "lambdalab.cli", "stop"], check=False, timeout=60, capture_output=True)
    patch.undo()


@pytest.fixture(scope="module")
def kernel(region_home):
    """A kernel with the extension loaded."""
    running = Kernel()
    assert running.run("%load_ext lambdalab").outputs == []
    yield running
    running.close()


@pytest.fixture
def run_notebook(region_home, tmp_path):
    """Execute cells with nbclient, as graders do; gives the notebook with its outputs."""

    def execute(*cells, allow_errors=False):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        client = NotebookClient(
            notebook,
            timeout=TIMEOUT,
            startup_timeout=TIMEOUT,
            kernel_name="python3",
            allow_errors=allow_errors,
            resources={"metadata": {"path": str(tmp_path)}},
        )
        return client.execute()

    return execute
