"""Those that are compared: LambdaLab, and MiniStack from PyPI in an environment of its own."""

import contextlib
import io
import os
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import boto3
import psutil
from botocore.config import Config

from lambdalab import Lab
from tests.benchmarks.load import Target

MINISTACK = "ministack==1.5.33"
RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
SOURCE = 'def handler(event, context):\n    return {"ok": True, "n": event.get("n")}\n'
MEMORY_MB = 1769  # one whole processor: the share is not what is measured
_READY_SECONDS = 60


def _package(text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("app.py", text)
    return out.getvalue()


class Contestant:
    """An endpoint that boto3 can talk to, and the processes behind it."""

    def __init__(self, name, endpoint, keys, pids):
        self.name = name
        self._endpoint, self._keys, self._pids = endpoint, keys, pids
        self.client = boto3.client(
            "lambda", endpoint_url=endpoint, region_name="us-east-1",
            aws_access_key_id=keys[0], aws_secret_access_key=keys[1],
            config=Config(proxies={}, retries={"total_max_attempts": 1}, read_timeout=60),
        )  # fmt: skip

    def create(self, name, text=SOURCE):
        """A function that is Active."""
        self.client.create_function(
            FunctionName=name, Runtime=RUNTIME, Role="arn:aws:iam::123456789012:role/r", Handler="app.handler",
            Code={"ZipFile": _package(text)}, MemorySize=MEMORY_MB, Timeout=30,
        )  # fmt: skip
        self.client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05})

    def invoke_ms(self, name):
        """Milliseconds of one call by boto3."""
        began = time.perf_counter()
        self.client.invoke(FunctionName=name, Payload=b'{"n": 1}')["Payload"].read()
        return (time.perf_counter() - began) * 1000

    def target(self, function):
        """What the load generator calls."""
        return Target(self._endpoint, *self._keys, function)

    def memory_mb(self):
        """Proportional memory of all its processes."""
        found = []
        for pid in self._pids():
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                found += [process, *process.children(recursive=True)]
        return sum(process.memory_full_info().pss for process in found) / (1 << 20)


@contextlib.contextmanager
def lambdalab(**settings):
    """A region in a home of its own."""
    with Lab(isolated=True, **settings) as lab:
        keys = (lab.credentials.access_key_id, lab.credentials.secret_access_key)
        pid = lab.doctor()["pid"]
        yield Contestant(f"lambdalab, {lab.doctor()['backend']}", lab.endpoint, keys, lambda: [pid])


@contextlib.contextmanager
def ministack():
    """MiniStack's server; its packages are installed beside nothing else. Raises where they cannot be had."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder, "bin", "python")
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", MINISTACK]
        subprocess.run(install, check=True, timeout=300)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {
            "PATH": f"{Path(folder, 'bin')}:{os.environ['PATH']}", "HOME": folder,
            "GATEWAY_PORT": str(port), "MINISTACK_HOST": "127.0.0.1", "HOST": "127.0.0.1",
        }  # fmt: skip
        with Path(folder, "log").open("w") as log:
            server = subprocess.Popen(
                [Path(folder, "bin", "ministack")], env=environment, stdout=log, stderr=log, cwd=folder
            )
        try:
            _wait_for(port, server, Path(folder, "log"))
            yield Contestant(MINISTACK, f"http://127.0.0.1:{port}", ("test", "test"), lambda: [server.pid])
        finally:
            server.terminate()
            server.wait(30)


def _wait_for(port, server, log):
    for _ in range(_READY_SECONDS * 10):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"it did not start: {log.read_text()[-800:]}")
