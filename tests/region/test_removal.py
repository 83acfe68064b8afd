"""Homes go whole with those who leave, also where they are not root: packages in them are read-only."""

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import botocore
import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = Path(botocore.__file__).parents[1]
_ABLE = "import subprocess, sys, lambdalab, botocore, click; subprocess.run([sys.executable, '-c', ''], check=True)"
DEPLOY = "lab['f'].deploy('def handler(event, context):\\n    return 1\\n')"


class Person:
    """Whoever runs the tests, or uid 1000 where that is root; with a directory and temporary files of their own."""

    def __init__(self, python, prefix, directory):
        self.directory = directory
        self.home = directory / "home"
        self._command = [*prefix, python]
        self._environment = {
            "PATH": "/usr/bin:/bin", "HOME": str(directory), "TMPDIR": str(directory),
            "LAMBDALAB_HOME": str(self.home), "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": f"{ROOT}:{PACKAGES}",
        }  # fmt: skip

    def run(self, *words):
        return subprocess.run(
            [*self._command, *words], env=self._environment, cwd=self.directory, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip

    def script(self, text):
        return self.run("-c", textwrap.dedent(text))


def _candidates():
    name = f"python3.{sys.version_info.minor}"
    return [sys.executable, *(path for path in (shutil.which(name, path="/usr/local/bin:/usr/bin"),) if path)]


@pytest.fixture(scope="module")
def person():
    directory = Path(tempfile.mkdtemp(prefix="lambdalab-person-", dir="/tmp"))
    prefix = []
    if os.getuid() == 0:
        os.chown(directory, 1000, 1000)
        prefix = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]
    try:
        found = [Person(python, prefix, directory) for python in _candidates()]
        able = [one for one in found if one.run("-c", _ABLE).returncode == 0]
        if not able:
            why = f"no Python that uid 1000 may run with these packages: {', '.join(_candidates())}"
            pytest.fail(why) if "toolchains" in os.environ.get("LAMBDALAB_REQUIRE", "") else pytest.skip(why)
        yield able[0]
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def left(person):
    return [path.name for path in person.directory.iterdir() if path.name.startswith("lambdalab-")]


def test_reset_deletes_the_home_of_a_person_who_is_not_root(person):
    deployed = person.script(f"from lambdalab import lab\n{DEPLOY}")
    assert deployed.returncode == 0, deployed.stderr
    assert person.home.is_dir()
    done = person.run("-m", "lambdalab.cli", "reset", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert not person.home.exists()


def test_an_isolated_lab_leaves_nothing(person):
    done = person.script(
        f"from lambdalab import Lab\nwith Lab(isolated=True) as lab:\n    {DEPLOY}\n    lab['f'].invoke()"
    )
    assert done.returncode == 0, done.stderr
    assert left(person) == []


def test_an_isolated_lab_leaves_nothing_when_its_process_is_killed(person):
    # Killed while the SDK is being compiled for functions, in the background.
    done = person.script(
        f"import os\nfrom lambdalab import Lab\nlab = Lab(isolated=True)\n{DEPLOY}\nlab['f'].invoke()\nos.kill(os.getpid(), 9)"
    )
    assert done.returncode == -9, done.stderr
    deadline = time.monotonic() + 30
    while left(person) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left(person) == []
