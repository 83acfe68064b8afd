"""Waiting for the region: the status line, and Interrupt."""

import _thread
import threading

import pytest

from lambdalab import Lab
from lambdalab.client.giving_up import GivenUp
from lambdalab.errors import RegionUnavailable
from lambdalab.notebook import pulling
from lambdalab.notebook.aws_environment import AwsEnvironment
from lambdalab.notebook.status import CellStatus
from lambdalab.notebook.waiting import Interrupted, wait


class FakeStatus:
    """A status line that remembers, and runs `on_show` when it is first shown."""

    changes = False

    def __init__(self, on_show=lambda: None):
        self.said = []
        self._on_show = on_show

    def show(self, seconds):
        self.said.append(seconds)
        self._on_show()

    def clear(self):
        self.said.append("cleared")


def test_a_quick_call_shows_no_status_line():
    status = FakeStatus()
    assert wait(lambda: 42, "the answer", status, patience=30) == 42
    assert status.said == []


def test_a_slow_call_shows_a_status_line_and_takes_it_away():
    finish = threading.Event()
    status = FakeStatus(on_show=finish.set)
    assert wait(lambda: finish.wait(30), "the answer", status, patience=0) is True
    assert status.said[1:] == ["cleared"]


class FakeShell:
    """A shell that runs one magic, and keeps what is displayed."""

    def __init__(self):
        self.history_manager = self.display_pub = self
        self.input_hist_raw = ["", "%lambda config hello --vpc subnet-1/sg-1"]
        self.shown = []

    def publish(self, data, **_more):
        self.shown.append(data["text/plain"].replace("\xa0", " "))


def test_the_status_line_says_what_is_simulated_once_that_is_known():
    shell = FakeShell()
    status = CellStatus(shell, "config hello")
    status.show(1)
    status.waiting("60 s for its network interfaces, simulated on the lab's clock")
    status.show(2)
    assert shell.shown == [
        "Waiting for config hello, 1.00 s. Interrupt stops the wait.",
        "Waiting for config hello, 2.00 s (60 s for its network interfaces, simulated on the lab's clock)."
        " Interrupt stops the wait.",
    ]


def test_the_status_line_has_a_bar_for_an_image_that_is_being_pulled():
    class Pulling:
        def pulls(self):
            layers = {"layers": 8, "layers_done": 6, "state": "Downloading"}
            return [{"image": "mirror/python:3.12", "done_bytes": 45_000_000, "total_bytes": 90_000_000, **layers}]

    shell = FakeShell()
    CellStatus(shell, "deploy hello", lambda: pulling.words(Pulling())).show(2)
    assert shell.shown == [
        "Waiting for deploy hello, 2.00 s. Interrupt stops the wait.\n"
        "Pulling mirror/python:3.12 ██████████░░░░░░░░░░ 45.0 MB of 90.0 MB, 6 of 8 layers there"
    ]


def test_a_region_that_does_not_say_what_it_pulls_does_not_end_the_wait():
    class Silent:
        def pulls(self):
            raise RegionUnavailable("it ended")

    assert pulling.words(Silent()) == ""


def test_what_has_something_new_to_say_does_not_wait_for_patience():
    finish = threading.Event()
    status = FakeStatus(on_show=finish.set)
    status.changes = True
    assert wait(lambda: finish.wait(30), "the answer", status, patience=30) is True
    assert status.said[1:] == ["cleared"]


def test_the_calls_error_is_raised_in_the_caller():
    def fail():
        raise KeyError("price")

    with pytest.raises(KeyError, match="price"):
        wait(fail, "the answer", FakeStatus())


def test_the_status_line_goes_away_when_the_call_fails():
    begun = threading.Event()

    def fail():
        begun.wait(30)
        raise KeyError("price")

    status = FakeStatus(on_show=begun.set)
    with pytest.raises(KeyError):
        wait(fail, "the answer", status, patience=0)
    assert status.said[1:] == ["cleared"]


def test_interrupt_ends_the_wait_and_not_the_call():
    finish, finished = threading.Event(), threading.Event()

    def call():
        finish.wait(30)
        finished.set()

    status = FakeStatus(on_show=_thread.interrupt_main)
    with pytest.raises(Interrupted, match="stopped waiting for invoke hello; the region goes on by itself"):
        wait(call, "invoke hello", status, patience=0)
    assert status.said[-1] == "cleared"
    assert not finished.is_set()
    finish.set()
    assert finished.wait(30)


def test_what_is_interrupted_sends_nothing_more(tmp_path):
    finish, ended, why = threading.Event(), threading.Event(), []

    def call():
        finish.wait(30)  # as a compiler does, that Interrupt does not reach
        try:
            Lab(home=tmp_path / "home").functions()
        except GivenUp as problem:
            why.append(problem)
        ended.set()

    status = FakeStatus(on_show=_thread.interrupt_main)
    with pytest.raises(Interrupted, match="stopped waiting for deploy hello; it is over"):
        wait(call, "deploy hello", status, patience=0, then=lambda: "it is over")
    finish.set()
    assert ended.wait(30) and why
    assert not (tmp_path / "home").exists()


# -- the environment

OURS = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "LKIA", "AWS_DEFAULT_REGION": "us-east-1"}


def test_the_environment_points_at_the_region_and_is_left_as_it_was():
    before = {"HOME": "/home/ada", "AWS_ACCESS_KEY_ID": "real", "AWS_PROFILE": "work", "AWS_REGION": "eu-west-1"}
    environ = dict(before)
    environment = AwsEnvironment(environ)
    environment.use(OURS)
    assert environ == {"HOME": "/home/ada", "AWS_REGION": "us-east-1", **OURS}
    environment.restore()
    assert environ == before


def test_real_settings_that_are_set_aside_are_named_once():
    environment = AwsEnvironment({"AWS_ACCESS_KEY_ID": "real", "AWS_PROFILE": "work"})
    assert environment.use(OURS) == ("AWS_ACCESS_KEY_ID", "AWS_PROFILE")
    assert environment.use(OURS) == ()


def test_what_sends_one_service_elsewhere_is_set_aside_and_put_back():
    before = {"AWS_ENDPOINT_URL_S3": "https://real", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
    environ = dict(before)
    environment = AwsEnvironment(environ)
    assert environment.use(OURS) == ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_ENDPOINT_URL_S3")
    assert environ == OURS
    environment.restore()
    assert environ == before


def test_nothing_is_named_when_there_were_no_real_settings():
    assert AwsEnvironment({}).use(OURS) == ()
    assert AwsEnvironment(dict(OURS)).use(OURS) == ()


def test_a_variable_that_was_changed_since_keeps_its_value():
    environ = {}
    environment = AwsEnvironment(environ)
    environment.use(OURS)
    environ["AWS_ENDPOINT_URL"] = "http://elsewhere"
    environment.restore()
    assert environ == {"AWS_ENDPOINT_URL": "http://elsewhere"}


def test_a_region_started_anew_is_followed():
    environ = {}
    environment = AwsEnvironment(environ)
    environment.use(OURS)
    environment.use({**OURS, "AWS_ENDPOINT_URL": "http://127.0.0.1:2"})
    assert environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:2"
    environment.restore()
    assert environ == {}
