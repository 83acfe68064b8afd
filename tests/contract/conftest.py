"""The engine on each backend with every runtime: real programs for the real ones, coroutines for the fake.

A runtime that is not on this machine is skipped, with what was looked for; `LAMBDALAB_REQUIRE=toolchains` makes
that a failure for the runtimes of `REQUIRED`. In Docker a runtime needs an image of `.ci/images` instead;
`LAMBDALAB_REQUIRE=docker` makes it a failure for those of `REQUIRED` that it is not there.
"""

import asyncio
import gc
import os
import subprocess
import sys
import tempfile
import uuid
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import uvloop

from lambdalab.clock import SystemClock
from lambdalab.engine.dispatch import Dispatcher
from lambdalab.engine.environments import Environments
from lambdalab.engine.logs import LogStore
from lambdalab.engine.request import Request
from lambdalab.errors import RuntimeUnavailable
from lambdalab.model import runtime
from lambdalab.model.function import LATEST, CodeReference, FunctionKey, FunctionVersion
from lambdalab.runtimes import catalogue
from lambdalab.runtimes.backends import probe, processes
from lambdalab.runtimes.backends.base import Exit
from lambdalab.runtimes.backends.docker.backend import DockerSettings
from lambdalab.runtimes.backends.fake import FakeBackend, FakeExit
from lambdalab.runtimes.backends.supervisor import Supervisor
from lambdalab.runtimes.interpreters import Interpreters
from tests.conftest import missing
from tests.contract.languages import Missing, languages, tested_runtimes
from tests.tables import RUNTIMES as RUNTIMES_TABLE
from tests.tables import Found

HERE = f"python3.{sys.version_info.minor}"
RUNTIMES = tested_runtimes()
MACHINE = [(backend, name) for backend in ("namespaces", "process") for name in RUNTIMES]
DOCKER = [pytest.param(("docker", name), marks=pytest.mark.docker) for name in RUNTIMES]
IN_DOCKER, IMAGES_PYTHON = "python3.12", "/var/lang/bin/python3.12"
IMAGES = os.environ.get("LAMBDALAB_TEST_IMAGES", "lambdalab-test")


async def _echo(event, context):
    return event


async def _fails(event, context):
    raise ValueError("no " + event["what"])


async def _exits(event, context):
    raise FakeExit(Exit("exited", status=3))


async def _crashes(event, context):
    raise FakeExit(Exit("signal", signal=11))


async def _hangs(event, context):
    await asyncio.Event().wait()


async def _writes(event, context):
    context.write("written")


async def _big(event, context):
    return "x" * (6 * 1024 * 1024 + 200)


async def _waits(event, context):
    await asyncio.sleep(0.4)
    return "waited"


async def _counts(event, context):
    context.globals["calls"] = context.globals.get("calls", 0) + 1
    return context.globals["calls"]


async def _hogs(event, context):
    raise FakeExit(Exit("out_of_memory", signal=9))


async def _keeps(event, context):
    before = "kept" in context.globals
    context.globals["kept"] = True
    return before


async def _environment(event, context):
    return dict(context.spec.environment)


async def _layered(event, context):
    return "from the layer"


FAKE_HANDLERS = {
    f"app.{name[1:]}": handler
    for name, handler in globals().items()
    if name.startswith("_") and asyncio.iscoroutinefunction(handler)
}


REQUIRED = frozenset(
    [
        *(f"python3.{minor}" for minor in (9, 10, 11, 12, 13)),
        "provided.al2023",
        "provided.al2",
        "ruby3.3",
        "dotnet8",
        *(f"java{release}" for release in (11, 17, 21, 25)),
        *(f"nodejs{release}.x" for release in (18, 20, 22, 24)),
    ]
)
"""The runtimes that `.ci/run` brings to a machine."""


class Packages:
    """One package and one layer for all functions, by name."""

    def __init__(self, **directories):
        self._directories = directories
        self.held = Counter()

    def unpacked(self, sha256):
        assert self.held[sha256] > 0, "what an environment is made of is held"
        return self._directories[sha256]

    def hold(self, packages):
        self.held.update(packages)

    def release(self, packages):
        self.held.subtract(packages)


