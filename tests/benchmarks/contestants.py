"""Those that are compared: LambdaLab, and MiniStack from PyPI in an environment of its own. `peers` has the others."""

import contextlib
import io
import json
import tempfile
import time
import zipfile

import boto3
import psutil
from botocore.config import Config

from lambdalab import Lab
from tests.benchmarks import servers
from tests.benchmarks.load import Target
from tests.benchmarks.servers import RUNTIME

MINISTACK = "ministack==1.5.33"
SOURCE = 'def handler(event, context):\n    return {"ok": True, "n": event.get("n")}\n'
MEMORY_MB = 1769  # one whole processor: the share is not what is measured
ROLE = "arn:aws:iam::123456789012:role/r"
MARK = "LAMBDALAB_BENCH"  # the variable of a function by which its containers are known


def _package(text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("app.py", text)
    return out.getvalue()


class Contestant:
    """An endpoint that boto3 can talk to, and the processes behind it.

    `variables` are set on every function; `notes` say what of it is not as its makers ship it.
    """

    def __init__(self, name, endpoint, keys, pids, variables=None, notes=()):
        self.name, self.notes = name, notes
        self._endpoint, self._keys, self._pids, self._variables = endpoint, keys, pids, variables
        self.client = boto3.client(
            "lambda", endpoint_url=endpoint, region_name="us-east-1",
            aws_access_key_id=keys[0], aws_secret_access_key=keys[1],
            config=Config(proxies={}, retries={"total_max_attempts": 1}, read_timeout=60),
        )  # fmt: skip

    def create(self, name, text=SOURCE):
        """A function that is Active."""
        more = {"Environment": {"Variables": self._variables}} if self._variables else {}
        self.client.create_function(
            FunctionName=name, Runtime=RUNTIME, Role=ROLE, Handler="app.handler",
            Code={"ZipFile": _package(text)}, MemorySize=MEMORY_MB, Timeout=30, **more,
        )  # fmt: skip
        self.client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05})

    def invoke_ms(self, name):
        """Milliseconds of one call by boto3. Raises AssertionError for any answer but the function's."""
        began = time.perf_counter()
        answer = self.client.invoke(FunctionName=name, Payload=b'{"n": 1}')
        payload = answer["Payload"].read()
        took = (time.perf_counter() - began) * 1000
        if "FunctionError" in answer or json.loads(payload or b"null") != {"ok": True, "n": 1}:
            raise AssertionError(f"it answered {payload[:300]!r}")
        return took

    def target(self, function):
        """What the load generator calls."""
        return Target(self._endpoint, *self._keys, function)

    def memory_mb(self):
        """Proportional memory of all its processes."""
        found, total = [], 0
        for pid in self._pids():
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                found += [process, *process.children(recursive=True)]
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_full_info().pss
        return total / (1 << 20)


@contextlib.contextmanager
def lambdalab(variables=None, more_pids=list, notes=(), **settings):
    """A region in a home of its own; `more_pids` finds processes of its that it did not start itself."""
    with Lab(isolated=True, **settings) as lab:
        keys = (lab.credentials.access_key_id, lab.credentials.secret_access_key)
        pid = lab.doctor()["pid"]
        name = f"lambdalab, {lab.doctor()['backend']}"
        yield Contestant(name, lab.endpoint, keys, lambda: [pid, *more_pids()], variables, notes)


@contextlib.contextmanager
def ministack():
    """MiniStack's server. Raises where it cannot be had or does not start."""
    command, port = servers.environment(MINISTACK) / "ministack", servers.free_port()
    listen = {"GATEWAY_PORT": str(port), "MINISTACK_HOST": "127.0.0.1", "HOST": "127.0.0.1"}
    with tempfile.TemporaryDirectory() as folder, servers.running([command], port, folder, **listen) as server:
        yield Contestant(MINISTACK, f"http://127.0.0.1:{port}", ("test", "test"), lambda: [server.pid])
