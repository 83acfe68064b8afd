"""The invocation at hand, alone: the test is the runtime, its environment and its dispatcher."""

import json
from types import SimpleNamespace

import pytest

from lambdalab.clock import FakeClock
from lambdalab.engine.invoke_phase import InvokePhase, lingers_seconds
from lambdalab.engine.log_pipe import EnvironmentLog
from lambdalab.engine.program_end import ProgramEnd
from lambdalab.engine.running import Running
from lambdalab.runtimes.backends.base import Exit
from lambdalab.runtimes.runtime_event import Event

LINGERS_SECONDS = lingers_seconds(1769)


class Around:
    """A phase, and what each of those round it saw. `held_log` are flushes that a slow log keeps waiting."""

    def __init__(self):
        self.clock, self.lines, self.saw = FakeClock(), [], []
        self.given, self.ends, self.told, self.completions = [], [], [], []
        self.log_is_slow, self.held_log = False, []
        self.closed = False
        self.phase = InvokePhase(self.clock, EnvironmentLog(self.lines.extend), self, 1769)
        self.phase.sandbox = SimpleNamespace(
            paths=((b"/real/task", b"/var/task"),),
            begin_invocation=lambda: self.saw.append("thawed"),
            end_invocation=lambda: self.saw.append("ended"),
            flush_log=self._flush,
        )

    def _flush(self, done):
        if self.log_is_slow:
            self.held_log.append(done)
        else:
            done()

    # -- the environment

    def asked(self):
        self.saw.append("asked")

    def concluded(self, end):
        self.ends.append(end)

    def drain_log(self):
        self.saw.append("drained")

    # -- the runtime's connection

    def send_event(self, event, deadline_ms):
        self.given.append((event.request_id, deadline_ms))

    # -- the dispatcher

    def begin(self, request_id="id-1", *, timeout=3):
        event = Event(request_id, b"{}", "arn", "Root=1")
        start = (f"START {request_id}",)
        self.phase.begin(Running(event, timeout, timeout, start, self.completions.append, answered=self.told.append))

    def begin_handed_out(self, request_id="id-1", **more):
        self.phase.polled(self)
        self.begin(request_id, **more)

    @property
    def only(self):
        (completion,) = self.completions
        return completion


@pytest.fixture
def around():
    return Around()


def test_a_waiting_runtime_gets_the_event_at_once_with_its_deadline(around):
    around.phase.polled(around)
    assert around.saw == ["asked"]
    around.begin(timeout=3)
    assert around.given == [("id-1", around.clock.epoch_ms() + 3000)]
    assert around.lines == ["START id-1"]


def test_an_event_for_a_runtime_that_hung_up_waits_for_its_next_poll_and_so_does_its_time(around):
    around.phase.polled(around)
    around.closed = True
    around.begin(timeout=3)
    around.clock.jump(2)
    assert around.given == around.lines == []
    around.closed = False
    around.phase.polled(around)
    assert around.given == [("id-1", around.clock.epoch_ms() + 3000)]
    around.clock.jump(2)
    assert around.phase.responded("id-1", b"1", too_large=False)
    around.phase.polled(around)
    assert around.only.duration_ms == 2000


def test_a_runtime_that_hung_up_and_asks_no_more_has_timed_out(around):
    around.phase.polled(around)
    around.closed = True
    around.begin(timeout=3)
    around.clock.jump(3.1)
    assert (around.only.outcome, around.only.duration_ms) == ("timeout", 3000)
    assert around.lines == ["START id-1"] and around.given == []


def test_an_answer_ends_the_invocation_with_the_next_poll_and_the_first_one_stands(around):
    around.begin_handed_out()
    assert around.phase.responded("id-1", b'"first"', too_large=False)
    assert around.phase.is_answered("id-1")
    assert not around.phase.responded("id-1", b'"second"', too_large=False)
    assert not around.phase.failed("id-1", b"{}", "Late")
    assert around.completions == []
    around.phase.polled(around)
    assert (around.only.body, around.only.outcome) == (b'"first"', "ok")
    assert around.ends[0].ended is None


def test_an_answer_ends_it_at_once_where_the_runtime_polls_already(around):
    around.begin_handed_out()
    around.phase.polled(around)
    assert around.completions == []
    around.phase.responded("id-1", b"1", too_large=False)
    assert around.only.body == b"1"


def test_a_runtime_that_works_on_has_its_caller_answered_and_its_time_counted_until_it_polls(around):
    around.begin_handed_out()
    around.clock.jump(1)
    around.phase.responded("id-1", b"1", too_large=False)
    assert around.told == []
    around.clock.jump(LINGERS_SECONDS)
    assert [(one.body, one.duration_ms) for one in around.told] == [(b"1", 1000)]
    assert around.completions == [] and around.saw[-1] != "ended"
    around.clock.jump(1)
    around.phase.polled(around)
    assert (around.only.body, around.only.outcome) == (b"1", "ok")
    assert around.only.duration_ms == pytest.approx(2050)
    assert len(around.told) == 1


def test_a_runtime_that_works_on_past_its_time_is_ended_and_its_answer_stands(around):
    around.begin_handed_out(timeout=3)
    around.phase.responded("id-1", b"1", too_large=False)
    around.clock.jump(3.1)
    assert [one.body for one in around.told] == [b"1"]
    assert (around.only.outcome, around.only.duration_ms) == ("timeout", 3000)
    assert around.ends[0].why == "TIMEOUT"


