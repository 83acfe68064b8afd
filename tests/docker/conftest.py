"""What the tests in containers share: an engine, the local images of `.ci/images`, and a region that uses them."""

import os
import subprocess

import pytest

from lambdalab import Lab
from tests.conftest import missing

PREFIX = os.environ.get("LAMBDALAB_TEST_IMAGES", "lambdalab-test")


def docker(*words):
    """Run the docker command; its output."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def need_image(name):
    """Skip, or fail where Docker is required, without an image of `.ci/images`."""
    if why := missing("docker"):
        pytest.skip(why)
    if subprocess.run(["docker", "image", "inspect", f"{PREFIX}/{name}"], capture_output=True, check=False).returncode:
        why = f"no image {PREFIX}/{name}: .ci/images makes it"
        pytest.fail(why) if "docker" in os.environ.get("LAMBDALAB_REQUIRE", "") else pytest.skip(why)
    return f"{PREFIX}/{name}"


@pytest.fixture(scope="module")
def lab():
    """A region of its own whose functions run in containers."""
    need_image("python:3.12")
    with Lab(isolated=True, backend="docker", images=PREFIX, pull=False) as made:
        yield made
