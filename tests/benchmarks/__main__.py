"""`make bench`: cold and warm invokes, throughput, memory and cells; MiniStack measured in the same run.

ARGS="--quick" measures with fewer calls; "--alone" without MiniStack; "--no-runtimes" Python alone.
"""

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks import contestants, load, notebook, runtimes, scale

QUICK = "--quick" in sys.argv
COLD, SECONDS = (6, 1.0) if QUICK else (25, 5.0)


def spread(values):
    """`45.2 (38.1 to 61.0)`: the median, and the middle eight of ten."""
    ordered = sorted(values)
    low, high = ordered[len(ordered) // 10], ordered[-1 - len(ordered) // 10]
    return f"{statistics.median(ordered):.2f} ({low:.2f} to {high:.2f})"


def measure(one):
    """All figures of a contestant, by name."""
    figures = {"memory, idle, MB": f"{one.memory_mb():.0f}"}
    cold = []
    for number in range(COLD):
        one.create(f"cold{number}")
        time.sleep(0.3)  # what a creation leaves to do in the background is no part of a cold start
        cold.append(one.invoke_ms(f"cold{number}"))
    figures["cold invoke by boto3, ms"] = spread(cold)
    one.create("warm")
    one.invoke_ms("warm")
    figures["warm invoke by boto3, ms"] = spread([one.invoke_ms("warm") for _ in range(100 if QUICK else 500)])
    for clients in (1, 4, 16):
        target = one.target("warm")
        load.run(target, clients, 1.0)  # environments for all clients
        times, rate = load.run(target, clients, SECONDS)
        figures[f"warm invoke, {clients} clients, ms"] = spread(times)
        figures[f"calls a second, {clients} clients"] = f"{rate:,.0f}"
    figures["memory, under way, MB"] = f"{one.memory_mb():.0f}"
    return figures


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


def print_table(columns):
    """One line for each figure, one column for each contestant."""
    names = list(dict.fromkeys(name for figures in columns.values() for name in figures))
    widths = [max(len(title), *(len(figures.get(name, "-")) for name in names)) for title, figures in columns.items()]
    print(
        f"| {'':<38} | " + " | ".join(f"{title:<{width}}" for title, width in zip(columns, widths, strict=True)) + " |"
    )
    print(f"|{'-' * 40}|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for name in names:
        cells = (f"{figures.get(name, '-'):>{w}}" for figures, w in zip(columns.values(), widths, strict=True))
        print(f"| {name:<38} | " + " | ".join(cells) + " |")


def main():
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "?",
    )
    print(f"{platform.platform()}, {os.cpu_count()} cores, {model}, Python {platform.python_version()}")
    print("figures: median (10th to 90th percentile)\n")
    print(f"interpreter that does nothing, ms: {spread(floor_ms())}")
    print(f"init as the region measures it, ms: {spread(init_ms())}\n")
    columns = {}
    for backend in ("auto", "process"):
        with contestants.lambdalab(backend=backend) as one:
            columns[one.name] = measure(one)
    if "--alone" not in sys.argv:
        try:
            with contestants.ministack() as other:
                columns[other.name] = measure(other)
        except Exception as problem:
            print(f"{contestants.MINISTACK} could not be measured: {type(problem).__name__}: {problem}\n")
    print_table(columns)
    print("\nin a notebook, ms from a cell's start to its reply")
    for name, milliseconds in notebook.cells().items():
        print(f"  {name:<38} {milliseconds:8.1f}")
    print(f"\n{scale.FUNCTIONS:,} functions, {scale.VERSIONS} versions of one of them")
    with tempfile.TemporaryDirectory() as home:
        for name, milliseconds in scale.measure(home).items():
            print(f"  {name:<44} {milliseconds:8.2f}")
    if "--no-runtimes" not in sys.argv:
        runtimes.print_all(os.environ.get("LAMBDALAB_TEST_IMAGES", "lambdalab-test"), QUICK)


if __name__ == "__main__":
    main()
