"""The region's end: in order and alike whoever asks for it, at once for whoever asks twice."""

import os
import signal
import subprocess
import sys

import pytest

from tests.serving import Serving

STAYS = {"STAYS": "1"}
"""For an extension that does not end when it is told to: the end in order waits for it, two seconds."""


def lambdalab(home, *words):
    environment = {**os.environ, "LAMBDALAB_HOME": str(home)}
    command = [sys.executable, "-m", "lambdalab.cli", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_in_order_and_the_status_is_0(tmp_path, number):
    with Serving(tmp_path) as serving:
        serving.use()
        serving.process.send_signal(number)
        said = serving.hear()
        assert serving.ends() == 0
        serving.check_order()
        assert f"ending: {number.name}\n" in said
        assert " ended after " in said.splitlines()[-1]
        assert "Traceback" not in said


def test_ctrl_c_ends_it_in_order_and_leaves_no_traceback(tmp_path):
    with Serving(tmp_path) as serving:
        serving.use()
        serving.type(b"\x03")
        said = serving.hear()
        assert serving.ends() == 0
        serving.check_order()
        assert " ended after " in said.splitlines()[-1]
        assert "Traceback" not in said


def test_it_ends_in_order_with_its_terminal(tmp_path):
    with Serving(tmp_path) as serving:
        serving.use()
        serving.close_terminal()
        assert serving.ends() == 0
        serving.check_order()


def test_stop_ends_it_in_order(tmp_path):
    with Serving(tmp_path) as serving:
        serving.use()
        assert "has ended" in lambdalab(tmp_path, "stop").stdout
        said = serving.hear()
        assert serving.ends() == 0
        serving.check_order()
        assert "ending: a client's request\n" in said


def test_it_ends_in_order_when_nobody_asks(tmp_path):
    with Serving(tmp_path, "--idle-seconds", "2") as serving:
        serving.use()
        said = serving.hear()
        assert serving.ends() == 0
        serving.check_order()
        assert "ending: 2 s without a request\n" in said


def test_it_ends_in_order_with_its_owner_and_takes_the_home_along(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    read, write = os.pipe()
    with Serving(home, pass_fds=[read], LAMBDALAB_OWNER_FD=str(read)) as serving:
        os.close(read)
        serving.use()
        os.close(write)
        said = serving.hear()
        assert serving.ends() == 0
        assert "ending: its owner has ended\n" in said
        assert " ended after " in said.splitlines()[-1]
        assert not home.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(tmp_path, number):
    with Serving(tmp_path) as serving:
        serving.use(**STAYS)
        serving.process.send_signal(signal.SIGTERM)
        serving.hear("ending: SIGTERM")
        serving.process.send_signal(number)
        said = serving.hear()
        assert serving.ends() == -number
        assert "ended after" not in said
        assert "Traceback" not in said


def test_a_hangup_does_not_hurry_it(tmp_path):
    """A shell passes it on and the kernel sends it again; systemd may send it with SIGTERM."""
    with Serving(tmp_path) as serving:
        serving.use(**STAYS)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGHUP):
            serving.process.send_signal(number)
        assert " ended after " in serving.hear().splitlines()[-1]
        assert serving.ends() == 0
        serving.check_order()


def test_what_it_was_started_to_ignore_does_not_end_it(tmp_path):
    with Serving(tmp_path, ignored=[signal.SIGHUP, signal.SIGINT]) as serving:
        serving.use()
        for number in (signal.SIGHUP, signal.SIGINT):
            serving.process.send_signal(number)
        assert lambdalab(tmp_path, "status").returncode == 0
        serving.process.send_signal(signal.SIGTERM)
        said = serving.hear()
        assert serving.ends() == 0
        serving.check_order()
        assert "ending: SIGTERM\n" in said
