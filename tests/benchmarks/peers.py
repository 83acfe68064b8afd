"""The peers that run functions in containers: SAM, moto and LocalStack, each from PyPI in an environment of its own."""

import contextlib
import json
import platform
import shutil
import stat
import tempfile
import uuid
from functools import partial
from pathlib import Path

import boto3

from tests.benchmarks import contestants, images, servers
from tests.benchmarks.contestants import MARK, MEMORY_MB, ROLE, SOURCE, Contestant
from tests.benchmarks.servers import RUNTIME

SAM = "aws-sam-cli==1.170.0"
MOTO = "moto[server,awslambda]==5.2.5"
LOCALSTACK = "localstack-core[runtime]==4.14.0"
# What that release needs and does not say: newer ones of these do not work with it.
_LOCALSTACK_BESIDE = ("cbor2<5.8", "pyOpenSSL==25.1.0", "service_identity")
_LOCALSTACK_PYTHON = "python3.13"  # as in its published image; its sources cannot be read by 3.11
_LOCALSTACK_INIT = "v0.1.41-pre"  # the release of its init that this release of it looks for
_KEYS = ("test", "test")


class _Sam(Contestant):
    """SAM's functions are those of its template: nothing is created."""

    def create(self, name, text=SOURCE):
        assert text == SOURCE, f"{name} has another text than the template's"


@contextlib.contextmanager
def _peer():
    """What each needs: an engine, a mark for its containers, and a folder."""
    with tempfile.TemporaryDirectory() as folder:
        yield images.Engine(), uuid.uuid4().hex, Path(folder)


@contextlib.contextmanager
def _running(engine, mark, *words, **variables):
    """A peer's server, as something that finds the processes of it and its containers, which end with it."""
    with engine.cleared(mark), servers.running(*words, **variables) as server:
        yield lambda: [server.pid, *engine.pids(mark)]


@contextlib.contextmanager
def lambdalab():
    """LambdaLab's own backend of this kind, in the same image."""
    with _peer() as (engine, mark, _), engine.cleared(mark):
        base, notes = engine.lambda_image()
        settings = {"backend": "docker", "images": base.rpartition("/")[0], "pull": False}
        pids = partial(engine.pids, mark)
        with contestants.lambdalab(variables={MARK: mark}, more_pids=pids, notes=notes, **settings) as one:
            yield one


@contextlib.contextmanager
def sam(functions):
    """`sam local start-lambda` with containers that stay, for functions of these names."""
    command, port = servers.environment(SAM) / "sam", servers.free_port()
    with _peer() as (engine, mark, folder):
        base, notes = engine.lambda_image()
        _write_template(folder, functions, mark)
        repository = "lambdalab-bench-sam"
        image = f"{repository}:{RUNTIME}"
        options = ["--template", "template.json", "--skip-pull-image", "--invoke-image", image]
        with contextlib.ExitStack() as stack:
            stack.enter_context(engine.tagged(base, image))
            stack.callback(engine.remove_all, repository)
            once = [command, "local", "invoke", functions[0], "--no-event", *options]  # what builds SAM's own image
            servers.run(once, cwd=folder, env=servers.variables(command, folder))
            words = [command, "local", "start-lambda", "--host", "127.0.0.1", "--port", str(port), *options]
            words += ["--warm-containers", "LAZY"]
            pids = stack.enter_context(_running(engine, mark, words, port, folder))
            notes = (*notes, "it waits up to a second for a call's log before it answers; a container a function")
            yield _Sam(f"{SAM}, warm containers", f"http://127.0.0.1:{port}", _KEYS, pids, notes=notes)


