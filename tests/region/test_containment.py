"""What a hostile function cannot get at, on each isolation level. The README's table is made from these results."""

import contextlib
import io
import json
import os
import subprocess
import threading
import zipfile
from pathlib import Path

import psutil
import pytest

from lambdalab import Lab
from tests import early
from tests.tables import HOSTILE, Found

pytestmark = pytest.mark.toolchains
FOUND = Found(HOSTILE)
GROWTH_MB = 100
"""More than a call may add to what the region itself holds: what a function writes is kept within bounds there."""
IMAGES = os.environ.get("LAMBDALAB_TEST_IMAGES", "lambdalab-test")
HEAD = "import errno, json, os, socket\n"
TRY = """
def tried(call):
    try: return [True, repr(call())[:200]]
    except OSError as problem: return [False, errno.errorcode.get(problem.errno, repr(problem))]
"""


class Case:
    """One hostile function: `source` gets `event`; `contained(payload or error)` judges what it says it could do."""

    def __init__(self, name, source, contained, **settings):
        self.name, self.source, self.contained, self.settings = name, HEAD + TRY + source, contained, settings


def nothing_worked(result):
    assert result.ok, result
    return all(not worked for worked, _ in result.payload.values())


CASES = [
    Case(
        "reads the region's home, its keys and its database",
        """
def handler(event, context):
    paths = [event["home"]] + [os.path.join(event["home"], n) for n in ("credentials.json", "region.json", "region.db", "packages")]
    return {p: tried(lambda: os.listdir(p) if os.path.isdir(p) else open(p, "rb").read(10)) for p in paths}
""",
        nothing_worked,
    ),
    Case(
        "reads the person's files",
        """
def handler(event, context):
    return {p: tried(lambda: open(p).read(10)) for p in (event["secret"], "/etc/shadow", os.path.expanduser("~/.bashrc"))}
""",
        nothing_worked,
    ),
    Case(
        "reads the region's environment and memory through /proc",
        """
def handler(event, context):
    return {n: tried(lambda: open(f"/proc/{event['region']}/{n}", "rb").read(10)) for n in ("environ", "mem", "maps")}
""",
        nothing_worked,
    ),
    Case(
        "sends signals to the region and to this test",
        """
def handler(event, context):
    return {str(pid): tried(lambda: os.kill(pid, 0)) for pid in (event["region"], event["test"])}
""",
        nothing_worked,
    ),
    Case(
        "limits, slows down or looks into the region's process",
        """
import ctypes, resource

def call(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(number, *(ctypes.c_long(a) if isinstance(a, int) else ctypes.byref(a) for a in arguments))
    if result < 0: raise OSError(ctypes.get_errno(), "refused")
    return result

def handler(event, context):
    pid, x86 = event["region"], os.uname().machine == "x86_64"
    here = ctypes.create_string_buffer(8)
    part = (ctypes.c_void_p * 2)(ctypes.addressof(here), 8)
    return {
        "limits": tried(lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (64, 64))),
        "their own": tried(lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE)),
        "priority": tried(lambda: os.setpriority(os.PRIO_PROCESS, pid, 19)),
        "processors": tried(lambda: os.sched_setaffinity(pid, {0})),
        "scheduler": tried(lambda: os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))),
        "disk priority": tried(lambda: call(251 if x86 else 30, 1, pid, 3 << 13)),
        "comparison": tried(lambda: call(312 if x86 else 272, pid, os.getpid(), 0, 0, 0)),
        "memory": tried(lambda: call(310 if x86 else 270, pid, part, 1, part, 1, 0)),
        "tracing": tried(lambda: call(101 if x86 else 117, 0x4206, pid, 0, 0)),
    }
""",
        nothing_worked,
    ),
    Case(
        "has any of root's capabilities, or gets one from a program that would give it",
        """
import subprocess
def capabilities(text):
    return {line.split(":")[0]: int(line.split(":")[1], 16) for line in text.splitlines() if line.startswith("Cap")}
def handler(event, context):
    own = capabilities(open("/proc/self/status").read())
    child = capabilities(subprocess.run(["/bin/cat", "/proc/self/status"], capture_output=True, text=True).stdout)
    status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines() if ":" in line)
    found = {f"{who} {name}": [value != 0, hex(value)] for who, all in (("own", own), ("child", child)) for name, value in all.items() if name != "CapBnd"}
    found["new privileges"] = [status["NoNewPrivs"].strip() != "1", status["NoNewPrivs"]]
    found["a mount"] = [subprocess.run(["/bin/mount", "-t", "tmpfs", "none", "/tmp"], capture_output=True).returncode == 0, ""]
    found["another owner"] = tried(lambda: os.chown(os.environ.get("TMPDIR", "/tmp"), 12345, 12345))
    return found
""",
        nothing_worked,
    ),
    Case(
        "writes outside its own /tmp",
        """
def handler(event, context):
    places = ["/var/task", "/opt", "/usr", "/etc", "/root", "/home", "/var/tmp", "/dev/shm", "/run", event["home"], event["folder"],
              os.environ["LAMBDA_TASK_ROOT"], os.environ["LAMBDA_RUNTIME_DIR"], "/proc/sys/kernel", "/sys/fs/cgroup"]
    return {p: tried(lambda: open(os.path.join(p, "written"), "w").write("x")) for p in places}
""",
        nothing_worked,
    ),
    Case(
        "asks another environment's Runtime API for its events",
        """
def handler(event, context):
    own = int(os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")[2])
    found = {}
    for port in set(event["ports"]) - {own, event["endpoint"]}:
        with socket.socket() as s:
            s.settimeout(0.5)
            try:
                s.connect(("127.0.0.1", port))
                s.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
                answer = s.recv(200)
            except OSError:
                continue
            if b"Lambda-Runtime" in answer or answer.startswith(b"HTTP/1.1 200"):
                found[str(port)] = [True, repr(answer)]
    return found
""",
        nothing_worked,
    ),
    Case(
        "calls the region's API without a key",
        """
def handler(event, context):
    host, _, port = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as s:
        s.sendall(b"GET /2015-03-31/functions HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
        status = s.recv(100).split()[1].decode()
    return {"status": [status == "200", status]}
""",
        nothing_worked,
    ),
    Case(
        "fills its /tmp beyond its size",
        """
def handler(event, context):
    with open(os.path.join(os.environ.get("TMPDIR", "/tmp"), "big"), "wb") as file:
        for _ in range(900): file.write(b"x" * 1_000_000)
    return {"900 MB": [True, ""]}
""",
        lambda result: not result.ok,
        ephemeral=512, memory=256, timeout=30,
    ),
    Case(
        "takes more memory than it has",
        "def handler(event, context):\n    kept = []\n    while True: kept.append(b'x' * 10_000_000)\n",
        lambda result: result.record.outcome == "out_of_memory",
    ),
    Case(
        "forks without end",
        "def handler(event, context):\n    while True:\n        try: os.fork()\n        except OSError: pass\n",
        lambda result: not result.ok,
    ),
    Case(
        "opens files and sockets without end",
        """
def handler(event, context):
    kept = []
    try:
        while len(kept) < 5000: kept.append(socket.socket())
    except OSError: pass
    return {"more than 1,024": [len(kept) > 1024, len(kept)]}
""",
        nothing_worked,
    ),
    Case(
        "writes a gigabyte of output",
        "def handler(event, context):\n    while True: os.write(1, b'x' * 65535 + b'\\n')\n",
        lambda result: result.record.outcome == "timeout",
        timeout=2,
    ),
    Case(
        "sends the region requests that have no end",
        """
def handler(event, context):
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    kept = []
    for _ in range(100):
        try:
            kept.append(socket.create_connection((host, int(port))))
            kept[-1].sendall(b"GET /")
            for _ in range(5): kept[-1].sendall(b"a" * (1 << 20))
        except OSError:
            pass
    return len(kept)
""",
        lambda result: True,
        timeout=30, memory=1769,
    ),
    Case(
        "leaves processes behind",
        """
def handler(event, context):
    import subprocess, sys
    subprocess.Popen(["sleep", event["marker"]], start_new_session=True)
    os._exit(0)
""",
        lambda result: not result.ok,
    ),
]  # fmt: skip


