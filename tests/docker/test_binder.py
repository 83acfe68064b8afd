"""What Binder is: uid 1000, Docker's default seccomp profile, no network, no Docker, 2 GB.

The container has this machine's Python and this environment's packages; its own system is a bare Debian.
"""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker
ROOT = Path(__file__).parents[2]
IMAGE = os.environ.get("LAMBDALAB_TEST_IMAGE", "lambdalab-test-base")
PYTHON = f"python3.{sys.version_info.minor}"
HOME = "/home/jovyan"


def in_container(*command, timeout=240):
    """Run a command as Binder would; the whole output, and its status."""
    environment = {
        "HOME": HOME,
        "PATH": "/opt/python/bin:/usr/bin:/bin",
        "PYTHONPATH": "/opt/lambdalab:/opt/site",
        "LD_LIBRARY_PATH": "/opt/python/lib",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    docker = [
        "docker", "run", "--rm", "--network", "none", "--user", "1000:1000", "--memory", "2g", "--workdir", HOME,
        "--tmpfs", f"{HOME}:uid=1000,gid=1000,mode=755,size=512m",
        "--volume", f"{sys.base_prefix}:/opt/python:ro",
        "--volume", f"{sysconfig.get_path('purelib')}:/opt/site:ro",
        "--volume", f"{ROOT}:/opt/lambdalab:ro",
        *(word for name, value in environment.items() for word in ("--env", f"{name}={value}")),
        IMAGE, *command,
    ]  # fmt: skip
    return subprocess.run(docker, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.fixture(scope="module", autouse=True)
def image():
    if subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, check=False).returncode:
        pytest.fail(f"there is no image {IMAGE}; .ci/run makes it") if _required() else pytest.skip(f"no image {IMAGE}")


def _required():
    return "docker" in os.environ.get("LAMBDALAB_REQUIRE", "")


def test_the_first_lab_runs():
    done = in_container(
        PYTHON, "-m", "lambdalab.cli", "lab", "--headless", "/opt/lambdalab/labs/01-first-function.ipynb"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "REPORT RequestId: " in done.stdout
    assert "cost: $" in done.stdout
    assert "cells ran in" in done.stdout


def test_doctor_says_which_isolation_it_has():
    done = in_container(PYTHON, "-m", "lambdalab.cli", "doctor", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["backend"] == "process"
    sandbox = next(level for level in report["levels"] if level["backend"] == "sandbox")
    assert not sandbox["available"]
    assert "bubblewrap" in sandbox["reason"]
    found = [one["name"] for one in report["runtimes"] if not one["problem"]]
    assert [name for name in found if not name.startswith("provided")] == [PYTHON]  # those bring their program


def test_limits_hold_there_too():
    script = """
from lambdalab import Lab
with Lab(isolated=True) as lab:
    lab["hog"].deploy("def handler(e, c):\\n    kept = []\\n    for _ in range(40): kept.append(b'x' * 10_000_000)\\n")
    hog = lab["hog"].invoke()
    print(hog, hog.log)
    lab["exit"].deploy("import os\\ndef handler(e, c): os._exit(3)\\n")
    print(lab["exit"].invoke().error.message)
    lab["slow"].deploy("def handler(e, c):\\n    while True: pass\\n", timeout=1)
    print(lab["slow"].invoke())
    lab["snoop"].deploy("import os\\ndef handler(e, c):\\n    try: return os.listdir(e)\\n    except OSError as why: return str(why)\\n")
    print(lab["snoop"].invoke(str(lab.settings.home)).payload)
"""
    done = in_container(PYTHON, "-c", script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hog:$LATEST out of memory at 128 MB" in done.stdout
    assert "Memory Size: 128 MB\tMax Memory Used: 128 MB" in done.stdout
    assert "Runtime exited with error: exit status 3" in done.stdout
    assert "slow:$LATEST timeout after 1.00 s" in done.stdout
    assert "Permission denied" in done.stdout