class Engine:
    """A dispatcher with one backend; `invoke` runs a handler by name."""

    def __init__(self, environments, backend, clock, name, logs):
        self.environments, self.dispatcher = environments, Dispatcher(environments, clock)
        self.backend, self._clock, self.runtime = backend, clock, name
        self.logs = logs
        self.language = languages()[runtime.known()[name].family]

    @property
    def error_type(self):
        found = self.language.error_type
        return found if isinstance(found, str) else found[self.runtime]

    def version(self, handler, **changes):
        key = FunctionKey("123456789012", "us-east-1", handler)
        made = FunctionVersion(
            key, LATEST, "role", CodeReference("package", 1, 1), "revision", "2026-11-23T00:00:00.000+0000",
            runtime=self.runtime, handler=self.language.handler(handler),
            memory_size=self.language.memory, timeout=self.language.timeout,
        )  # fmt: skip
        return replace(made, **changes)

    async def invoke(self, handler, payload=b"{}", tail=True, **changes):
        version = self.version(handler, **changes)
        request = Request(version, version.key.arn, payload, str(uuid.uuid4()), self._clock.monotonic(), tail=tail)
        return await self.dispatcher.invoke(request)


class Built:
    """The packages and layers of the runtimes under test, each made once."""

    def __init__(self, root):
        self.root, self._made = root, {}

    def package(self, name):
        return self._build(name, "package")

    def layer(self, name):
        return self._build(name, "layer")

    def _build(self, name, what):
        if (name, what) not in self._made:
            self._made[name, what] = self.root / f"{name}-{what}"
            try:
                self._made[name, what].mkdir()
                getattr(languages()[runtime.known()[name].family], what)(self._made[name, what], name)
            except Missing as why:
                self._made[name, what] = why
        if isinstance(self._made[name, what], Missing):
            _lacking(name, str(self._made[name, what]))
        return self._made[name, what]


def _lacking(name, why, part="toolchains"):
    if name in REQUIRED and part in os.environ.get("LAMBDALAB_REQUIRE", ""):
        pytest.fail(f"LAMBDALAB_REQUIRE names {part}: {why}", pytrace=False)
    pytest.skip(why)


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    root = tmp_path_factory.mktemp("packages")
    for directory in (root, root.parent):
        directory.chmod(0o755)
    return Built(root)


@pytest.fixture(scope="session")
def state(tmp_path_factory):
    return tmp_path_factory.mktemp("state")


@pytest.fixture(params=[("fake", HERE), *MACHINE, *DOCKER], ids=lambda pair: f"{pair[1]}-{pair[0]}")
def on_engine(request, built, state, tmp_path):
    """Run a coroutine function with an `Engine` on each backend, for each runtime."""
    backend, name = request.param

    def run(steps):
        packages = Packages(package=built.package(name), layer=built.layer(name))
        with _all_closed(backend):
            # As in the region: the supervisor is forked before there is a loop.
            supervisor = Supervisor.fork() if backend != "fake" else None
            _on_the_regions_loop(_with_engine(backend, name, steps, supervisor, packages, state, tmp_path))

    if backend == "namespaces" and (why := _no_namespaces()):
        if "toolchains" in os.environ.get("LAMBDALAB_REQUIRE", ""):
            pytest.fail(why)
        pytest.skip(why)
    if backend == "docker":
        if why := missing("docker") or _no_image(name):
            _lacking(name, why, "docker")
    elif backend != "fake" and (why := _no_interpreter(name)):
        _lacking(name, why)
    run.backend, run.runtime = backend, name
    run.language = languages()[runtime.known()[name].family]
    behaviour = request.node.get_closest_marker("behaviour")
    if behaviour is not None and backend != "fake":
        for unable in (behaviour.args[0], f"{name}:{behaviour.args[0]}"):
            if unable in run.language.unable:
                pytest.skip(run.language.unable[unable])
    return run