def grown_mb(pid):
    return psutil.Process(pid).memory_info().rss >> 20


def ports_of(pid):
    """The ports that a process listens on: the Runtime APIs of a region, and its endpoint."""
    names = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since
            names.append(str(path.readlink()))
    inodes = {name[8:-1] for name in names if name.startswith("socket:")}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and row[9] in inodes]


@pytest.fixture(scope="module", params=["namespaces", "process", pytest.param("docker", marks=pytest.mark.docker)])
def lab(request):
    with Lab(isolated=True, backend=request.param, images=IMAGES) as made:
        made.backend = request.param
        # Another environment, idle, whose Runtime API is there to be asked.
        made["other"].deploy("def handler(event, context): return 'secret'", runtime="python3.12")
        made["other"].invoke()
        yield made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_function_cannot(lab, case, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    event = {
        "ports": ports_of(lab.doctor()["pid"]),
        "home": str(lab.settings.home),
        "folder": str(tmp_path),
        "secret": str(secret),
        "region": lab.doctor()["pid"],
        "test": os.getpid(),
        "endpoint": int(lab.endpoint.rpartition(":")[2]),
        "marker": "86399.5",
    }
    lab["hostile"].deploy(case.source, runtime="python3.12", **{"timeout": 5, **case.settings})
    before = grown_mb(event["region"])
    result = lab["hostile"].invoke(event)
    contained = case.contained(result) and grown_mb(event["region"]) < before + GROWTH_MB
    FOUND.add(case.name, lab.backend, "passed" if contained else "failed")
    assert contained, json.dumps(result.raw.decode(errors="replace"))
    assert lab["other"].invoke().payload == "secret", "the region and the other function go on"


FAILS = """
import os, tempfile
def handler(event, context):
    open(os.path.join(tempfile.gettempdir(), "kept"), "w").close()
    os._exit(1)
"""
ENDS = "#!/bin/sh\nexit 1\n"


def zipped(extension):
    """A layer with one extension."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        entry = zipfile.ZipInfo("extensions/ends")
        entry.external_attr = 0o100755 << 16
        archive.writestr(entry, extension)
    return content.getvalue()


@pytest.mark.parametrize("variable", ["LD_PRELOAD", "LD_AUDIT"])
@pytest.mark.parametrize("extension", [None, ENDS], ids=["alone", "with an extension"])
def test_nothing_of_a_package_runs_before_its_sandbox(lab, variable, extension, tmp_path):
    """Twice, for the second sandbox is given the /tmp of the first."""
    made, library = tmp_path / "made", tmp_path / "early.so"
    library.write_bytes(early.library(made))
    subprocess.run(["/bin/true"], env={variable: str(library)}, stderr=subprocess.DEVNULL, check=True)
    assert made.is_dir(), "the library does what it is for"
    made.rmdir()
    function = lab["early"]
    function.deploy(FAILS, runtime="python3.12", files={"early.so": library.read_bytes()})
    if extension is not None:
        layer = lab.client().publish_layer_version(LayerName="early", Content={"ZipFile": zipped(extension)})
        lab.client().update_function_configuration(FunctionName="early", Layers=[layer["LayerVersionArn"]])
    function.invoke()
    found = [
        path for path in lab.settings.home.glob("packages/*/early.so") if path.read_bytes() == library.read_bytes()
    ]
    function.configure(env={variable: str(found[0])})
    for _ in range(2):
        function.invoke()
    function.delete()
    FOUND.add("runs before its sandbox (LD_PRELOAD, LD_AUDIT)", lab.backend, "failed" if made.exists() else "passed")
    assert not made.exists()


MOVES = """
import os, sys, tempfile
own = tempfile.gettempdir()
found = os.listdir(own)
libc = __import__("ctypes").CDLL(None)
libc.unshare(0x10000000)  # CLONE_NEWUSER: whoever may do that may give himself another root
try:
    os.makedirs(own + "/root")
    os.symlink(FOLDER, own + "/root/tmp")
    os.chroot(own + "/root")
except OSError:
    pass
def handler(event, context):
    if event.get("exit"): os._exit(1)
    return found
"""


def test_what_a_function_makes_of_its_root_gives_its_next_sandbox_nothing(lab, tmp_path):
    (tmp_path / "secret").touch()
    lab["moves"].deploy(MOVES.replace("FOLDER", repr(str(tmp_path))), runtime="python3.12")
    lab["moves"].invoke({"exit": True})
    result = lab["moves"].invoke()
    contained = result.ok and "secret" not in result.payload
    FOUND.add("has its next /tmp made of the person's files", lab.backend, "passed" if contained else "failed")
    assert contained, result


def test_what_was_left_behind_is_gone():
    for _ in range(50):
        left = subprocess.run(["pgrep", "-f", "sleep 86399.5"], capture_output=True, check=False).stdout
        if not left:
            return
        threading.Event().wait(0.1)
    pytest.fail(f"still there: {left}")


@pytest.fixture(scope="module", autouse=True)
def keep(request):
    yield
    FOUND.keep(request.config)
