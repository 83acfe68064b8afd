"""How the region grows: ten thousand functions, a hundred versions of one; lists, start and warm calls."""

import base64
import json
import statistics
import time

from lambdalab import Lab
from lambdalab.client import region
from tests.api.conftest import returning

FUNCTIONS, VERSIONS, ROLE = 10_000, 100, "arn:aws:iam::123456789012:role/lambda-role"


def _timed(call):
    began = time.perf_counter()
    answer = call()
    return answer, (time.perf_counter() - began) * 1000


def _warm(lab):
    function = lab["many"]
    function.invoke()
    return statistics.median(_timed(function.invoke)[1] for _ in range(300))


def _pages(list_page):
    """The slowest page of a whole listing, in milliseconds, and how many entries it had."""
    marker, times, count = {}, [], 0
    while True:
        (page, took) = _timed(lambda marker=marker: list_page(**marker))
        times.append(took)
        count += len(page.get("Functions", page.get("Versions", ())))
        if not page.get("NextMarker"):
            return max(times), count
        marker = {"Marker": page["NextMarker"]}


def measure(home):
    """Figures by name. `home` is an empty directory."""
    code = {"ZipFile": base64.b64encode(returning("1")).decode()}
    document = {"Runtime": "python3.12", "Role": ROLE, "Handler": "app.handler", "Code": code}
    path = "/2015-03-31/functions"
    figures = {}
    with Lab(home=home) as lab:
        session = lab["many"]._session
        session.call("POST", path, body=json.dumps({**document, "FunctionName": "many"}).encode())
        figures["warm invoke, one function, ms"] = _warm(lab)
        for number in range(FUNCTIONS - 1):
            name = {"FunctionName": f"function-{number:05d}"}
            session.call("POST", path, body=json.dumps({**document, **name}).encode())
        for number in range(VERSIONS):
            change = json.dumps({"Description": str(number)}).encode()
            session.call("PUT", f"{path}/many/configuration", body=change)
            session.call("POST", f"{path}/many/versions", body=b"{}")
        figures["warm invoke, 10 000 functions, ms"] = _warm(lab)
        api = lab.client("lambda")
        figures["slowest page of ListFunctions, ms"], functions = _pages(api.list_functions)
        figures["slowest page of ListVersionsByFunction, ms"], versions = _pages(
            lambda **more: api.list_versions_by_function(FunctionName="many", **more)
        )
        assert (functions, versions) == (FUNCTIONS, VERSIONS + 1)
        region.stop(lab.settings)
    with Lab(home=home) as lab:
        figures["start of the region, ms"] = _timed(lambda: lab["many"].configuration)[1]
        region.stop(lab.settings)
    return figures
