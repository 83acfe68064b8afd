"""The official Runtime Interface Emulator as an oracle: the same program gives the same payloads through it and through us.

It starts the same command that our process backend starts, with its own Runtime API instead of ours. Where it has
words of its own for the platform's failures (it is older than AWS's present texts), only what the runtime says is
compared.
"""

import asyncio
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from lambdalab.model import runtime
from lambdalab.runtimes import families
from lambdalab.runtimes.backends.base import SandboxSpec
from lambdalab.runtimes.interpreters import Interpreters
from tests.contract import languages

pytestmark = pytest.mark.toolchains
EMULATOR = os.environ.get("LAMBDALAB_RIE", "/opt/lambdalab-toolchains/rie/aws-lambda-rie")
ASKED = [
    ("echo", b'{"a": [1, "\\u00e9", null, 1.5, true], "b": {"c": "d"}}'),
    ("fails", b'{"what": "thing"}'),
    ("counts", b"{}"),
    ("writes", b"{}"),
]
"""Handlers, and the events that they are asked with."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Emulator:
    """One runtime below the emulator."""

    def __init__(self, name, handler, package, folder):
        self._port = free_port()
        command, variables = asyncio.run(_start(name, handler, package, folder))
        ours = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TMPDIR": str(folder),
            "HOME": str(folder),
        }
        ours |= {"LAMBDA_TASK_ROOT": str(package), "_HANDLER": handler, "AWS_REGION": "us-east-1"}
        ours |= {"AWS_LAMBDA_FUNCTION_NAME": "function", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST"}
        ours |= {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024", "AWS_LAMBDA_FUNCTION_TIMEOUT": "30"}
        addresses = [
            f"--runtime-api-address=127.0.0.1:{free_port()}",
            f"--runtime-interface-emulator-address=127.0.0.1:{self._port}",
        ]
        self._process = subprocess.Popen(
            [EMULATOR, *addresses, *command], env={**ours, **variables}, cwd=package,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def invoke(self, payload):
        deadline = time.monotonic() + 60
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
            try:
                connection.request("POST", "/2015-03-31/functions/function/invocations", payload)
                return connection.getresponse().read()
            except ConnectionError:
                assert time.monotonic() < deadline, "the emulator does not answer"
                assert self._process.poll() is None, "the emulator ended"
            finally:
                connection.close()


async def _start(name, handler, package, folder):
    """The command and the variables as our process backend has them."""
    found = await Interpreters().find(name)
    family = families.load(folder / "clients")[runtime.known()[name].family]
    client = await family.client(found)
    spec = SandboxSpec("oracle", name, handler, package, (), {}, "", 1024, 512)
    start = family.start(found, spec)
    places = {"task": str(package), "opt": str(folder / "opt"), "runtime": str(client), "tmp": str(folder)}

    def fill(text):
        for place, path in places.items():
            text = text.replace(f"{{{place}}}", path)
        return text

    variables = {variable: fill(value) for variable, value in start.variables.items()}
    if found.library_path:
        variables["LD_LIBRARY_PATH"] = found.library_path
    return [fill(word) for word in start.unmapped or start.argv], variables


def said(body, package):
    """A payload without what differs from call to call: ids, and where the package lies."""
    text = re.sub(r"/[^\s\"]*/clients/[^/\s\"]+", "/var/runtime", body.decode().replace(str(package), "/var/task"))
    document = json.loads(text) if text.strip() else None
    if isinstance(document, dict):
        document.pop("requestId", None)
    return document


@pytest.fixture
def emulator():
    if not Path(EMULATOR).exists():
        why = "no Runtime Interface Emulator (LAMBDALAB_RIE)"
        if "toolchains" in os.environ.get("LAMBDALAB_REQUIRE", ""):
            pytest.fail(f"LAMBDALAB_REQUIRE names toolchains: {why}", pytrace=False)
        pytest.skip(why)


@pytest.mark.behaviour("oracle")
@pytest.mark.parametrize(
    "on_engine", [("process", name) for name in languages.tested_runtimes()], indirect=True, ids=lambda p: p[1]
)
def test_the_emulator_and_the_lab_give_the_same_payloads(on_engine, emulator, built, tmp_path):
    package = built.package(on_engine.runtime)
    theirs = {}
    for handler, payload in ASKED:
        with Emulator(on_engine.runtime, on_engine.language.handler(handler), package, tmp_path) as official:
            theirs[handler] = said(official.invoke(payload), package)

    async def steps(engine):
        for handler, payload in ASKED:
            result = await engine.invoke(handler, payload, memory_size=1024, timeout=30)
            assert said(result.body, package) == theirs[handler], handler

    on_engine(steps)
