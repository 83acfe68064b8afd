"""What the tests in containers share: an engine, the local images of `.ci/images`, and a region that uses them."""

import os
import socket
import subprocess
import threading

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


@pytest.fixture
def built(lab):
    """Names of image functions whose images go with the test."""
    names = []
    yield names
    for name in names:
        for image in docker("image", "ls", "--quiet", f"lambdalab/{name}").split():
            subprocess.run(["docker", "image", "rm", "--force", image], capture_output=True, check=False)


@pytest.fixture
def far_engine():
    """The engine behind a TCP port: what a remote DOCKER_HOST is."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.2)
    ending = threading.Event()

    def copy(source, target):
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve():
        while not ending.is_set():
            try:
                near, _ = server.accept()
            except TimeoutError:
                continue
            far = socket.socket(socket.AF_UNIX)
            far.connect("/var/run/docker.sock")
            for pair in ((near, far), (far, near)):
                threading.Thread(target=copy, args=pair, daemon=True).start()

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
    ending.set()
    thread.join()
    server.close()
