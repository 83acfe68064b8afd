"""Programs that the kernel does not execute: the same words on each isolation level, and the function's fault."""

import base64
import io
import os
import platform
import struct
import zipfile

import pytest

from lambdalab import Lab
from lambdalab.runtimes.backends.docker import pause

pytestmark = pytest.mark.toolchains
IMAGES = os.environ.get("LAMBDALAB_TEST_IMAGES", "lambdalab-test")
ROLE = "arn:aws:iam::123456789012:role/r"
ARCHITECTURE = "arm64" if platform.machine() == "aarch64" else "x86_64"
PROGRAM = pause.program(platform.machine())
MISSING, FORMAT = "no such file or directory", "exec format error"


def loaded_by(loader):
    """The program with a loader of its own."""
    name = loader + b"\0"
    segment = struct.pack("<IIQQQQQQ", 3, 4, 176, 0, 0, len(name), len(name), 1)
    return PROGRAM[:56] + b"\x02" + PROGRAM[57:120] + segment + name


REFUSED = {
    "whose loader is not there": (loaded_by(b"/lib/ld-musl-no-such.so.1"), MISSING),
    "whose loader would be in the package, and is not": (loaded_by(b"/var/task/no-such.so"), MISSING),
    "whose interpreter is not there": (b"#!/no/such\n", MISSING),
    "that is cut off": (PROGRAM[:100], FORMAT),
    "that only begins as one, and goes on as a script": (PROGRAM[:20] + b"\nexit 9\n" * 20, FORMAT),
    "that is text": (b"exit 9\n", FORMAT),
}


@pytest.fixture(scope="module", params=["namespaces", "process", pytest.param("docker", marks=pytest.mark.docker)])
def lab(request):
    with Lab(isolated=True, backend=request.param, images=IMAGES) as made:
        yield made


def zipped(bootstrap):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o100755 << 16
        archive.writestr(entry, bootstrap)
    return content.getvalue()


@pytest.mark.parametrize(("bootstrap", "why"), REFUSED.values(), ids=REFUSED)
def test_a_program(lab, request, bootstrap, why):
    client = lab.client()
    client.create_function(
        FunctionName="refused", Runtime="provided.al2023", Role=ROLE, Handler="any", Architectures=[ARCHITECTURE],
        Code={"ZipFile": zipped(bootstrap)},
    )  # fmt: skip
    try:
        client.get_waiter("function_active_v2").wait(FunctionName="refused")
        answer = client.invoke(FunctionName="refused", LogType="Tail")
        said = answer["Payload"].read().decode()
        assert '"errorType":"Runtime.InvalidEntrypoint"' in said
        assert f"Error: fork/exec /var/task/bootstrap: {why}" in said
        log = base64.b64decode(answer["LogResult"]).decode().splitlines()
        known = {"INIT_START", "INIT_REPORT", "START", "END", "REPORT"}
        assert {line.split()[0] for line in log if line} <= known, "nothing else's words are in the function's log"
    finally:
        client.delete_function(FunctionName="refused")
