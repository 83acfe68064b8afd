"""The log store keeps functions' lines on disk, in order and bounded."""

import pytest

from lambdalab.clock import FakeClock
from lambdalab.engine import logs
from lambdalab.engine.logs import LogStore

GROUP = "/aws/lambda/hello"


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store(tmp_path, clock):
    return LogStore(tmp_path, clock)


def messages(store):
    return [event.message for event in store.events(GROUP)]


def test_events_come_back_in_order_with_their_stream(store):
    store.append(GROUP, "s1", 1, "a b")
    store.append(GROUP, "s2", 2, "tab\there, newline\nthere, ümlaut")
    found = list(store.events(GROUP))
    assert [(e.stream, e.timestamp, e.message) for e in found] == [
        ("s1", 1, "a b"),
        ("s2", 2, "tab\there, newline\nthere, ümlaut"),
    ]
    assert found[0].id < found[1].id


def test_events_reach_the_disk_a_moment_later_without_being_asked_for(store, clock, tmp_path):
    store.append(GROUP, "s", 1, "hello")
    assert not list(tmp_path.glob("*.log"))
    clock.jump(logs.FLUSH_SECONDS)
    assert "hello" in next(tmp_path.glob("*.log")).read_text()


def test_another_store_on_the_same_directory_sees_them(store, tmp_path, clock):
    store.append(GROUP, "s", 1, "kept")
    store.flush()
    assert messages(LogStore(tmp_path, clock)) == ["kept"]


def test_an_unknown_group_has_no_events(store):
    assert messages(store) == []
    assert not store.knows(GROUP)


def test_a_group_is_bounded_and_keeps_the_newest(store, monkeypatch):
    monkeypatch.setattr(logs, "GROUP_BYTES", 1000)
    for number in range(100):
        store.append(GROUP, "s", number, "x" * 50)
        store.flush()
    kept = list(store.events(GROUP))
    assert len(kept) < 60
    assert kept[-1].timestamp == 99


def test_a_deleted_group_is_gone(store):
    store.append(GROUP, "s", 1, "x")
    store.flush()
    store.delete(GROUP)
    assert store.groups() == []


def test_groups_are_listed_by_their_real_names(store):
    store.append(GROUP, "s", 1, "x")
    store.append("other group/ü", "s", 1, "x")
    assert store.groups() == [GROUP, "other group/ü"]
