"""`make bench`: cold and warm invokes, throughput, memory and cells; MiniStack measured in the same run.

ARGS="--quick" measures with fewer calls; "--alone" without MiniStack; "--no-runtimes" Python alone. "--peers" adds to
the table those that run functions in containers: LambdaLab's own Docker backend, SAM, moto and LocalStack. They need a
Docker engine and an image for functions; at first their packages are installed in the user's cache, which takes minutes.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.benchmarks import contestants, load, notebook, peers, runtimes, scale, table
from tests.benchmarks.table import Row, figure, spread

QUICK = "--quick" in sys.argv
COLD, SECONDS = (6, 1.0) if QUICK else (25, 5.0)
COLD_NAMES, WARM = [f"cold{number}" for number in range(COLD)], "warm"


def measure(one):
    """The row of a contestant."""
    row = Row(one.name, notes=list(one.notes))
    row.take("idle, MB", lambda: f"{one.memory_mb():.0f}")
    row.take("cold, boto3, ms", lambda: spread(cold_ms(one)))
    row.take("warm, boto3, ms", lambda: spread(warm_ms(one)))
    for clients in (1, 4, 16):
        row.take(f"{clients} at once, ms", partial(under_load, one, clients))
    row.take("under way, MB", lambda: f"{one.memory_mb():.0f}")
    return row


def cold_ms(one):
    """First calls, each of another function."""
    found = []
    for name in COLD_NAMES:
        one.create(name)
        time.sleep(0.3)  # what a creation leaves to do in the background is no part of a cold start
        found.append(one.invoke_ms(name))
    return found


def warm_ms(one):
    """Calls in a row, for ten seconds at most."""
    one.create(WARM)
    one.invoke_ms(WARM)
    found, until = [], time.perf_counter() + 10
    while len(found) < (100 if QUICK else 500) and time.perf_counter() < until:
        found.append(one.invoke_ms(WARM))
    return found


def under_load(one, clients):
    """What each of so many clients waits, and the calls a second of all."""
    target = one.target(WARM)
    load.run(target, clients, 1.0)  # environments for all clients
    times, rate = load.run(target, clients, SECONDS)
    return {f"{clients} at once, ms": spread(times), f"{clients}, calls/s": figure(rate)}


def init_ms():
    """Init durations as the region itself measures them, from the spawn to the first poll."""
    from lambdalab import Lab

    with Lab(isolated=True) as lab:
        found = []
        for number in range(COLD):
            lab["init"].deploy(f"def handler(event, context):\n    return {number}\n", memory=contestants.MEMORY_MB)
            time.sleep(0.3)
            found.append(lab["init"].invoke().init_ms)
        return found


def floor_ms():
    """What this machine takes to start an interpreter that does nothing: the yardstick for cold starts."""
    found = []
    for _ in range(COLD):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True)
        found.append((time.perf_counter() - began) * 1000)
    return found


def asked(words):
    """The contestants that the command line asks for, as (name, context manager)."""
    found = [(f"lambdalab, {backend}", contestants.lambdalab(backend=backend)) for backend in ("auto", "process")]
    if "--alone" not in words:
        found.append((contestants.MINISTACK, contestants.ministack()))
    if "--peers" in words:
        found.append(("lambdalab, docker", peers.lambdalab()))
        found += [(peers.SAM, peers.sam([*COLD_NAMES, WARM])), (peers.MOTO, peers.moto())]
        found.append((peers.LOCALSTACK, peers.localstack()))
    return found


def main():
    """Print everything; 1 when LambdaLab itself could not be measured."""
    if {"-h", "--help"} & set(sys.argv):
        print(__doc__)
        return 0
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "?",
    )
    print(f"{platform.platform()}, {os.cpu_count()} cores, {model}, Python {platform.python_version()}")
    print("figures: median (10th to 90th percentile)")
    print(
        f"load average before: {os.getloadavg()[0]:.2f}; figures of a machine that does other work are worth little\n"
    )
    print(f"interpreter that does nothing, ms: {spread(floor_ms())}")
    print(f"init as the region measures it, ms: {spread(init_ms())}\n")
    rows = [table.row(name, one, measure) for name, one in asked(sys.argv)]
    print("\n".join(table.lines(rows)))
    print("\nin a notebook, ms from a cell's start to its reply")
    for name, milliseconds in notebook.cells().items():
        print(f"  {name:<38} {milliseconds:8.1f}")
    print(f"\n{scale.FUNCTIONS:,} functions, {scale.VERSIONS} versions of one of them")
    with tempfile.TemporaryDirectory() as home:
        for name, milliseconds in scale.measure(home).items():
            print(f"  {name:<44} {milliseconds:8.2f}")
    if "--no-runtimes" not in sys.argv:
        runtimes.print_all(os.environ.get("LAMBDALAB_TEST_IMAGES", "lambdalab-test"), QUICK)
    return int(any(row.why for row in rows if row.name.startswith("lambdalab")))


if __name__ == "__main__":
    sys.exit(main())
