"""Cold and warm per runtime and backend, and from one to five hundred environments of one function."""

import base64
import io
import json
import resource
import statistics
import tempfile
import threading
import time
import zipfile
from pathlib import Path

from lambdalab import Lab
from lambdalab.errors import LabError
from lambdalab.model import runtime
from tests.contract.languages import Missing, languages, tested_runtimes

ROLE = "arn:aws:iam::123456789012:role/lambda-role"
ENVIRONMENTS = (1, 10, 100, 500)


def _zipped(name):
    """The contract's program for a runtime as a package."""
    language, out = languages()[runtime.known()[name].family], io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        language.package(Path(folder), name)
        with zipfile.ZipFile(out, "w") as archive:
            for path in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())
                entry.external_attr = path.stat().st_mode << 16
                archive.writestr(entry, path.read_bytes())
    return out.getvalue(), language


def _median(values):
    return statistics.median(values) if values else float("nan")


def per_runtime(backend, images, cold, warm):
    """By runtime: (first cold, later cold, init, warm) medians in ms; text where it could not be measured."""
    found = {}
    with Lab(isolated=True, backend=backend, images=images) as lab:
        for name in tested_runtimes():
            try:
                found[name] = _one(lab, name, cold, warm)
            except (Missing, LabError) as why:
                found[name] = str(why).partition(". ")[0][:60]
    return found


def _one(lab, name, cold, warm):
    data, language = _zipped(name)
    function = lab[f"bench-{name.replace('.', '-')}"]
    document = {
        "FunctionName": function.name, "Runtime": name, "Role": ROLE, "Handler": language.handler("echo"),
        "MemorySize": max(language.memory, 512), "Timeout": 30, "Code": {"ZipFile": base64.b64encode(data).decode()},
    }  # fmt: skip
    function._session.call("POST", "/2015-03-31/functions", body=json.dumps(document).encode())
    first, again, init = [], [], []
    for number in range(cold):
        function.configure(description=str(number))
        time.sleep(0.4)  # what a change leaves to do in the background is no part of a cold start
        began = time.perf_counter()
        result = function.invoke({"n": number})
        (first if number == 0 else again).append((time.perf_counter() - began) * 1000)
        init.append(result.init_ms)
    times = []
    for number in range(warm):
        began = time.perf_counter()
        function.invoke({"n": number})
        times.append((time.perf_counter() - began) * 1000)
    return _median(first), _median(again), _median(init), _median(times)


def growth():
    """By how many environments are at work: (seconds until all are, warm invoke of another function in ms)."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    found = {}
    with Lab(isolated=True) as lab:
        lab["other"].deploy("def handler(event, context):\n    return 1\n")
        for number in ENVIRONMENTS:
            name = f"waits-{number}"
            lab[name].deploy("import time\ndef handler(event, context):\n    time.sleep(event)\n", timeout=300)
            seconds = 2 + number * 0.1
            began = time.perf_counter()
            calls = [threading.Thread(target=lab[name].invoke, args=(seconds,)) for _ in range(number)]
            for call in calls:
                call.start()
            while lab.doctor()["environments"]["busy"] < number and time.perf_counter() - began < seconds:
                time.sleep(0.2)
            took, busy = time.perf_counter() - began, lab.doctor()["environments"]["busy"]
            lab["other"].invoke()
            times = []
            for _ in range(100):
                started = time.perf_counter()
                lab["other"].invoke()
                times.append((time.perf_counter() - started) * 1000)
            found[number] = (busy, took, _median(times))
            for call in calls:
                call.join()
            lab[name].delete()
    return found


def print_all(images, quick):
    """Every table of this module."""
    cold, warm = (3, 30) if quick else (8, 300)
    print("\nper runtime, ms: cold end to end (first, later), init as measured, warm end to end, by the Python client")
    for backend in ("namespaces", "process", "docker"):
        print(f"  {backend}")
        for name, figures in per_runtime(backend, images, cold, warm).items():
            words = figures if isinstance(figures, str) else "  ".join(f"{figure:8.1f}" for figure in figures)
            print(f"    {name:<16} {words}")
    print("\nenvironments at work at once: how many, seconds until they were, warm invoke of another function, ms")
    for number, (busy, took, warm_ms) in growth().items():
        print(f"  {number:>4}: {busy:>4}  {took:6.1f}  {warm_ms:6.2f}")
