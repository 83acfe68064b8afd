"""The small parts of the region's process: keys, the lock, the readiness pipe, the end when idle, its own log."""

import asyncio
import os
import stat

import pytest

from lambdalab.api import url_serving
from lambdalab.api.gateway import Gateway
from lambdalab.api.http import HttpRequest
from lambdalab.api.lifecycle import Lifecycle
from lambdalab.clock import FakeClock
from lambdalab.errors import RegionUnavailable
from lambdalab.server import keys
from lambdalab.server.ready import Ready
from lambdalab.server.running import RunningLock


def test_keys_are_made_once_and_kept_private(tmp_path):
    path = tmp_path / "credentials.json"
    first = keys.load_or_make(path, "123456789012")
    assert keys.load_or_make(path, "123456789012") == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(first.person.access_key_id) == 20
    assert len(first.person.secret_access_key) == 40
    assert first.function.token


def test_two_homes_have_different_keys(tmp_path):
    made = [keys.load_or_make(tmp_path / name, "123456789012").person for name in ("a", "b")]
    assert made[0].secret_access_key != made[1].secret_access_key


def test_another_account_gets_keys_of_its_own(tmp_path):
    path = tmp_path / "credentials.json"
    keys.load_or_make(path, "123456789012")
    assert keys.load_or_make(path, "210987654321").person.account == "210987654321"


def test_a_home_has_one_region_at_a_time(tmp_path):
    with RunningLock(tmp_path):
        # POSIX record locks belong to processes: only another one is refused.
        pid = os.fork()
        if pid == 0:
            try:
                with RunningLock(tmp_path):
                    os._exit(0)
            except RegionUnavailable:
                os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    with RunningLock(tmp_path):
        pass


def test_the_starter_hears_that_the_region_is_ready():
    read, write = os.pipe()
    Ready(write).ready()
    assert os.read(read, 100) == b"ready\n"
    assert os.read(read, 100) == b""
    os.close(read)


def test_the_starter_hears_in_one_line_why_it_is_not():
    read, write = os.pipe()
    Ready(write).failed("two\nlines")
    assert os.read(read, 100) == b"two lines\n"
    os.close(read)


def test_without_a_starter_nothing_is_told():
    Ready.from_environment({}).ready()


def lifecycle(idle):
    clock = FakeClock()
    return clock, Lifecycle(clock, idle)


def test_an_idle_region_ends():
    clock, life = lifecycle(60)
    clock.jump(61)
    assert life.ending.is_set()


def test_a_request_puts_the_end_off():
    clock, life = lifecycle(60)
    clock.jump(50)
    life.request()
    life.answered()
    clock.jump(50)
    assert not life.ending.is_set()
    clock.jump(11)
    assert life.ending.is_set()


def test_a_region_with_a_request_in_hand_is_not_idle_and_the_time_counts_from_the_answer():
    clock, life = lifecycle(60)
    life.request()
    clock.jump(500)
    life.answered()
    clock.jump(59)
    assert not life.ending.is_set()
    clock.jump(2)
    assert life.ending.is_set()


def test_one_answer_of_two_does_not_make_a_region_idle():
    clock, life = lifecycle(60)
    life.request()
    life.request()
    life.answered()
    clock.jump(500)
    assert not life.ending.is_set()


def test_a_region_at_work_for_nobodys_request_is_not_idle():
    clock, life = lifecycle(60)
    life.at_work = lambda: clock.monotonic() < 500
    clock.jump(500)
    assert not life.ending.is_set()
    clock.jump(61)
    assert life.ending.is_set()


def test_a_region_may_stay_for_ever():
    clock, life = lifecycle(0)
    clock.jump(10**9)
    assert not life.ending.is_set()


def test_a_region_that_is_told_to_stop_ends_after_its_answer():
    clock, life = lifecycle(60)
    life.stop()
    assert not life.ending.is_set()
    clock.jump(1)
    assert life.ending.is_set()


def test_it_is_told_who_first_asked_for_the_end():
    clock, life = lifecycle(60)
    life.end("SIGTERM")
    clock.jump(61)
    assert life.why == "SIGTERM"


def test_uptime_is_counted_from_the_start():
    clock, life = lifecycle(60)
    clock.jump(12)
    assert life.uptime_seconds == pytest.approx(12)


def test_a_failure_is_logged_with_its_path_and_without_its_query(monkeypatch, caplog):
    def fail(request):
        raise RuntimeError("a fault of the region's")

    monkeypatch.setattr(url_serving, "is_url", fail)
    gateway = Gateway(None, {})
    answer = asyncio.run(gateway.respond(HttpRequest("GET", b"/shop/cart?card=4111111111111111")))
    assert answer.status == 500
    assert "GET b'/shop/cart'" in caplog.text
    assert "4111" not in caplog.text + answer.body.decode()
