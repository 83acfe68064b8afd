"""What Binder is: uid 1000, Docker's default seccomp profile, no network, no Docker, 2 GB.

The container has this machine's Python and this environment's packages; its own system is a bare Debian.
"""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker
ROOT = Path(__file__).parents[2]
IMAGE = os.environ.get("LAMBDALAB_TEST_IMAGE", "lambdalab-test-base")
PYTHON = f"python3.{sys.version_info.minor}"
HOME = "/home/jovyan"


def in_container(*command, timeout=240):
    """Run a command as Binder would; the whole output, and its status."""
    environment = {
        "HOME": HOME,
        "PATH": "/opt/python/bin:/usr/bin:/bin",
        "PYTHONPATH": "/opt/lambdalab:/opt/site",
        "LD_LIBRARY_PATH": "/opt/python/lib",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    docker = [
        "docker", "run", "--rm", "--network", "none", "--user", "1000:1000", "--memory", "2g", "--workdir", HOME,
        "--pids-limit", "4000",
        "--tmpfs", f"{HOME}:uid=1000,gid=1000,mode=755,size=512m",
        "--volume", f"{sys.base_prefix}:/opt/python:ro",
        "--volume", f"{sysconfig.get_path('purelib')}:/opt/site:ro",
        "--volume", f"{ROOT}:/opt/lambdalab:ro",
        *(word for name, value in environment.items() for word in ("--env", f"{name}={value}")),
        IMAGE, *command,
    ]  # fmt: skip
    return subprocess.run(docker, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.fixture(scope="module", autouse=True)
def image():
    if subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, check=False).returncode:
        pytest.fail(f"there is no image {IMAGE}; .ci/run makes it") if _required() else pytest.skip(f"no image {IMAGE}")


def _required():
    return "docker" in os.environ.get("LAMBDALAB_REQUIRE", "")


def test_the_first_lab_runs():
    done = in_container(
        PYTHON, "-m", "lambdalab.cli", "lab", "--headless", "/opt/lambdalab/labs/01-first-function.ipynb"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "REPORT RequestId: " in done.stdout
    assert "cost: $" in done.stdout
    assert "cells ran in" in done.stdout


def test_doctor_says_which_isolation_it_has():
    done = in_container(PYTHON, "-m", "lambdalab.cli", "doctor", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["backend"] == "process"
    sandbox = next(level for level in report["levels"] if level["backend"] == "sandbox")
    assert not sandbox["available"]
    assert "bubblewrap" in sandbox["reason"]
    found = [one["name"] for one in report["runtimes"] if not one["problem"]]
    assert [name for name in found if not name.startswith("provided")] == [PYTHON]  # those bring their program


def test_limits_hold_there_too():
    script = """
from lambdalab import Lab
with Lab(isolated=True) as lab:
    lab["hog"].deploy("def handler(e, c):\\n    kept = []\\n    for _ in range(40): kept.append(b'x' * 10_000_000)\\n")
    hog = lab["hog"].invoke()
    print(hog, hog.log)
    lab["exit"].deploy("import os\\ndef handler(e, c): os._exit(3)\\n")
    print(lab["exit"].invoke().error.message)
    lab["slow"].deploy("def handler(e, c):\\n    while True: pass\\n", timeout=1)
    print(lab["slow"].invoke())
    lab["snoop"].deploy("import os\\ndef handler(e, c):\\n    try: return os.listdir(e)\\n    except OSError as why: return str(why)\\n")
    print(lab["snoop"].invoke(str(lab.settings.home)).payload)
"""
    done = in_container(PYTHON, "-c", script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hog:$LATEST out of memory at 128 MB" in done.stdout
    assert "Memory Size: 128 MB\tMax Memory Used: 128 MB" in done.stdout
    assert "Runtime exited with error: exit status 3" in done.stdout
    assert "slow:$LATEST timeout after 1.00 s" in done.stdout
    assert "Permission denied" in done.stdout


HEAD = """
import json, os, threading, time
from lambdalab import Lab

def say(**found):
    print("FOUND", json.dumps(found))

def processes():
    return sum(name.isdigit() for name in os.listdir("/proc"))

def at_most(count):
    deadline = time.monotonic() + 10
    while processes() > count and time.monotonic() < deadline:
        time.sleep(0.05)
    return processes() - count

with Lab(isolated=True) as lab:
"""


def found_by(steps, **sources):
    """What the steps, which have a `lab` and the sources, say."""
    head = "".join(f"{name} = {source!r}\n" for name, source in sources.items()) + HEAD
    body = "".join(f"    {line}\n" for line in steps.strip().splitlines())
    done = in_container("timeout", "-s", "KILL", "100", PYTHON, "-c", head + body, timeout=120)
    said = [json.loads(line[6:]) for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    assert said, done.stdout + done.stderr
    return {name: value for one in said for name, value in one.items()}


BOMB = """
import os
def handler(event, context):
    while True:
        try: os.fork()
        except OSError: pass
"""


def test_a_fork_bomb_ends_at_its_timeout_while_the_region_answers_within_a_second():
    steps = """
lab["good"].deploy("def handler(e, c): return 1")
lab["good"].invoke()
lab["bomb"].deploy(BOMB, timeout=4, memory=1769)
before, results = processes(), []
bomb = threading.Thread(target=lambda: results.append(lab["bomb"].invoke()))
bomb.start()
slowest = most = 0
while bomb.is_alive():
    began = time.monotonic()
    assert lab["good"].invoke().ok
    slowest = max(slowest, time.monotonic() - began)
    most = max(most, processes() - before)
    time.sleep(0.1)
say(slowest=slowest, most=most, error=results[0].error.message, left=at_most(before))
"""
    found = found_by(steps, BOMB=BOMB)
    assert found["slowest"] < 1.0
    assert 64 < found["most"] < 1100, "it forks, and not without end"
    assert "Task timed out after 4.00 seconds" in found["error"]
    assert found["left"] <= 0


FORKS = """
import os, time
def handler(event, context):
    made = 0
    try:
        while made < 3000:
            if os.fork() == 0: time.sleep(60)
            made += 1
    except OSError as why:
        return [made, str(why)]
"""
THREADS = """
import threading, time
def handler(event, context):
    made = 0
    threading.stack_size(65536)
    try:
        while made < 3000:
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
            made += 1
    except RuntimeError as why:
        return [made, str(why)]
"""


@pytest.mark.parametrize(
    ("source", "refusal"),
    [(FORKS, "[Errno 11] Resource temporarily unavailable"), (THREADS, "can't start new thread")],
    ids=["processes", "threads"],
)
def test_a_function_is_refused_more_than_1024(source, refusal):
    steps = """
lab["many"].deploy(SOURCE, timeout=30, memory=1769)
result = lab["many"].invoke()
say(result=result.payload if result.ok else str(result))
"""
    made, why = found_by(steps, SOURCE=source)["result"]
    assert 1000 < made <= 1024
    assert why == refusal


DAEMON = """
import os, tempfile, time
FILE = os.path.join(tempfile.gettempdir(), "said")
def handler(event, context):
    if event:
        if os.fork() == 0:
            os.setsid()
            if os.fork(): os._exit(0)
            daemon()
            os._exit(0)
        time.sleep(event["wait"])
    return open(FILE).read() if os.path.exists(FILE) else ""
def daemon():
    began, n, held = time.time(), 0, []
    while time.time() - began < 60:
        n += 1
        open(FILE + "_", "w").write(f"{n} {sum(os.times()[:2])}")
        os.rename(FILE + "_", FILE)
"""


def test_a_daemon_is_frozen_shares_the_processor_and_ends_with_its_environment():
    steps = """
lab.doctor()
before = processes()
lab["daemon"].deploy(DAEMON, timeout=20, memory=128)
during = lab["daemon"].invoke({"wait": 3}).payload
time.sleep(2)
after = lab["daemon"].invoke().payload
lab["daemon"].delete()
say(during=during, after=after, left=at_most(before))
"""
    found = found_by(steps, DAEMON=DAEMON)
    rounds, used = found["during"].split()
    later, _ = found["after"].split()
    assert 0.0 < float(used) < 3 * 128 / 1769 + 0.2, "three seconds with the share of 128 MB"
    assert int(later) < int(rounds) * 1.3, "two frozen seconds are not the daemon's"
    assert found["left"] <= 0


def test_what_a_daemon_holds_counts_for_the_memory_size():
    steps = """
lab["hog"].deploy(DAEMON.replace("n += 1", "n += 1; held.append(b'x' * 1_000_000)"), timeout=20, memory=442)
say(outcome=lab["hog"].invoke({"wait": 15}).record.outcome)
"""
    assert found_by(steps, DAEMON=DAEMON)["outcome"] == "out_of_memory"
