"""Which backend runs what: the router over fakes."""

import asyncio

import pytest

from lambdalab.clock import FakeClock
from lambdalab.errors import EngineUnavailable, ImageUnavailable, RuntimeUnavailable
from lambdalab.model.image import Image
from lambdalab.runtimes.backends import routing
from lambdalab.runtimes.backends.base import Place
from lambdalab.runtimes.backends.routing import Backends
from lambdalab.runtimes.interpreters import Interpreter

RUNTIME = "python3.12"


class Images:
    def __init__(self, there, may_be_pulled):
        self.there, self.may_be_pulled, self.pulled = set(there), may_be_pulled, []

    def name(self, runtime):
        return f"images/{runtime}"

    async def find(self, name):
        return "sha256:" + "a" * 64 if name in self.there else None

    async def ensure(self, name):
        if name not in self.there:
            if not self.may_be_pulled:
                raise ImageUnavailable(f"{name} could not be pulled")
            self.pulled.append(name)
            self.there.add(name)
        return await self.find(name)


class Backend:
    fidelity = None

    def __init__(self, name):
        self.name, self.started = name, []

    async def prepare(self, runtime, image=None):
        return Place(self.name)

    async def start(self, spec):
        self.started.append(spec)


class Docker(Backend):
    def __init__(self, images):
        super().__init__("docker")
        self.images, self.asked = images, 0

    async def find(self):
        self.asked += 1
        if self.images is None:
            raise EngineUnavailable("no engine answers")
        return self


class Interpreters:
    def __init__(self, there):
        self.there = there

    async def find(self, runtime):
        if not self.there:
            raise RuntimeUnavailable(f"{runtime} is not on this machine.")
        return Interpreter("/usr/bin/python3.12", "3.12.1", "/usr")


@pytest.fixture(autouse=True)
def a_socket(monkeypatch):
    monkeypatch.setattr(routing.engine, "present", lambda: True)


def routed(setting="auto", *, namespaces=True, interpreter=True, images=None, clock=None):
    local = Backend("sandbox" if namespaces else "process")
    return Backends(
        setting, local, Docker(images), Interpreters(interpreter), clock or FakeClock(), namespaces=namespaces
    )


def place(backends, image=None):
    return asyncio.run(backends.prepare("" if image else RUNTIME, image)).backend


HAS, PULLS, HAS_NOT = (
    (lambda: Images(["images/python3.12"], False)),
    (lambda: Images([], True)),
    (lambda: Images([], False)),
)


@pytest.mark.parametrize(
    ("namespaces", "interpreter", "images", "chosen"),
    [
        (True, True, HAS, "sandbox"),  # the exact interpreter in namespaces comes first
        (True, False, HAS, "docker"),
        (True, False, PULLS, "docker"),  # nothing else runs it: worth a pull
        (False, True, HAS, "docker"),  # better isolated than a process
        (False, True, PULLS, "process"),  # nothing is pulled behind one's back where something runs
        (False, True, lambda: None, "process"),
        (True, True, lambda: None, "sandbox"),
    ],
)
def test_auto_takes_the_best_that_is_there(namespaces, interpreter, images, chosen):
    assert place(routed(namespaces=namespaces, interpreter=interpreter, images=images())) == chosen


@pytest.mark.parametrize(
    ("images", "words"),
    [(HAS_NOT, "Docker does not run it either: images/python3.12 could not"), (lambda: None, "no engine answers")],
)
def test_where_nothing_runs_it_the_error_says_what_each_lacks(images, words):
    with pytest.raises(RuntimeUnavailable) as missing:
        place(routed(interpreter=False, images=images()))
    assert "python3.12 is not on this machine." in str(missing.value)
    assert words in str(missing.value)


def test_without_a_sign_of_docker_its_lack_is_no_part_of_the_error(monkeypatch):
    monkeypatch.setattr(routing.engine, "present", lambda: False)
    backends = routed(interpreter=False)
    with pytest.raises(RuntimeUnavailable) as missing:
        place(backends)
    assert str(missing.value) == "python3.12 is not on this machine."
    assert backends.docker.asked == 0


@pytest.mark.parametrize(("setting", "chosen"), [("namespaces", "sandbox"), ("docker", "docker")])
def test_a_setting_pins_one(setting, chosen):
    backends = routed(setting, images=HAS())
    assert place(backends) == chosen
    assert backends.name == chosen


def test_images_are_dockers_whatever_the_setting():
    assert {
        place(routed(setting, images=HAS()), Image("sha256:x")) for setting in ("auto", "namespaces", "docker")
    } == {"docker"}


def test_it_starts_where_it_was_prepared():
    backends = routed(images=HAS())

    class Spec:
        def __init__(self, backend):
            self.backend = backend

    for name in ("sandbox", "docker"):
        asyncio.run(backends.start(Spec(name)))
    assert [spec.backend for spec in backends.local.started] == ["sandbox"]
    assert [spec.backend for spec in backends.docker.started] == ["docker"]


def test_an_engine_that_does_not_answer_is_not_asked_again_for_a_while():
    clock = FakeClock()
    backends = routed(namespaces=False, clock=clock)
    assert [place(backends) for _ in range(3)] == ["process"] * 3
    assert backends.docker.asked == 1
    clock.jump(60)
    place(backends)
    assert backends.docker.asked == 2


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"images": HAS()}, "/usr/bin/python3.12"),
        ({"images": HAS(), "interpreter": False}, "images/python3.12"),
        ({"images": HAS(), "setting": "docker"}, "images/python3.12"),
    ],
)
def test_what_runs_a_runtime_can_be_told(options, path):
    assert asyncio.run(routed(**options).runner(RUNTIME, pull=False)).path == path


@pytest.mark.parametrize("pull", [True, False])
@pytest.mark.parametrize(
    ("images", "words"),
    [(HAS_NOT, r"images/python3\.12"), (lambda: None, "no engine answers")],
)
def test_what_would_run_a_runtime_is_told_with_what_each_lacks(images, words, pull):
    backends = routed(interpreter=False, images=images())
    with pytest.raises(RuntimeUnavailable, match=rf"not on this machine\. Docker does not run it either: .*{words}"):
        asyncio.run(backends.runner(RUNTIME, pull=pull))


def test_telling_what_runs_a_runtime_pulls_only_when_asked_to():
    backends = routed("docker", images=PULLS())
    with pytest.raises(RuntimeUnavailable, match=r"lambdalab images pull python3\.12"):
        asyncio.run(backends.runner(RUNTIME, pull=False))
    assert backends.docker.images.pulled == []
    assert asyncio.run(backends.runner(RUNTIME, pull=True)).path == "images/python3.12"
