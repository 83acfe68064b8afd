"""The memory of a sandbox: which measure is taken when, and what is counted once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lambdalab.runtimes.backends import processes
from lambdalab.runtimes.backends.memory import Memory

MB = 1 << 20


@pytest.fixture
def measured(monkeypatch):
    """Processes with resident sizes and shares; which shares were asked for."""
    asked = []
    sizes = {}
    monkeypatch.setattr(processes, "resident_bytes", lambda pid: sizes[pid][0] * MB)
    monkeypatch.setattr(processes, "shared_out_bytes", lambda pid: asked.append(pid) or sizes[pid][1] * MB)
    return sizes, asked


def test_one_process_is_measured_by_its_resident_size_alone(measured):
    sizes, asked = measured
    memory = Memory(100 * MB)
    sizes[1] = (90, 10)
    assert not memory.look([1])
    sizes[1] = (101, 10)
    assert memory.look([1])
    assert (memory.peak, asked) == (101 * MB, [])


def test_several_processes_share_what_they_have_in_common(measured):
    sizes, _ = measured
    memory = Memory(100 * MB)
    sizes.update({1: (70, 36), 2: (70, 36)})
    assert not memory.look([1, 2])
    assert memory.peak == 72 * MB


def test_shares_are_not_asked_for_while_they_could_tell_nothing_new(measured):
    sizes, asked = measured
    memory = Memory(100 * MB)
    memory.told(80 * MB, 10 * MB)
    sizes.update({1: (39, 20), 2: (39, 20)})
    memory.look([1, 2])
    assert not asked


def test_what_is_held_now_is_the_last_that_was_seen_and_the_most_stays(measured):
    sizes, _ = measured
    memory = Memory(100 * MB)
    sizes[1] = (90, 90)
    memory.look([1])
    sizes[1] = (20, 20)
    memory.look([1])
    assert (memory.peak, memory.held) == (90 * MB, 20 * MB)
    memory.told(95 * MB, 15 * MB)
    assert (memory.peak, memory.held) == (95 * MB, 15 * MB)


def test_the_kernels_status_tells_what_a_process_holds_and_held():
    status = Path("/proc/self/status").read_bytes()
    assert processes.peak_kilobytes(status) >= processes.held_kilobytes(status) > 1024
    assert processes.held_kilobytes(b"Name:\tsh\nState:\tZ (zombie)\n") == 0


def test_asking_for_shares_takes_a_twentieth_of_the_time_at_most(measured):
    sizes, asked = measured
    moments, used = iter([0.0, 0.1, 0.3]), iter([0.0, 0.01, 0.02, 0.03, 0.04])
    memory = Memory(100 * MB, lambda: next(moments), lambda: next(used))
    sizes.update({1: (70, 36), 2: (70, 36)})
    for _ in range(3):
        memory.look([1, 2])
    assert asked == [1, 2, 1, 2]


def test_the_kernel_tells_a_process_share_of_what_it_maps():
    holding = [
        sys.executable,
        "-c",
        "import os, sys\nx = os.urandom(1 << 20) * 50\nif os.fork(): print(flush=True)\nsys.stdin.read()",
    ]
    with subprocess.Popen(holding, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        family = processes.tree(process.pid)
        assert len(family) == 2
        assert sum(map(processes.resident_bytes, family)) >= 100 * MB
        assert 50 * MB <= sum(map(processes.shared_out_bytes, family)) < 90 * MB
        process.stdin.close()


def test_what_is_gone_holds_nothing():
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {})
    os.waitpid(pid, 0)
    assert processes.shared_out_bytes(pid) == 0


def test_of_a_crowd_a_part_is_asked_at_each_look_and_no_more_than_tells_that_it_is_too_much(measured):
    sizes, asked = measured
    crowd = list(range(100))
    sizes.update(dict.fromkeys(crowd, (30, 10)))
    generous = Memory(2000 * MB)
    assert not generous.look(crowd)
    assert (len(asked), generous.peak) == (64, 0)
    assert not generous.look(crowd)
    assert (len(asked), generous.peak) == (100, 1000 * MB)
    asked.clear()
    assert Memory(100 * MB).look(crowd)
    assert len(asked) == 11


def test_what_is_mapped_nowhere_counts_beside_what_is(measured):
    sizes, _ = measured
    sizes[1] = (60, 60)
    memory = Memory(100 * MB)
    memory.beside = 30 * MB
    assert not memory.look([1])
    memory.told(65 * MB, 50 * MB)
    assert (memory.peak, memory.held) == (90 * MB, 80 * MB)
    memory.beside = 50 * MB
    assert memory.look([1])
