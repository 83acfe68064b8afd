"""A function beside the region and the notebook, which share this machine's processors with it."""

import os

import pytest

from lambdalab import Lab

pytestmark = pytest.mark.toolchains
ASKS = """
import os, subprocess, sys
def handler(event, context):
    child = [sys.executable, "-c", "import os; print(os.sched_getscheduler(0))"]
    return [os.sched_getscheduler(0), int(subprocess.run(child, capture_output=True).stdout)]
"""


@pytest.mark.parametrize("backend", ["namespaces", "process"])
def test_neither_a_function_nor_what_it_starts_interrupts_others_when_it_wakes(backend):
    with Lab(isolated=True, backend=backend) as lab:
        lab["asks"].deploy(ASKS, runtime="python3.12")
        assert lab["asks"].invoke().payload == [os.SCHED_BATCH, os.SCHED_BATCH]
        assert os.sched_getscheduler(lab.doctor()["pid"]) == os.SCHED_OTHER
