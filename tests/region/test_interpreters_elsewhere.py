"""Interpreters are where people put them, also where a sandbox shows something else."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from lambdalab import Lab
from lambdalab.runtimes.interpreters import candidates

pytestmark = pytest.mark.toolchains
SOURCE = """
import os, sys, ctypes, json
def handler(event, context):
    try:
        import layered
    except ImportError:
        layered = None
    return {"version": sys.version_info[1], "tmp": os.listdir(os.environ.get("TMPDIR", "/tmp")),
            "named": os.environ["NAMED"], "layer": layered and layered.X}
"""


@pytest.fixture(params=["/tmp", "/opt"])
def copied(request):
    """A copy of this machine's Python 3.12 below the directory, as somebody might install it there."""
    real = next(path for path in candidates("python3.12") if path.exists()).resolve()
    place = Path(tempfile.mkdtemp(prefix="lambdalab-interpreter-", dir=request.param))
    place.chmod(0o755)
    try:
        (place / "bin").mkdir()
        shutil.copy2(real, place / "bin" / "python3.12")
        shutil.copytree(
            real.parents[1] / "lib", place / "lib", symlinks=True, copy_function=_link,
            ignore=shutil.ignore_patterns("test", "site-packages", "__pycache__", "*.a", "config-*"),
        )  # fmt: skip
        yield place
    finally:
        shutil.rmtree(place)


def _link(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def test_a_sandbox_runs_an_interpreter_from_there(copied, monkeypatch):
    monkeypatch.setenv("LAMBDALAB_RUNTIME_PYTHON3_12", str(copied / "bin" / "python3.12"))
    with Lab(isolated=True, backend="namespaces") as lab:
        lab.layer("layer").publish_module("X = 'from the layer'\n", module="layered")
        lab["f"].deploy(SOURCE, runtime="python3.12", env={"NAMED": f"{copied}/data"})
        lab["f"].configure(layers=["layer:1"])
        result = lab["f"].invoke()
        assert result.payload == {
            "version": 12, "tmp": [], "named": f"{copied}/data", "layer": "from the layer"
        }, result  # fmt: skip


PACKAGED = sorted(Path("/usr/lib/jvm").glob("java-*-openjdk-*/bin/java"))
ECHO = """
import com.amazonaws.services.lambda.runtime.*;
public class Handler implements RequestHandler<String, String> {
    public String handleRequest(String event, Context context) { return event; }
}
"""


@pytest.mark.skipif(not PACKAGED, reason="no JVM of a distribution's, whose configuration lies in /etc")
@pytest.mark.parametrize("backend", ["namespaces", "process"])
def test_a_distributions_java_finds_its_configuration(backend, monkeypatch):
    java = PACKAGED[-1]
    runtime = f"java{java.parts[4].split('-')[1]}"
    monkeypatch.setenv(f"LAMBDALAB_RUNTIME_{runtime.upper()}", str(java))
    with Lab(isolated=True, backend=backend) as lab:
        lab["f"].deploy(ECHO, runtime=runtime, memory=512, timeout=20)
        assert lab["f"].invoke("heard").raise_for_error().payload == "heard"
