"""The log store keeps functions' lines on disk, in order and bounded, each under a number for good."""

import pytest

from lambdalab.clock import FakeClock
from lambdalab.engine import log_files, logs
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
    assert found[0].place < found[1].place


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
    monkeypatch.setattr(log_files, "GROUP_BYTES", 1000)
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


# -- what groups and streams are besides their events

DAY = logs.DAY_MS


def grouped(store, **more):
    group = logs.LogGroup(GROUP, 1, **more)
    store.save(group)
    return group


def test_a_group_that_older_homes_wrote_is_read_with_the_time_of_its_first_event(tmp_path, clock):
    (tmp_path / "%2Faws%2Flambda%2Fhello.log").write_text('7 s "one"\n9 s "two"\n')
    store = LogStore(tmp_path, clock)
    assert (store.groups(), store.group(GROUP).created) == ([GROUP], 7)
    store.append(GROUP, "s", 11, "three")
    assert [(e.number, e.message) for e in store.events(GROUP)] == [(0, "one"), (1, "two"), (2, "three")]


def test_an_event_keeps_its_number_when_the_file_is_set_aside(store, monkeypatch):
    monkeypatch.setattr(log_files, "GROUP_BYTES", 1000)
    numbers = {}
    for at in range(100):
        store.append(GROUP, "s", at, "x" * 50)
        for event in store.events(GROUP):
            assert numbers.setdefault(event.timestamp, event.number) == event.number
    assert sorted(numbers.values()) == list(range(100))


def test_an_event_keeps_its_number_when_others_are_removed(store):
    for at in range(6):
        store.append(GROUP, "kept" if at % 3 else "gone", at, str(at))
    store.flush()
    store.delete_stream(store.group(GROUP), "gone")
    store.append(GROUP, "kept", 6, "6")
    assert [(e.number, e.message) for e in store.events(GROUP)] == [(n, str(n)) for n in (1, 2, 4, 5, 6)]
    store.delete_stream(store.group(GROUP), "kept")
    store.append(GROUP, "kept", 7, "7")
    assert [e.number for e in store.events(GROUP)] == [7]


def test_a_line_that_a_killed_region_did_not_finish_hides_no_other(store, tmp_path, clock):
    store.append(GROUP, "s", 1, "whole")
    store.flush()
    with next(tmp_path.glob("*.log")).open("a") as file:
        file.write('2 s "ha')
    again = LogStore(tmp_path, clock)
    assert messages(again) == ["whole"]
    again.append(GROUP, "s", 3, "after")
    assert messages(again) == ["whole", "after"]


def test_events_of_a_client_keep_their_time_and_the_moment_they_came(store, clock):
    group, now = grouped(store), clock.epoch_ms()
    store.create_stream(group, "of my own: 100 % ü")
    store.put(GROUP, "of my own: 100 % ü", [(now - 5000, "late")])
    (event,) = store.events(GROUP)
    assert (event.stream, event.timestamp, event.ingested) == ("of my own: 100 % ü", now - 5000, now)
    found = store.streams(store.group(GROUP))["of my own: 100 % ü"]
    assert (found.created, found.first, found.last, found.ingested) == (now, now - 5000, now - 5000, now)


def test_retention_drops_what_is_older_from_the_answers_and_then_from_the_disk(store, clock, tmp_path):
    group, now = grouped(store, retention=2), clock.epoch_ms()
    store.append(GROUP, "s", now, "first")
    store.flush()
    clock.jump(2 * DAY / 1000 + 1)
    store.append(GROUP, "s", clock.epoch_ms(), "second")
    assert messages(store) == ["second"]
    assert store.streams(group)["s"].first == clock.epoch_ms()
    clock.jump(DAY / 1000)
    assert messages(store) == ["second"]
    assert "first" not in next(tmp_path.glob("*.log")).read_text()


def test_a_name_longer_than_file_names_may_be_is_kept_whole(store, tmp_path, clock):
    names = sorted(["/" + "long/" * 100 + "a", "/" + "long/" * 100 + "b"])
    for name in names:
        store.append(name, "s", 1, name)
    assert store.groups() == names
    again = LogStore(tmp_path, clock)
    assert [[event.message for event in again.events(name)] for name in names] == [[name] for name in names]
    again.delete(names[0])
    assert again.groups() == names[1:]
