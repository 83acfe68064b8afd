"""What a region leaves on the engine when it has ended in order, whoever asked for it: nothing."""

import signal
import socket

import pytest

from lambdalab import Lab
from tests.docker.conftest import PREFIX, docker, need_image
from tests.serving import SAYS, Serving, archive

pytestmark = pytest.mark.docker


@pytest.fixture
def serving(tmp_path):
    need_image("python:3.12")
    with Serving(tmp_path, LAMBDALAB_BACKEND="docker", LAMBDALAB_IMAGES=PREFIX, LAMBDALAB_PULL="0") as made:
        yield made


def left_of(pid):
    """All on the engine that the region of this process has made: containers, volumes, networks."""
    kinds = (
        ("container", ("ls", "--all"), "{{.ID}}"),
        ("volume", ("ls",), "{{.Name}}"),
        ("network", ("ls",), "{{.ID}}"),
    )
    found = []
    for kind, words, name in kinds:
        form = f'{name} {{{{.Label "lambdalab.owner"}}}}'
        lines = docker(kind, *words, "--filter", "label=lambdalab.owner", "--format", form).splitlines()
        found += [f"{kind} {one}" for one, owner in map(str.split, lines) if owner.split("/")[2] == str(pid)]
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_in_order_and_nothing_is_left_on_the_engine(serving, number):
    serving.use()
    pid = serving.process.pid
    assert {one.split()[0] for one in left_of(pid)} >= {"container", "volume"}
    serving.process.send_signal(number)
    said = serving.hear()
    assert serving.ends() == 0
    serving.check_order()
    assert not left_of(pid)
    assert " ended after " in said.splitlines()[-1]
    assert "Traceback" not in said


def test_nothing_is_left_of_what_was_being_made_when_it_ended(serving):
    """Right after a call the containers for the next ones are made: calls to the engine are under way."""
    serving.use()
    serving.burst()
    serving.process.send_signal(signal.SIGTERM)
    assert serving.ends() == 0
    assert not left_of(serving.process.pid)


def test_a_pull_that_goes_on_does_not_keep_it(tmp_path):
    need_image("python:3.12")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        prefix = f"127.0.0.1:{silent.getsockname()[1]}/lambda"
        variables = {"LAMBDALAB_BACKEND": "docker", "LAMBDALAB_IMAGES": prefix, "LAMBDALAB_PULL": "1"}
        with Serving(tmp_path, **variables) as serving:
            code, role = {"ZipFile": archive("app.py", SAYS, 0o644)}, "arn:aws:iam::123456789012:role/any"
            Lab(home=tmp_path).client().create_function(
                FunctionName="pulled", Runtime="python3.12", Handler="app.handler", Role=role, Code=code
            )
            silent.settimeout(60)
            asking, _ = silent.accept()  # the engine asks for the image, and hears nothing
            with asking:
                serving.process.send_signal(signal.SIGTERM)
                said = serving.hear()
                assert serving.ends() == 0
            assert " ended after " in said.splitlines()[-1]
            assert not left_of(serving.process.pid)
