"""Images from a registry: pulled with a first call or by the shell command, carried in a file, refused with a reason."""

import json
import os
import socket
import subprocess
import sys
import threading

import pytest

from lambdalab import Lab, config
from lambdalab.errors import AwsError, BadOption
from tests.docker import engines
from tests.docker.conftest import PREFIX, docker, need_image

pytestmark = [pytest.mark.docker, pytest.mark.registry]
SOURCE = "def handler(event, context): return 'pulled'\n"
NEW_MB = 60
"""What a pull has to fetch: layers that no other image of the engine has."""


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    directory = tmp_path_factory.mktemp("registry")
    with engines.registry(directory) as serving:
        yield serving


@pytest.fixture
def prefix(registry, tmp_path, request):
    """A prefix below which the registry has python3.12's image, and the engine has not."""
    base = need_image("python:3.12")
    prefix = f"{registry.address}/{request.node.name.partition('[')[0].replace('_', '-')[:40].strip('-')}"
    name = f"{prefix}/python:3.12"
    (tmp_path / "new").write_bytes(os.urandom(NEW_MB << 20))
    (tmp_path / "Dockerfile").write_text(f"FROM {base}\nCOPY new /var/new\n")
    docker("build", "--quiet", "--tag", name, str(tmp_path))
    docker("push", "--quiet", name)
    _remove(name)
    yield prefix
    _remove(name)


def _remove(name):
    subprocess.run(["docker", "image", "rm", "--force", name], capture_output=True, check=False)


def _has(name):
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True, check=False).returncode == 0