@pytest.fixture(params=["namespaces", "process", pytest.param("docker", marks=pytest.mark.docker)])
def with_extensions(request, built, state, tmp_path):
    """Run a coroutine function with an `Engine` whose layer brings extensions: texts (or bytes) of executables by name.

    The handlers are Python's; for another `runtime` the program of an OS-only one.
    """
    backend = request.param
    if backend == "namespaces" and (why := _no_namespaces()):
        if "toolchains" in os.environ.get("LAMBDALAB_REQUIRE", ""):
            pytest.fail(why)
        pytest.skip(why)

    def run(steps, handlers, mode=0o755, runtime=HERE if backend != "docker" else IN_DOCKER, **texts):
        if backend == "docker" and (why := missing("docker") or _no_image(runtime)):
            _lacking(runtime, why, "docker")
        program = {"bootstrap": handlers} if runtime.startswith("provided") else {"app.py": handlers}
        python = IMAGES_PYTHON if backend == "docker" else asyncio.run(Interpreters().find(HERE)).path
        texts = {name: _of_python(text, python) for name, text in texts.items()}
        folder = Path(tempfile.mkdtemp(prefix="extensions-", dir=built.root))
        folder.chmod(0o755)
        packages = Packages(
            package=_write(folder / "package", program, 0o755),
            layer=_write(folder / "layer", {f"extensions/{name}": text for name, text in texts.items()}, mode),
        )
        with _all_closed(backend):
            supervisor = Supervisor.fork()
            _on_the_regions_loop(_with_engine(backend, runtime, steps, supervisor, packages, state, tmp_path))

    run.backend = backend
    return run


uvloop.new_event_loop().close()  # the first of a process opens a pipe that stays, of no backend


def _on_the_regions_loop(running):
    """uvloop, as in the region: it differs from asyncio's own in what it reads and closes, and when."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(running)


@contextmanager
def _all_closed(backend):
    """What a backend opens is closed at its end; what is closed meanwhile was another test's, left to the collector."""
    before = _open_files(backend)
    yield
    if _open_files(backend) - before:
        gc.collect()
    assert _open_files(backend) - before == set(), "what a backend opens is closed at its end"


def _open_files(backend):
    """Each with its descriptor. Without the sockets in Docker's case: the SDK leaves its own to the collector."""
    found = processes.open_files(os.getpid())
    return {(fd, name) for fd, name in found if backend != "docker" or not name.startswith("socket:")}


def _write(folder, texts, mode):
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
    folder.mkdir(exist_ok=True)
    return folder


def _of_python(text, python):
    return text if isinstance(text, bytes) else text.replace("{python}", python)


@cache
def _no_namespaces():
    return asyncio.run(probe.why_no_namespaces())


@cache
def _no_interpreter(name):
    try:
        asyncio.run(Interpreters().find(name))
    except RuntimeUnavailable as why:
        return str(why).partition(". ")[0]
    return None


@cache
def _no_image(name):
    image = catalogue.image(name, IMAGES)
    found = subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False)
    return f"no image {image}: .ci/images makes it" if found.returncode else None


async def _with_engine(kind, name, steps, supervisor, packages, state, tmp_path):
    clock = SystemClock()
    if supervisor is None:
        backend = FakeBackend(FAKE_HANDLERS, frozenset({HERE}))
    else:
        await supervisor.attach()
        docker = DockerSettings(tmp_path, state / "clients", IMAGES)
        backend, _ = await probe.prepare(kind, clock, supervisor, state / "clients", tmp_path / "sandboxes", docker)
    logs = LogStore(tmp_path / "logs", clock)
    access = {"AWS_ACCESS_KEY_ID": "ASIAFUNCTION"}
    environments = Environments(backend, clock, logs, packages, access=access, keep_warm_seconds=60)
    try:
        await steps(Engine(environments, backend, clock, name, logs))
    finally:
        environments.close()
        await environments.closed()
        await backend.close()
        if supervisor is not None:
            await supervisor.close()
        logs.flush()
    assert not +packages.held, "nothing is held by an environment that has ended"
    if supervisor is not None:
        assert not list((tmp_path / "sandboxes" / "tmp").iterdir()), "what a sandbox had on disk is gone with it"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Keep, for the README's table, what became of each runtime on each backend."""
    report = yield
    pair = getattr(item, "callspec", None) and item.callspec.params.get("on_engine")
    if pair and pair[0] != "fake" and (report.when == "call" or report.outcome == "skipped"):
        why = report.longrepr[2].removeprefix("Skipped: ") if report.outcome == "skipped" else ""
        _FOUND.add(pair[1], pair[0], report.outcome, why)
    return report


def pytest_sessionfinish(session):
    """Put it beside what earlier runs kept."""
    _FOUND.keep(session.config)


_FOUND = Found(RUNTIMES_TABLE)
