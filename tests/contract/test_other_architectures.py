"""Programs that functions bring for another architecture than this machine's: no shell is handed them."""

import errno
import json
import platform
import subprocess

import pytest

from lambdalab.errors import RuntimeUnavailable
from lambdalab.runtimes.backends.docker import pause
from tests.contract.test_extensions import HANDLERS, LAYERS

OWN, OTHER = ("arm64", "x86_64") if platform.machine() == "aarch64" else ("x86_64", "arm64")
FOREIGN = pause.program({"x86_64": "x86_64", "arm64": "aarch64"}[OTHER])


@pytest.fixture(scope="module", autouse=True)
def _this_kernel_refuses_it(tmp_path_factory):
    program = tmp_path_factory.mktemp("foreign") / "program"
    program.write_bytes(FOREIGN)
    program.chmod(0o755)
    try:
        emulated = subprocess.Popen([program])
    except OSError as why:
        assert why.errno == errno.ENOEXEC
        return
    emulated.kill()
    emulated.wait()
    pytest.skip("this machine's kernel has an emulator of the other architecture")


def test_a_bootstrap_for_another_machine_fails_in_awss_words(with_extensions):
    async def steps(engine):
        result = await engine.invoke("echo", architecture=OWN)
        assert json.loads(result.body) == {
            "errorType": "Runtime.InvalidEntrypoint",
            "errorMessage": f"RequestId: {result.record.request_id} Error: "
            "fork/exec /var/task/bootstrap: exec format error",
        }
        assert "Phase: init\tStatus: error\tError Type: Runtime.InvalidEntrypoint" in result.tail

    with_extensions(steps, FOREIGN, runtime="provided.al2023")


def test_an_extension_for_another_machine_is_a_launch_error(with_extensions):
    async def steps(engine):
        result = await engine.invoke("echo", layers=LAYERS, architecture=OWN)
        failed = json.loads(result.body)
        assert failed["errorType"] == "Extension.LaunchError"
        assert failed["errorMessage"].endswith("Error: fork/exec /opt/extensions/one: exec format error")
        assert "EXTENSION\tName: one\tState: LaunchError\tEvents: []\tError Type: UnknownError" in result.tail

    with_extensions(steps, HANDLERS, one=FOREIGN)


@pytest.mark.parametrize("what", ["bootstrap", "extension"])
def test_what_aws_would_execute_is_told_as_this_machines_lack(with_extensions, what):
    async def steps(engine):
        with pytest.raises(RuntimeUnavailable, match=f"for {OTHER}, and so is a program .* this machine is {OWN}"):
            await engine.invoke("echo", layers=LAYERS if what == "extension" else (), architecture=OTHER)

    if what == "bootstrap":
        with_extensions(steps, FOREIGN, runtime="provided.al2023")
    else:
        with_extensions(steps, HANDLERS, one=FOREIGN)