def shell(*words, prefix, **variables):
    """`lambdalab images ...`: its status and all that it said."""
    environment = {**os.environ, "LAMBDALAB_IMAGES": prefix, **variables}
    command = [sys.executable, "-m", "lambdalab.cli", "images", *map(str, words)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stdout + done.stderr


def test_a_first_function_pulls_its_image_and_tells_how_far_it_is(prefix):
    with Lab(isolated=True, backend="docker", images=prefix) as lab:
        assert lab.pulls() == []
        over = threading.Event()
        seen = []

        def look():
            while not over.wait(0.01):
                seen.extend(lab.pulls())

        looking = threading.Thread(target=look)
        looking.start()
        try:
            lab["pulled"].deploy(SOURCE, runtime="python3.12")
        finally:
            over.set()
            looking.join()
        assert lab.pulls() == []
        assert lab["pulled"].invoke().raise_for_error().payload == "pulled"
    assert {one["image"] for one in seen} == {f"{prefix}/python:3.12"}
    told = [one["done_bytes"] for one in seen if one["total_bytes"] > NEW_MB * 1_000_000]
    assert told, "how much there is to fetch was told while it was fetched"
    assert told == sorted(told)


def test_images_are_pulled_saved_and_loaded_where_there_is_no_registry(prefix, tmp_path):
    name, file = f"{prefix}/python:3.12", tmp_path / "images.tar"
    assert shell("pull", "python3.12", prefix=prefix) == (0, f"{name}\n")
    assert _has(name)
    status, said = shell("save", file, prefix=prefix)
    assert (status, said.partition(",")[0]) == (0, f"{file}: {name}")
    _remove(name)
    assert f"{name}\n" in shell("list", prefix=prefix)[1]
    assert shell("load", file, prefix=prefix) == (0, f"{file}: {name}\n")
    _, listed = shell("list", prefix=prefix)
    (line,) = [line for line in listed.splitlines() if line.endswith(name)]
    assert " MB " in line
    with Lab(isolated=True, backend="docker", images=prefix, pull=False) as lab:
        lab["loaded"].deploy(SOURCE, runtime="python3.12")
        assert lab["loaded"].invoke().raise_for_error().payload == "pulled"


def test_a_file_that_is_no_image_or_ends_early_is_refused(tmp_path, registry):
    file = tmp_path / "images.tar"
    file.write_bytes(b"no archive")
    status, said = shell("load", file, prefix=registry.address)
    assert status != 0
    assert f"{file} could not be loaded: " in said
    assert "`lambdalab images save`" in said
    status, said = shell("save", tmp_path / "nowhere" / "images.tar", PREFIX + "/python:3.12", prefix=PREFIX)
    assert (status, "No such file or directory" in said) == (1, True)


def refused(prefix, runtime="python3.12"):
    """What the notebook's people read, which is what the shell says too."""
    with Lab(isolated=True, backend="docker", images=prefix) as lab, pytest.raises(AwsError) as error:
        lab["refused"].deploy(SOURCE, runtime=runtime)
    status, said = shell("pull", runtime, prefix=prefix)
    assert (status, str(error.value) in said) == (1, True), said
    return str(error.value)


def test_an_image_that_the_registry_does_not_have_is_named(registry):
    said = refused(f"{registry.address}/empty")
    assert f"{registry.address}/empty/python:3.12 could not be pulled: the registry does not have it" in said
    assert "`lambdalab images load`" in said
    assert "LAMBDALAB_IMAGES" in said


def test_a_registry_that_is_not_there_is_told_from_one_without_the_image():
    address = f"127.0.0.1:{engines.free_port()}"
    said = refused(f"{address}/lambda")
    assert f"{address}/lambda/python:3.12 could not be pulled: the engine reaches no registry" in said
    assert "connection refused" in said
    assert "`lambdalab images load`" in said


def test_a_registry_without_tls_elsewhere_says_how_an_engine_is_made_to_trust_it(tmp_path):
    # Docker trusts whatever is at 127.0.0.1; the bridge's own address is another machine's to it.
    gateway = json.loads(docker("network", "inspect", "bridge"))[0]["IPAM"]["Config"][0]["Gateway"]
    try:
        socket.create_server((gateway, 0)).close()
    except OSError:
        pytest.skip(f"the engine's bridge, {gateway}, is not this machine's")
    with engines.registry(tmp_path, gateway) as serving:
        said = refused(f"{serving.address}/lambda")
    assert "the engine does not trust the registry" in said
    assert f'"insecure-registries": ["{serving.address}"]' in said


def test_a_registry_that_wants_a_password_says_how_to_give_one(tmp_path):
    (tmp_path / "names").write_text("somebody:$2y$05$0123456789012345678901234567890123456789012345678901\n")
    with engines.registry(tmp_path, auth=tmp_path / "names") as serving:
        said = refused(f"{serving.address}/lambda")
    assert "the registry refused" in said
    assert f"`docker login {serving.address}`" in said


@pytest.mark.parametrize("prefix", ["http://mirror.example/lambda", "mirror.example/Lambda", "mirror.example/a b"])
def test_a_prefix_that_cannot_stand_before_a_name_is_refused_with_the_rule(prefix):
    with pytest.raises(BadOption, match="a registry's host and a path in small letters, without http://"):
        config.load({"LAMBDALAB_IMAGES": prefix})


@pytest.mark.parametrize(
    "prefix", ["lambdalab-test", "public.ecr.aws/lambda", "Mirror.example:5000/a/b-c", "host:5000"]
)
def test_a_prefix_is_a_host_or_a_path_or_both(prefix):
    assert config.load({"LAMBDALAB_IMAGES": prefix}).images == prefix


def test_somebody_who_may_not_use_the_socket_is_told_how_to_be_let_in():
    if os.geteuid() != 0:
        pytest.skip("only root becomes somebody else")
    script = (
        "import os\n"
        "from lambdalab.errors import EngineUnavailable\n"
        "from lambdalab.runtimes.backends.docker import engine, sdk\n"
        "import docker.context, docker.tls\n"  # what is imported later, nobody else may read
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: engine.connect({'DOCKER_HOST': 'unix:///var/run/docker.sock'})\n"
        "except EngineUnavailable as problem: print(problem)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert "No Docker engine answers at unix:///var/run/docker.sock (permission denied)" in done.stdout, done.stderr
    assert "usermod -aG docker" in done.stdout
