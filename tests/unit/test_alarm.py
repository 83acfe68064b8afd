"""A timer that is kept over many waits."""

import pytest

from lambdalab.clock import FakeClock
from lambdalab.engine.alarm import Alarm


class Put:
    """An alarm whose moment the test moves, the moments it rang at, and how many timers it asked for."""

    def __init__(self):
        self.clock = FakeClock()
        self.due, self.rang, self.timers = None, [], 0
        self._really, self.clock.call_later = self.clock.call_later, self._call_later
        self.alarm = Alarm(self.clock, lambda: self.due, lambda: self.rang.append(self.clock.monotonic()))

    def _call_later(self, seconds, call):
        self.timers += 1
        return self._really(seconds, call)

    def off(self, seconds):
        self.due = self.clock.monotonic() + seconds
        self.alarm.set(seconds)


@pytest.fixture
def put():
    return Put()


def test_it_rings_when_its_moment_has_passed(put):
    put.off(3)
    put.clock.jump(2.9)
    assert put.rang == []
    put.clock.jump(0.2)
    assert put.rang == [3]


def test_it_does_not_ring_for_what_is_done(put):
    put.off(3)
    put.due = None
    put.clock.jump(10)
    assert put.rang == []


def test_what_is_put_off_rings_at_its_last_moment_and_costs_no_timer_each_time(put):
    for _ in range(100):
        put.off(3)
        put.clock.jump(0.02)
    assert put.timers == 1
    put.clock.jump(10)
    assert put.rang == [pytest.approx(99 * 0.02 + 3)]


def test_it_can_be_set_again_after_it_rang(put):
    for _ in range(2):
        put.off(3)
        put.clock.jump(3)
    assert put.rang == [3, 6]


def test_it_never_rings_once_it_is_cancelled(put):
    put.off(3)
    put.alarm.cancel()
    put.off(3)
    put.clock.jump(10)
    assert put.rang == []
