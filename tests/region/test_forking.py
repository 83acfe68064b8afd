"""A process that has used a lab forks: workers of a pool, graders. Each hears its own answers, and ends nothing."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from lambdalab.client import region
from lambdalab.config import load

POOL = """
    import multiprocessing, sys
    from lambdalab import Lab
    lab = Lab(home=sys.argv[1])
    lab["echo"].deploy("def handler(event, context):\\n    return event\\n")
    lab["echo"].invoke("before")
    def ask(worker):
        asked = [{"worker": worker, "call": number} for number in range(40)]
        return [lab["echo"].invoke(event).payload == event for event in asked]
    with multiprocessing.get_context("fork").Pool(4) as pool:
        own = [one for worker in pool.map(ask, range(4), chunksize=1) for one in worker]
    print(own.count(True), own.count(False), lab["echo"].invoke("after").payload)
"""
CHILD_ENDS = """
    import os, sys
    from lambdalab import Lab
    with Lab(isolated=True) as lab:
        lab["echo"].deploy("def handler(event, context):\\n    return event\\n")
        child = os.fork()
        if child == 0:
            said = lab["echo"].invoke("child").payload
            lab.close()
            sys.exit(0 if said == "child" else 1)
        print(os.waitpid(child, 0)[1], lab["echo"].invoke("parent").payload)
"""
PARENT_IS_KILLED = """
    import os, signal
    from lambdalab import Lab
    lab = Lab(isolated=True)
    lab.functions()
    child = os.fork()
    if child == 0:
        os.close(1)  # what is read here is the parent's
        signal.pause()
    print(child, lab.settings.home, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
CHILD_OUTLIVES = """
    import os, sys
    from lambdalab import Lab
    from lambdalab.errors import RegionUnavailable
    lab = Lab(isolated=True)
    lab.functions()
    told, tell = os.pipe()
    if os.fork() == 0:
        os.read(told, 1)
        try:
            lab.functions()
        except RegionUnavailable as refused:
            print(refused)
            sys.exit(0)
    lab.close()
    os.write(tell, b"!")
    os.wait()
"""


def said_by(program, *arguments):
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    return done.stdout.strip()


def test_each_worker_of_a_pool_hears_its_own_answers(tmp_path):
    try:
        assert said_by(POOL, tmp_path / "home") == "160 0 after"
    finally:
        region.stop(load(home=tmp_path / "home"))


def test_a_child_that_ends_leaves_its_parents_isolated_lab():
    assert said_by(CHILD_ENDS) == "0 parent"


def test_an_isolated_lab_ends_with_its_owner_though_a_child_of_it_lives_on():
    child, home = said_by(PARENT_IS_KILLED).split(" ", 1)
    try:
        deadline = time.monotonic() + 20
        while Path(home).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not Path(home).exists()
    finally:
        os.kill(int(child), signal.SIGKILL)


def test_a_child_does_not_start_its_parents_isolated_lab_again():
    assert said_by(CHILD_OUTLIVES).startswith("this isolated lab belongs to the process that this one was forked of")
