"""The engine on each backend, with the same handlers: Python source for the real ones, coroutines for the fake."""

import asyncio
import os
import sys
import uuid
from dataclasses import replace

import pytest

from lambdalab.clock import SystemClock
from lambdalab.engine.dispatch import Dispatcher, Request
from lambdalab.engine.logs import LogStore
from lambdalab.model.function import LATEST, CodeReference, FunctionKey, FunctionVersion
from lambdalab.runtimes.backends import probe
from lambdalab.runtimes.backends.base import Exit
from lambdalab.runtimes.backends.fake import FakeBackend, FakeExit
from lambdalab.runtimes.backends.supervisor import Supervisor

RUNTIME = f"python3.{sys.version_info.minor}"
SOURCE = """
import os, signal, tempfile, time
calls = 0

def echo(event, context): return event
def fails(event, context): raise ValueError("no " + event["what"])
def exits(event, context): os._exit(3)
def crashes(event, context): os.kill(os.getpid(), signal.SIGSEGV)
def hangs(event, context): time.sleep(60)
def writes(event, context): print("written"); return None
def big(event, context): return "x" * (6 * 1024 * 1024 + 200)
def waits(event, context): time.sleep(0.4); return "waited"

def counts(event, context):
    global calls
    calls += 1
    return calls

def hogs(event, context):
    kept = []
    for _ in range(40):
        kept.append(bytearray(b"x" * 10_000_000))
    return len(kept)

def keeps(event, context):
    path = os.path.join(tempfile.gettempdir(), "kept")
    before = os.path.exists(path)
    open(path, "w").close()
    return before

def environment(event, context): return dict(os.environ)
def about(event, context):
    return {"id": context.aws_request_id, "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb,
            "left": context.get_remaining_time_in_millis(), "name": context.function_name}
def reads(event, context):
    found = {}
    for path in event:
        try: found[path] = len(os.listdir(path)) if os.path.isdir(path) else len(open(path, "rb").read(100))
        except OSError as error: found[path] = type(error).__name__
    return found
"""


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


FAKE_HANDLERS = {
    f"app.{name[1:]}": handler
    for name, handler in globals().items()
    if name.startswith("_") and asyncio.iscoroutinefunction(handler)
}


class Packages:
    """One package for all functions."""

    def __init__(self, directory):
        self._directory = directory

    def unpacked(self, sha256):
        return self._directory


class Engine:
    """A dispatcher with one backend; `invoke` runs a handler by name."""

    def __init__(self, dispatcher, backend, clock):
        self.dispatcher, self.backend, self._clock = dispatcher, backend, clock

    def version(self, handler, **changes):
        key = FunctionKey("123456789012", "us-east-1", handler)
        made = FunctionVersion(
            key, LATEST, "revision", CodeReference("sha", 1, 1), "role", "2026-11-23T00:00:00.000+0000",
            runtime=RUNTIME, handler=f"app.{handler}", memory_size=128, timeout=3,
        )  # fmt: skip
        return replace(made, **changes)

    async def invoke(self, handler, payload=b"{}", **changes):
        version = self.version(handler, **changes)
        request = Request(version, version.key.arn, payload, str(uuid.uuid4()), self._clock.monotonic(), tail=True)
        return await self.dispatcher.invoke(request)


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    directory = tmp_path_factory.mktemp("package")
    directory.chmod(0o755)
    (directory / "app.py").write_text(SOURCE)
    return directory


@pytest.fixture(scope="session")
def state(tmp_path_factory):
    return tmp_path_factory.mktemp("state")


@pytest.fixture(params=["fake", "namespaces", "process"])
def on_engine(request, package, state, tmp_path):
    """Run a coroutine function with an `Engine` on each backend."""

    def run(steps):
        # As in the region: the supervisor is forked before there is a loop.
        supervisor = Supervisor.fork() if request.param != "fake" else None
        asyncio.run(_with_engine(request.param, steps, supervisor, package, state, tmp_path))

    if request.param == "namespaces" and (why := _no_namespaces()):
        if "toolchains" in os.environ.get("LAMBDALAB_REQUIRE", ""):
            pytest.fail(why)
        pytest.skip(why)
    run.backend = request.param
    return run


def _no_namespaces():
    return asyncio.run(probe.why_no_namespaces())


async def _with_engine(kind, steps, supervisor, package, state, tmp_path):
    clock = SystemClock()
    if supervisor is None:
        backend = FakeBackend(FAKE_HANDLERS, frozenset({RUNTIME}))
    else:
        await supervisor.attach()
        backend, _ = await probe.prepare(kind, clock, supervisor, state / "clients", tmp_path / "sandboxes")
    logs = LogStore(tmp_path / "logs", clock)
    access = {"AWS_ACCESS_KEY_ID": "ASIAFUNCTION"}
    dispatcher = Dispatcher(backend, clock, logs, Packages(package), access=access, keep_warm_seconds=60)
    try:
        await steps(Engine(dispatcher, backend, clock))
    finally:
        dispatcher.close()
        await backend.close()
        if supervisor is not None:
            await supervisor.close()
        logs.flush()