def _write_template(folder, functions, mark):
    """Functions of one text; it lies in a folder where nothing else is written, for SAM watches it for changes."""
    properties = {
        "CodeUri": "code", "Handler": "app.handler", "Runtime": RUNTIME, "Timeout": 30, "MemorySize": MEMORY_MB,
        "Environment": {"Variables": {MARK: mark}},
    }  # fmt: skip
    one = {"Type": "AWS::Serverless::Function", "Properties": properties}
    template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": dict.fromkeys(functions, one)}
    (folder / "code").mkdir()
    (folder / "code" / "app.py").write_text(SOURCE)
    (folder / "template.json").write_text(json.dumps(template))


@contextlib.contextmanager
def moto():
    """`moto_server`, whose functions run in a container for each call."""
    command, port = servers.environment(MOTO) / "moto_server", servers.free_port()
    with _peer() as (engine, mark, folder), contextlib.ExitStack() as stack:
        image = base = images.MOTOS
        notes = ()
        if not engine.has(image):
            base, notes = engine.lambda_image()
            image = stack.enter_context(engine.one_shot(base))
            notes = (*notes, f"tests/benchmarks/standins/oneshot.py in it stands in for {images.MOTOS}")
        # A container of this name only waits while code is copied into a volume: any image with `sleep` does.
        stack.enter_context(engine.built("busybox:latest", f"FROM {base}\nENTRYPOINT []\n"))
        words = [command, "-H", "127.0.0.1", "-p", str(port)]
        pids = stack.enter_context(_running(engine, mark, words, port, folder, MOTO_DOCKER_LAMBDA_IMAGE=image))
        endpoint = f"http://127.0.0.1:{port}"
        stack.callback(engine.until_idle, mark)  # it removes the volumes of a call when the call ends
        _create_role(endpoint)
        notes = (*notes, "every call starts a container, also a warm one")
        yield Contestant(MOTO, endpoint, _KEYS, pids, {MARK: mark}, notes)


def _create_role(endpoint):
    """moto lets no function have a role that is not there."""
    access, secret = _KEYS
    iam = boto3.client(
        "iam", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=access, aws_secret_access_key=secret
    )
    iam.create_role(RoleName=ROLE.rpartition("/")[2], AssumeRolePolicyDocument="{}")


@contextlib.contextmanager
def localstack():
    """LocalStack as a process of this machine; it listens where its containers call back too, on Docker's bridge."""
    found = servers.environment(LOCALSTACK, *_LOCALSTACK_BESIDE, python=_LOCALSTACK_PYTHON)
    command, port = found / "python", servers.free_port()
    with _peer() as (engine, mark, folder):
        base, notes = engine.lambda_image()
        _put_init(folder)
        notes = (*notes, "tests/benchmarks/standins/init.py stands in for the init program it copies into containers")
        bridge = engine.bridge()
        with engine.pullable(base) as image:
            variables = {
                "GATEWAY_LISTEN": f"127.0.0.1:{port},{bridge}:{port}", "HOSTNAME_FROM_LAMBDA": bridge,
                "LAMBDA_RUNTIME_IMAGE_MAPPING": json.dumps({RUNTIME: image}), "LAMBDA_INIT_USER": "root",
                "FILESYSTEM_ROOT": str(folder), "OVERRIDE_IN_DOCKER": "0", "DNS_ADDRESS": "0",
                "SKIP_SSL_CERT_DOWNLOAD": "1", "DISABLE_EVENTS": "1",
            }  # fmt: skip
            words = [command, "-m", "localstack.runtime.main"]
            with _running(engine, mark, words, port, folder, **variables) as pids:
                yield Contestant(LOCALSTACK, f"http://127.0.0.1:{port}", _KEYS, pids, {MARK: mark}, notes)


def _put_init(root):
    """Lay the stand-in where LocalStack looks for what it would else download."""
    machine = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    into = root / "var/lib/localstack/lib/lambda-runtime" / _LOCALSTACK_INIT / machine / "var/rapid"
    into.mkdir(parents=True)
    shutil.copy(images.STANDINS / "wire.py", into)
    init = into / "init"
    init.write_text(f"#!{images.INTERPRETER} -S\n{(images.STANDINS / 'init.py').read_text()}")
    init.chmod(init.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
