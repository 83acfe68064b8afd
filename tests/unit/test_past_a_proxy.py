"""The region is on this machine: what points at it keeps to that where a proxy is set for everything else."""

import pytest

from lambdalab.client.keys import Credentials
from lambdalab.client.region import RunningRegion, environment
from lambdalab.notebook.aws_environment import AwsEnvironment

FOUND = RunningRegion("http://127.0.0.1:1", 1, Credentials("LKIA", "secret"), "123456789012", "us-east-1")
BOTH = ("NO_PROXY", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in BOTH:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("given", "upper", "lower"),
    [
        ({}, "127.0.0.1,localhost", "127.0.0.1,localhost"),
        ({"NO_PROXY": "corp.example"}, "corp.example,127.0.0.1,localhost", "corp.example,127.0.0.1,localhost"),
        ({"no_proxy": "a, localhost"}, "a, localhost,127.0.0.1", "a, localhost,127.0.0.1"),
        ({"NO_PROXY": "a", "no_proxy": "b"}, "a,127.0.0.1,localhost", "b,127.0.0.1,localhost"),
        ({"NO_PROXY": "127.0.0.1,localhost"}, "127.0.0.1,localhost", "127.0.0.1,localhost"),
        ({"no_proxy": "*"}, "*", "*"),
    ],
)
def test_this_machine_is_added_to_the_hosts_without_a_proxy(monkeypatch, given, upper, lower):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert [environment(FOUND)[name] for name in BOTH] == [upper, lower]


def point(notebook, environ, monkeypatch):
    """What a line does, the variables being read from the environment that they are put into."""
    for name in BOTH:
        monkeypatch.delenv(name, raising=False)
        if name in environ:
            monkeypatch.setenv(name, environ[name])
    return notebook.use(environment(FOUND))


@pytest.mark.parametrize(
    "before", [{}, {"NO_PROXY": "corp.example"}, {"no_proxy": "a"}, {"NO_PROXY": "a", "no_proxy": ""}]
)
def test_the_notebook_adds_it_once_tells_of_nothing_set_aside_and_puts_the_old_hosts_back(monkeypatch, before):
    environ = dict(before)
    notebook = AwsEnvironment(environ)
    assert point(notebook, environ, monkeypatch) == ()
    added = dict(environ)
    assert all(added[name].endswith("127.0.0.1,localhost") for name in BOTH)
    assert point(notebook, environ, monkeypatch) == ()
    assert environ == added
    notebook.restore()
    assert environ == before


def test_hosts_that_the_reader_sets_in_between_are_added_to_and_put_back(monkeypatch):
    environ = {"NO_PROXY": "old", "no_proxy": "old"}
    notebook = AwsEnvironment(environ)
    point(notebook, environ, monkeypatch)
    environ["NO_PROXY"] = "new"
    del environ["no_proxy"]
    point(notebook, environ, monkeypatch)
    assert [environ[name] for name in BOTH] == ["new,127.0.0.1,localhost"] * 2
    notebook.restore()
    assert environ == {"NO_PROXY": "new"}
