"""A region's life: started once however many ask, found again, killed, ended with its owner."""

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from lambdalab import Lab
from lambdalab.client import region
from lambdalab.config import load
from lambdalab.errors import LabError

ECHO = "def handler(event, context):\n    return event\n"


@pytest.fixture
def home(tmp_path):
    yield tmp_path / "home"
    region.stop(load(home=tmp_path / "home"))


def pid_of(home):
    return json.loads((home / "region.json").read_text())["pid"]


def ends(pid, seconds=20):
    """Whether the process is gone, or a zombie of ours, before long."""
    try:
        psutil.Process(pid).wait(seconds)
    except psutil.NoSuchProcess:
        pass
    except psutil.TimeoutExpired:
        return False
    return True


def run_cli(home, *words):
    environment = {**os.environ, "LAMBDALAB_HOME": str(home)}
    command = [sys.executable, "-m", "lambdalab.cli", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_region_that_starts_again_is_where_the_last_one_was(home):
    first = run_cli(home, "env").stdout
    region.stop(load(home=home))
    assert run_cli(home, "env").stdout == first


def test_where_another_program_has_the_port_it_takes_another(home):
    first = run_cli(home, "env").stdout
    region.stop(load(home=home))
    with socket.create_server(("127.0.0.1", int((home / "port").read_text()))):
        assert run_cli(home, "env").stdout != first
        assert run_cli(home, "status").returncode == 0


def test_ten_processes_that_ask_at_once_get_the_same_region(home):
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: run_cli(home, "env"), range(10)))
    assert [answer.returncode for answer in answers] == [0] * 10, answers[0].stderr
    assert len({answer.stdout for answer in answers}) == 1
    servers = [p for p in psutil.process_iter(["cmdline", "environ"]) if _serves(p, home)]
    assert len({p.pid for p in servers if p.pid == pid_of(home)}) == 1
    assert all(p.ppid() == pid_of(home) or p.pid == pid_of(home) or _below(p, pid_of(home)) for p in servers)


def _serves(process, home):
    return "lambdalab.server" in " ".join(process.info["cmdline"] or ()) and (process.info["environ"] or {}).get(
        "LAMBDALAB_HOME"
    ) == str(home)


def _below(process, pid):
    return pid in [parent.pid for parent in process.parents()]


def test_what_tells_of_the_region_is_for_its_owner_alone(home):
    Lab(home=home).functions()
    for name in ("region.json", "credentials.json"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_another_client_finds_the_same_region_again(home):
    first, second = Lab(home=home), Lab(home=home)
    first["kept"].deploy(ECHO)
    assert second.endpoint == first.endpoint
    assert second["kept"].invoke({"n": 1}).payload == {"n": 1}


def test_an_answered_write_survives_kill_9_and_the_next_call_starts_a_region_again(home):
    lab = Lab(home=home)
    for number in range(20):
        lab[f"kept{number}"].deploy(ECHO, memory=128 + number)
    os.kill(pid_of(home), signal.SIGKILL)
    ended = pid_of(home)
    assert len(lab.functions()) == 20
    assert pid_of(home) != ended
    assert lab["kept7"].configuration["MemorySize"] == 135
    assert lab["kept7"].invoke({"n": 2}).payload == {"n": 2}


def test_kill_9_leaves_no_process_of_a_function_behind(home):
    lab = Lab(home=home)
    lab["left"].deploy(
        "import os\ndef handler(e, c):\n    if os.fork() == 0:\n        import time\n        time.sleep(600)\n    return 1\n"
    )
    lab["left"].invoke()
    family = psutil.Process(pid_of(home)).children(recursive=True)
    assert len(family) >= 3
    os.kill(pid_of(home), signal.SIGKILL)
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive


def test_a_region_whose_supervisor_is_killed_ends_and_the_next_call_starts_another(home):
    lab = Lab(home=home)
    lab["waits"].deploy("import time\ndef handler(event, context):\n    time.sleep(event['s'])\n", timeout=30)
    lab["waits"].invoke({"s": 0})
    first = region.find(load(home=home))
    (supervisor,) = (one for one in psutil.Process(first.pid).children() if one.name().startswith("lambdalab"))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lab["waits"].invoke, {"s": 25})
        while not first.status()["environments"]["busy"]:
            time.sleep(0.01)
        supervisor.kill()
        result = waiting.result(20)
    assert (result.error.type, "signal: killed" in result.error.message) == ("Runtime.ExitError", True)
    assert ends(first.pid)
    assert lab["waits"].invoke({"s": 0}).ok
    assert pid_of(home) != first.pid


def test_what_answers_nobody_and_holds_the_home_is_ended_by_stop(home):
    lab = Lab(home=home)
    lab["kept"].deploy(ECHO)
    pid = pid_of(home)
    described = json.loads((home / "region.json").read_text())
    with socket.socket() as nobody:  # bound, not listening: as if the region accepted nobody any more
        nobody.bind(("127.0.0.1", 0))
        described["endpoint"] = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        (home / "region.json").write_text(json.dumps(described))
        done = run_cli(home, "stop")
    assert (done.returncode, done.stderr) == (0, "")
    assert ends(pid)
    assert "has ended" in done.stdout


