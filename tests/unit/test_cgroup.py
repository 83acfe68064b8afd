"""Control groups of several regions on one machine: each minds its own."""

import os
import subprocess

from lambdalab.runtimes.backends import cgroup
from lambdalab.runtimes.backends.cgroup import Controllers, Group


def test_a_region_that_starts_leaves_a_living_ones_empty_groups_alone(tmp_path):
    controllers = Controllers(pids=tmp_path)
    Group(controllers, "waiting-1")  # no process has joined it yet
    cgroup.remove_stale(controllers)
    assert [path.name for path in tmp_path.iterdir()] == [f"{os.getpid()}-waiting-1"]


def test_the_groups_of_dead_regions_are_removed(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    for name in (f"{ended.pid}-waiting-1", "probe-77", "0123abcd"):
        (tmp_path / name).mkdir()
    cgroup.remove_stale(Controllers(pids=tmp_path))
    assert list(tmp_path.iterdir()) == []
