"""Engines that are reached in other ways than by Docker's own socket: TLS, ssh, Podman. Each is a real one."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import textwrap
from pathlib import Path

import pytest

from lambdalab import Lab
from lambdalab.errors import AwsError, EngineUnavailable
from lambdalab.runtimes.backends.docker import engine
from tests.docker import engines
from tests.docker.conftest import PREFIX, docker, need_image

pytestmark = pytest.mark.docker
RUNTIME = "python3.12"
SOURCE = """
import os, socket, time
def handler(event, context):
    print("said", event)
    if event == "exit": os._exit(3)
    return [event, os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")[0]]
"""


@pytest.fixture
def named(monkeypatch):
    """Names an engine by variables, as a shell would."""

    def name(variables):
        for variable in ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONTEXT"):
            monkeypatch.delenv(variable, raising=False)
        for variable, value in variables.items():
            monkeypatch.setenv(variable, str(value))

    return name


def why_not(environ):
    """What is said of an engine that does not answer."""
    with pytest.raises(EngineUnavailable) as refused:
        engine.connect(environ)
    return str(refused.value)


def gateway_of_the_labs_network():
    return json.loads(docker("network", "inspect", "lambdalab"))[0]["IPAM"]["Config"][0]["Gateway"]


# -- TLS


@pytest.fixture(scope="module")
def behind_tls(tmp_path_factory):
    image = need_image("go-scratch:1")
    with engines.tls_engine(tmp_path_factory.mktemp("tls")) as serving:
        saved = subprocess.run(["docker", "save", image], capture_output=True, check=True).stdout
        environment = {**os.environ, **serving.variables}
        subprocess.run(["docker", "load", "--quiet"], input=saved, env=environment, capture_output=True, check=True)
        yield serving


@pytest.mark.tls
def test_functions_run_on_an_engine_behind_tls(behind_tls, named, monkeypatch):
    # As on many machines, and requests would go by it rather than by the engine's own authority.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(behind_tls.directory / "stranger" / "cert.pem"))
    named(behind_tls.variables)
    with Lab(isolated=True, backend="docker", pull=False) as lab:
        lab["far"].deploy_image(uri=f"{PREFIX}/go-scratch:1")
        with pytest.raises(AwsError, match=r"the engine is reached over the network.*LAMBDALAB_DOCKER_CALLBACK="):
            lab["far"].invoke({"n": 1})
        gateway = gateway_of_the_labs_network()
    with Lab(isolated=True, backend="docker", pull=False, docker_callback=gateway) as lab:
        lab["far"].deploy_image(uri=f"{PREFIX}/go-scratch:1")
        first = lab["far"].invoke({"n": 1})
        assert first.raise_for_error().payload["event"] == {"n": 1}
        assert "asked of the engine" in first.record.fidelity.memory
        assert lab["far"].invoke({"n": 2}).record.environment_id == first.record.environment_id


@pytest.mark.tls
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"DOCKER_CERT_PATH": "stranger"}, "TLS: "),
        ({"DOCKER_CERT_PATH": "own-authority"}, "(TLS: certificate verify failed"),
        ({"DOCKER_CERT_PATH": "nowhere"}, "which DOCKER_CERT_PATH names, has no ca.pem, no cert.pem, no key.pem"),
        ({"DOCKER_HOST": "localhost"}, "certificate is not valid for 'localhost'"),
        ({"DOCKER_CERT_PATH": "", "DOCKER_TLS_VERIFY": ""}, "Client sent an HTTP request to an HTTPS server"),
    ],
    ids=["a client that nobody signed", "another authority", "no files", "another host's name", "no TLS"],
)
def test_a_certificate_that_will_not_do_is_told_with_the_rule(behind_tls, changes, words):
    other = behind_tls.directory / "own-authority"
    if not other.exists():
        shutil.copytree(behind_tls.directory / "stranger", other)
        shutil.copy(other / "cert.pem", other / "ca.pem")
    environ = {**behind_tls.variables}
    for name, value in changes.items():
        environ[name] = str(behind_tls.directory / value) if name == "DOCKER_CERT_PATH" and value else value
    if changes.get("DOCKER_HOST"):
        environ["DOCKER_HOST"] = behind_tls.address.replace("127.0.0.1", changes["DOCKER_HOST"])
    said = why_not(environ)
    assert f"No Docker engine answers at {environ['DOCKER_HOST']} (" in said
    assert words in said
    assert "DOCKER_CERT_PATH, a folder with ca.pem, cert.pem and key.pem" in said


# -- ssh


@pytest.fixture(scope="module")
def by_ssh(tmp_path_factory):
    need_image("python:3.12")
    with engines.ssh_server(tmp_path_factory.mktemp("ssh")) as serving:
        yield serving


@pytest.mark.sshd
def test_functions_run_on_an_engine_that_is_reached_by_ssh(lab, by_ssh, named):
    lab["near"].deploy(SOURCE, runtime=RUNTIME)
    lab["near"].invoke().raise_for_error()  # there is a network now
    gateway = gateway_of_the_labs_network()
    named({**by_ssh.variables, "DOCKER_HOST": by_ssh.address})
    with Lab(isolated=True, backend="docker", images=PREFIX, pull=False, docker_callback=gateway) as far:
        far["far"].deploy(SOURCE, runtime=RUNTIME, timeout=20)
        first = far["far"].invoke("one")
        assert first.raise_for_error().payload == ["one", gateway]
        assert "asked of the engine" in first.record.fidelity.memory
        assert far["far"].invoke("two").record.environment_id == first.record.environment_id
        assert "exit status 3" in far["far"].invoke("exit").error.message
        assert far["far"].invoke("three").raise_for_error().payload == ["three", gateway]
        said = [event.message for event in far["far"].logs().events if event.message.startswith("said")]
        assert said == ["said one", "said two", "said exit", "said three"]
        assert len(clients_of(by_ssh)) == 1  # one client carries all of it
    assert not clients_of(by_ssh)


@pytest.mark.sshd
def test_a_killed_region_leaves_no_ssh_client_and_its_directory_goes_with_the_next_connection(by_ssh, named):
    named({**by_ssh.variables, "DOCKER_HOST": by_ssh.address})
    with Lab(isolated=True, backend="docker", images=PREFIX, pull=False) as far:
        far["far"].deploy(SOURCE, runtime=RUNTIME)
        assert len(clients_of(by_ssh)) == 1
        region = far.doctor()["pid"]
        (left,) = Path(tempfile.gettempdir()).glob(f"lambdalab-ssh-{region}-*")
        os.kill(region, signal.SIGKILL)
        engines.until(lambda: not clients_of(by_ssh))
        assert far.doctor()["pid"] != region  # another region, which looks for the engine too
        assert not left.exists()


@pytest.mark.sshd
def test_a_connection_that_breaks_is_made_again(by_ssh, monkeypatch):
    monkeypatch.setenv("PATH", by_ssh.variables["PATH"])
    found = engine.connect({"DOCKER_HOST": by_ssh.address})
    try:
        (client,) = clients_of(by_ssh)
        os.kill(client, signal.SIGKILL)
        engines.until(lambda: found._way._client.poll() is not None)
        assert found._do(found.api.version)["ApiVersion"]
        assert clients_of(by_ssh) != [client]
    finally:
        found.close()
    assert not clients_of(by_ssh)


def clients_of(serving):
    """The ssh clients whose server this is."""
    port = serving.address.rpartition(":")[2]
    found = subprocess.run(["pgrep", "--full", f"^[^ ]*ssh .*-p {port} "], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


@pytest.mark.sshd
@pytest.mark.parametrize(
    ("key", "known", "words"),
    [
        ("stranger", "known", "Permission denied (publickey)"),
        ("own", "unknown", "Host key verification failed"),
    ],
)
def test_a_key_or_a_host_that_is_refused_is_told_in_sshs_words(by_ssh, monkeypatch, key, known, words):
    monkeypatch.setenv("PATH", f"{engines.knowing(by_ssh.directory, key, known)}:{os.environ['PATH']}")
    said = why_not({"DOCKER_HOST": by_ssh.address})
    assert f"No Docker engine answers at {by_ssh.address} (" in said
    assert words in said
    assert "ssh-agent, ~/.ssh/config" in said
    assert "~/.ssh/known_hosts" in said


@pytest.mark.sshd
def test_a_socket_that_is_not_there_is_told_from_a_server_that_is_not(by_ssh, monkeypatch):
    monkeypatch.setenv("PATH", by_ssh.variables["PATH"])
    assert "open failed" in why_not({"DOCKER_HOST": f"{by_ssh.address}/nowhere/docker.sock"})
    nobody = f"ssh://127.0.0.1:{engines.free_port()}"
    assert "Connection refused" in why_not({"DOCKER_HOST": nobody})


def test_without_an_ssh_client_the_error_says_how_to_get_one(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    said = why_not({"DOCKER_HOST": "ssh://somebody@far.example"})
    assert "there is no ssh client: `apt install openssh-client` brings it" in said


def test_a_password_in_the_address_is_refused_and_not_repeated():
    said = why_not({"DOCKER_HOST": "ssh://somebody:secret@far.example"})
    assert "without a password" in said
    assert "ssh://somebody:***@far.example" in said
    assert "secret" not in said


def test_a_context_that_is_not_there_is_named():
    said = why_not({"DOCKER_CONTEXT": "nobody-has-this"})
    assert "DOCKER_CONTEXT is 'nobody-has-this'" in said
    assert "docker context ls" in said


# -- Podman


@pytest.fixture(scope="module")
def podman(tmp_path_factory):
    image = need_image("python:3.12")
    with engines.podman(tmp_path_factory.mktemp("podman"), [image]) as serving:
        yield serving


@pytest.mark.podman
def test_functions_run_in_podmans_containers(podman, named):
    named(podman.variables)
    with Lab(isolated=True, backend="docker", images=PREFIX, pull=False) as lab:
        assert "Podman" in next(level["reason"] for level in lab.doctor()["levels"] if level["backend"] == "docker")
        lab["pod"].deploy(SOURCE, runtime=RUNTIME, timeout=20)
        first = lab["pod"].invoke("one")
        assert first.raise_for_error().payload[0] == "one"
        assert [line.split(" ")[0] for line in first.log.splitlines()] == [
            "INIT_START",
            "START",
            "said",
            "END",
            "REPORT",
        ]
        assert first.record.max_memory_mb > 0
        fidelity = first.record.fidelity
        assert "watched every 5 ms" in fidelity.memory
        assert "reach each other" not in fidelity.network
        assert lab["pod"].invoke("two").record.environment_id == first.record.environment_id
        assert "exit status 3" in lab["pod"].invoke("exit").error.message
        assert on(podman, "ps", "--all")
        assert on(podman, "network", "ls", "--filter", "label=lambdalab.owner")
    assert not on(podman, "ps", "--all")
    assert not on(podman, "volume", "ls")
    assert not on(podman, "network", "ls", "--filter", "label=lambdalab.owner")


def on(serving, *words):
    """The ids that the docker command lists of an engine."""
    return engines.run("docker", *words, "--quiet", env={**os.environ, **serving.variables}).split()


@pytest.mark.podman
def test_podmans_containers_do_not_reach_each_other(podman, named):
    named(podman.variables)
    listens = """
    import socket
    server = socket.create_server(("0.0.0.0", 8080))
    def handler(event, context):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("198.51.100.1", 9))
            return probe.getsockname()[0]
    """
    calls = """
    import socket
    def handler(event, context):
        try: socket.create_connection((event, 8080), 1).close()
        except OSError as error: return type(error).__name__
        return "connected"
    """
    with Lab(isolated=True, backend="docker", images=PREFIX, pull=False) as lab:
        for name, source in (("listens", listens), ("calls", calls)):
            lab[name].deploy(textwrap.dedent(source), runtime=RUNTIME, timeout=10)
        address = lab["listens"].invoke().raise_for_error().payload
        assert lab["calls"].invoke(address).raise_for_error().payload in ("TimeoutError", "OSError")


@pytest.mark.podman
def test_a_killed_regions_networks_go_with_the_next_region(podman, named):
    named(podman.variables)
    networks = ("network", "ls", "--filter", "label=lambdalab.owner")
    with Lab(isolated=True, backend="docker", images=PREFIX, pull=False) as killed:
        killed["left"].deploy(SOURCE, runtime=RUNTIME, timeout=20)
        killed["left"].invoke("one").raise_for_error()
        os.kill(killed.doctor()["pid"], signal.SIGKILL)
        left = set(on(podman, *networks))
        assert left
        with Lab(isolated=True, backend="docker", images=PREFIX, pull=False) as following:
            following["next"].deploy(SOURCE, runtime=RUNTIME, timeout=20)
            following["next"].invoke("two").raise_for_error()
            engines.until(lambda: not left & set(on(podman, *networks)))
    assert not on(podman, *networks)


@pytest.mark.podman
def test_a_function_in_podman_finds_its_confinement_and_its_bounds(podman, named):
    named(podman.variables)
    source = """
    import os, socket
    kept = []
    def refused(path):
        try: open(path, "w").close()
        except OSError as error: return error.errno
        return "written"
    def handler(event, context):
        for _ in range(event): kept.append(bytearray(b"x" * 10_000_000))
        status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
        space = os.statvfs("/tmp")
        try:
            with open("/tmp/big", "wb") as file:
                for _ in range(600): file.write(b"x" * (1 << 20))
            filled = "held"
        except OSError as error: filled = error.errno
        return {
            "ids": [os.getuid(), os.getgid()], "capabilities": int(status["CapEff"], 16), "pid": os.getpid() != 1,
            "no_new": status["NoNewPrivs"].strip(), "seccomp": status["Seccomp"].strip(),
            "written": sorted({refused("/var/task/x"), refused("/x"), refused("/etc/x")} - {13, 30}),
            "tmp_mb": space.f_blocks * space.f_frsize >> 20, "filled": filled, "cwd": os.getcwd(),
        }
    """
    with Lab(isolated=True, backend="docker", images=PREFIX, pull=False) as lab:
        lab["within"].deploy(textwrap.dedent(source), runtime=RUNTIME, timeout=30)
        assert lab["within"].invoke(0).raise_for_error().payload == {
            "ids": [993, 990], "capabilities": 0, "pid": True, "no_new": "1", "seccomp": "2", "written": [],
            "tmp_mb": 512, "filled": 28, "cwd": "/var/task",
        }  # fmt: skip
        hog = lab["within"].invoke(40)
        assert hog.error.type == "Runtime.OutOfMemory"
        assert hog.record.max_memory_mb == 128


@pytest.mark.podman
def test_a_dockerfile_builds_in_podman_and_its_failing_line_is_named(podman, named):
    from lambdalab.client.image import ImageBuildError

    named(podman.variables)
    base = "FROM public.ecr.aws/lambda/python:3.12\n"
    with Lab(isolated=True, backend="docker", images=PREFIX, pull=False) as lab:
        lab["built"].deploy_image(
            f'{base}COPY app.py ${{LAMBDA_TASK_ROOT}}\nCMD ["app.handler"]\n', files={"app.py": SOURCE.encode()}
        )
        assert lab["built"].invoke("one").raise_for_error().payload[0] == "one"
        with pytest.raises(ImageBuildError) as failed:
            lab["broken"].deploy_image(f"# a comment\n{base}\nRUN echo said \\\n  && false\n")
        assert failed.value.line == 4