def test_a_stale_region_file_is_no_region(home):
    home.mkdir()
    stale = {"endpoint": "http://127.0.0.1:9", "pid": os.getpid(), "access_key_id": "A", "secret_access_key": "s",
             "account": "123456789012", "region": "us-east-1"}  # fmt: skip
    (home / "region.json").write_text(json.dumps(stale))
    assert region.find(load(home=home)) is None
    assert Lab(home=home).functions() == ()


def test_a_half_written_region_file_is_no_region(home):
    home.mkdir()
    (home / "region.json").write_text('{"endpoint": "http://127')
    assert Lab(home=home).functions() == ()


def test_keys_outlive_the_region(home):
    before = Lab(home=home).credentials
    assert region.stop(load(home=home))
    assert Lab(home=home).credentials == before


def test_the_region_ends_when_nobody_asks(home):
    lab = Lab(home=home, idle_seconds=0.5)
    lab.functions()
    assert ends(pid_of(home) if (home / "region.json").exists() else -1)
    assert not (home / "region.json").exists()
    assert lab.functions() == ()  # and starts again when somebody does


def test_an_isolated_lab_that_was_closed_does_not_come_back():
    with Lab(isolated=True) as lab:
        lab["f"].deploy(ECHO)
    with pytest.raises(LabError, match="was closed, and all that was in it is gone"):
        lab["f"].invoke()
    assert repr(lab) == "Lab at isolated, closed"


def test_an_isolated_lab_leaves_nothing(tmp_path):
    with Lab(isolated=True) as lab:
        lab["gone"].deploy(ECHO)
        where, pid = lab.settings.home, pid_of(lab.settings.home)
    assert not where.exists()
    assert ends(pid)


def test_an_isolated_lab_ends_with_a_process_that_is_killed(tmp_path):
    script = """
        import os, signal, sys
        from lambdalab import Lab
        lab = Lab(isolated=True)
        lab.functions()
        print(lab.settings.home, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True, check=False
    )
    where = Path(done.stdout.strip())
    deadline = time.monotonic() + 20
    while where.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not where.exists()


def test_writers_at_the_same_time_lose_nothing(home):
    Lab(home=home).functions()

    def deploy(number):
        return Lab(home=home)[f"f{number % 8}"].deploy(ECHO, memory=128 + number)

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(_outcome, [lambda n=n: deploy(n) for n in range(32)]))
    assert not [one for one in outcomes if isinstance(one, Exception) and not isinstance(one, LabError)]
    assert [one["FunctionName"] for one in Lab(home=home).functions()] == [f"f{n}" for n in range(8)]


def _outcome(call):
    try:
        return call()
    except Exception as problem:
        return problem


def test_a_home_that_cannot_be_used_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("")
    done = run_cli(tmp_path / "file", "env")
    assert done.returncode == 1
    assert "file" in done.stderr
    assert "Traceback" not in done.stderr


def test_status_stop_and_reset(home):
    assert run_cli(home, "status").returncode == 1
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:" in run_cli(home, "env").stdout
    assert run_cli(home, "status").returncode == 0
    ended = run_cli(home, "stop").stdout
    assert "has ended; its functions stay" in ended
    assert "any %lambda line, or `lambdalab env`, starts it again" in ended
    assert "no region runs" in run_cli(home, "stop").stdout
    assert run_cli(home, "reset", "--yes").returncode == 0
    assert not home.exists()


def test_a_region_that_does_not_answer_is_told_of_and_can_be_ended(home):
    lab = Lab(home=home)
    lab["kept"].deploy(ECHO)
    pid = pid_of(home)
    os.kill(pid, signal.SIGSTOP)
    try:
        for command in ("status", "env"):
            began = time.monotonic()
            done = run_cli(home, command)
            assert time.monotonic() - began < 20
            assert done.returncode == 1
            assert str(pid) in done.stderr
            assert str(home / "region.log") in done.stderr
            assert "lambdalab stop" in done.stderr
        done = run_cli(home, "stop")
        assert (done.returncode, done.stderr) == (0, "")
        assert "has ended" in done.stdout
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    assert ends(pid)
    assert [one["FunctionName"] for one in Lab(home=home).functions()] == ["kept"]


def test_whoever_has_a_dead_regions_number_and_port_is_no_region_and_is_not_ended(home):
    home.mkdir()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        stale = {"endpoint": f"http://127.0.0.1:{silent.getsockname()[1]}", "pid": os.getpid(), "access_key_id": "A",
                 "secret_access_key": "s", "account": "123456789012", "region": "us-east-1"}  # fmt: skip
        (home / "region.json").write_text(json.dumps(stale))
        assert "no region runs" in run_cli(home, "stop").stdout


def test_reset_spares_a_directory_that_is_no_home(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    done = run_cli(tmp_path, "reset", "--yes")
    assert done.returncode == 1
    assert (tmp_path / "thesis.txt").exists()
