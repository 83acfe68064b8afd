"""What the tests of languages share: functions of any runtime in a real region, and skipping what is not here."""

import asyncio
import contextlib
import io
import itertools
import os
import shutil
import subprocess
import zipfile
from functools import cache

import pytest

from lambdalab.errors import RuntimeUnavailable
from lambdalab.runtimes.interpreters import Interpreters

ROLE = "arn:aws:iam::123456789012:role/lambda-role"
_numbers = itertools.count()


@cache
def _why_not(runtime):
    try:
        asyncio.run(Interpreters().find(runtime))
    except RuntimeUnavailable as why:
        return str(why).partition(". ")[0]
    return None


def needs(runtime):
    """Skip, or fail where toolchains are required, when the runtime's interpreter is not on this machine."""
    if why := _why_not(runtime):
        if "toolchains" in os.environ.get("LAMBDALAB_REQUIRE", ""):
            pytest.fail(f"LAMBDALAB_REQUIRE names toolchains: {why}", pytrace=False)
        pytest.skip(why)


@cache
def _why_no_npm():
    if shutil.which("npm") is None:
        return "npm is not on this machine"
    asked = subprocess.run(["npm", "view", "left-pad@1.3.0", "version"], capture_output=True, timeout=120, check=False)
    return None if asked.returncode == 0 else "npm reaches no packages"


def needs_npm():
    """Skip, or fail where toolchains are required, when npm is not on this machine or has no packages."""
    if why := _why_no_npm():
        if "toolchains" in os.environ.get("LAMBDALAB_REQUIRE", ""):
            pytest.fail(f"LAMBDALAB_REQUIRE names toolchains: {why}", pytrace=False)
        pytest.skip(why)


def zipped(files):
    """A zip of texts or bytes by their paths."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return out.getvalue()


@pytest.fixture
def function(lab):
    """Make a function of `files`; the answer is the client's handle of it. Deleted after the test."""
    api, made = lab.client("lambda"), []

    def make(runtime, files, handler, **more):
        needs(runtime)
        name = f"fn-{next(_numbers)}"
        api.create_function(
            FunctionName=name, Runtime=runtime, Role=ROLE, Handler=handler, Code={"ZipFile": zipped(files)},
            **{"MemorySize": 256, "Timeout": 10, **more},
        )  # fmt: skip
        made.append(name)
        api.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05})
        return lab[name]

    yield make
    for name in made:
        with contextlib.suppress(api.exceptions.ResourceNotFoundException):
            api.delete_function(FunctionName=name)