@pytest.mark.parametrize(("memory", "seconds"), [(128, 0.69), (1769, 0.05), (10_240, 0.05)])
def test_a_caller_waits_for_the_poll_as_long_as_the_processors_share_makes_it_take(memory, seconds):
    assert lingers_seconds(memory) == pytest.approx(seconds, abs=0.01)


def test_the_answer_of_a_runtime_that_ends_with_it_stands(around):
    around.begin_handed_out()
    around.phase.responded("id-1", b"1", too_large=False)
    assert around.phase.fail(ProgramEnd(None, Exit("exited", status=3)).failure, "it ended")
    assert [one.body for one in around.told] == [b"1"]
    assert around.only.error_type == "Runtime.ExitError"


def test_an_answer_to_another_invocation_counts_for_nothing(around):
    around.begin_handed_out()
    assert not around.phase.responded("id-0", b"1", too_large=False)
    assert not around.phase.is_answered("id-0")
    assert not around.phase.is_answered("id-1")
    assert around.completions == []


def test_nothing_is_answered_before_it_is_handed_out(around):
    around.begin()
    assert not around.phase.responded("id-1", b"1", too_large=False)


def test_an_error_ends_the_invocation_with_the_next_poll_and_has_awss_paths(around):
    around.begin_handed_out()
    assert around.phase.failed("id-1", b'{"stackTrace": ["/real/task/app.py"]}', "ValueError")
    assert around.completions == []
    around.phase.polled(around)
    assert (around.only.body, around.only.outcome) == (b'{"stackTrace": ["/var/task/app.py"]}', "error")
    assert around.only.error_type == "ValueError"


def test_after_an_error_no_answer_counts(around):
    around.begin_handed_out()
    around.phase.failed("id-1", b"{}", "ValueError")
    assert not around.phase.responded("id-1", b"1", too_large=False)
    assert around.phase.is_answered("id-1")


def test_the_environment_hears_of_the_end_before_the_dispatcher_does_who_may_bring_another_event(around):
    order = []
    around.concluded = lambda end: order.append("environment")

    def done(completion):
        order.append("dispatcher")
        around.begin("id-2")

    around.phase.polled(around)
    around.phase.begin(Running(Event("id-1", b"{}", "arn", "Root=1"), 3, 3, (), done))
    around.phase.responded("id-1", b"1", too_large=False)
    around.phase.polled(around)
    assert order == ["environment", "dispatcher"]
    around.phase.polled(around)
    assert [request_id for request_id, _ in around.given] == ["id-1", "id-2"]


def test_it_is_over_when_its_log_is_here_and_lasted_until_the_poll(around):
    around.log_is_slow = True
    around.begin_handed_out()
    around.clock.jump(1)
    around.phase.responded("id-1", b"1", too_large=False)
    around.phase.polled(around)
    around.clock.jump(1)
    assert around.completions == []
    (arrived,) = around.held_log
    arrived()
    assert around.only.duration_ms == 1000


def test_a_timeout_takes_the_log_so_far_and_ends_the_environment(around):
    around.begin_handed_out(timeout=3)
    around.clock.jump(3.1)
    assert around.saw[-2:] == ["drained", "ended"]
    assert json.loads(around.only.body)["errorMessage"] == "RequestId: id-1 Error: Task timed out after 3.00 seconds"
    assert (around.only.outcome, around.only.duration_ms) == ("timeout", 3000)
    assert (around.ends[0].ended, around.ends[0].why) == ("the last one was ended after a timeout", "TIMEOUT")


def test_each_invocation_has_its_own_time(around):
    around.begin_handed_out("id-1", timeout=3)
    around.clock.jump(2)
    around.phase.responded("id-1", b"1", too_large=False)
    around.begin_handed_out("id-2", timeout=3)
    around.clock.jump(2.9)
    assert len(around.completions) == 1
    around.clock.jump(0.2)
    assert around.completions[1].outcome == "timeout"


def test_an_error_that_was_reported_goes_before_the_timeout_that_followed(around):
    around.begin_handed_out()
    around.phase.failed("id-1", b"{}", "ValueError")
    around.clock.jump(4)
    assert [(one.outcome, one.error_type) for one in around.told] == [("error", "ValueError")]
    assert around.only.outcome == "timeout"
    assert around.ends[0].why == "TIMEOUT"


def test_an_error_ends_it_at_once_where_the_runtime_polls_already(around):
    around.begin_handed_out()
    around.phase.polled(around)
    around.phase.failed("id-1", b"{}", "ValueError")
    assert around.only.outcome == "error"


def test_the_runtimes_end_fails_what_it_was_given(around):
    around.begin_handed_out()
    assert around.phase.fail(ProgramEnd(None, Exit("exited", status=3)).failure, "it ended")
    assert around.only.error_type == "Runtime.ExitError"
    assert around.ends[0].ended == "it ended"
    assert around.phase.take_back() is None


def test_what_the_runtime_never_got_can_be_taken_back(around):
    around.begin()
    assert not around.phase.fail(ProgramEnd(None, Exit("exited", status=3)).failure, "it ended")
    assert around.phase.take_back().event.request_id == "id-1"
    around.phase.polled(around)
    assert around.given == around.completions == []


def test_the_environments_end_is_the_invocations_even_if_its_log_never_comes(around):
    around.log_is_slow = True
    around.begin_handed_out()
    around.phase.stop("the region ended")
    assert (around.only.outcome, around.ends[0].ended) == ("exit", "the region ended")
    around.clock.jump(10)
    assert len(around.completions) == 1
