"""What keeps a region from being idle: it does not end under what somebody waits for, or will look for."""

import contextlib
import json
import time

import psutil
import pytest

from lambdalab import Lab
from lambdalab.client import region
from lambdalab.client.wire import NoAnswer, Wire
from lambdalab.config import load

IDLE = 1.0
WORK = 3.0
SLOW = f"import time\ndef handler(event, context):\n    time.sleep({WORK})\n    return 'kept'\n"
SLOW_INIT = f"import time\ntime.sleep({WORK})\ndef handler(event, context):\n    return 'kept'\n"


@pytest.fixture
def lab(tmp_path):
    home = tmp_path / "home"
    yield Lab(home=home, idle_seconds=IDLE)
    region.stop(load(home=home))


def seconds_until_it_ends(lab):
    process = psutil.Process(json.loads(lab.settings.region_file.read_text())["pid"])
    began = time.monotonic()
    with contextlib.suppress(psutil.NoSuchProcess):
        process.wait(30)
    return time.monotonic() - began


def asked(lab, method, path, query=None, **document):
    """An answer, of a region that is started again where it has ended since the last one."""
    return json.loads(lab._session.call(method, path, query=query, body=json.dumps(document).encode()).body)


def test_an_invocation_may_take_longer_than_the_idle_time(lab):
    lab["slow"].deploy(SLOW, timeout=10)
    assert lab["slow"].invoke().payload == "kept"
    assert lab["slow"].invoke().payload == "kept"  # in an idle environment, by the short way
    assert seconds_until_it_ends(lab) < WORK + 20


def test_so_may_a_streamed_one(lab):
    lab["slow"].deploy(SLOW, timeout=10)
    assert b"".join(lab["slow"].stream()) == b'"kept"'


def test_what_runs_for_a_client_that_went_away_runs_to_its_end(lab):
    lab["slow"].deploy(SLOW, timeout=10)
    lab.functions()
    running = lab._session.region()
    impatient = Wire(running.endpoint, running.credentials, running.region, patience=0.05)
    with pytest.raises(NoAnswer):
        impatient.call("POST", "/2015-03-31/functions/slow/invocations")
    assert seconds_until_it_ends(lab) > WORK - 0.1


def test_a_snapshot_that_is_being_made_is_made(lab):
    lab["snapped"].deploy(SLOW_INIT, runtime="python3.12", timeout=10)
    asked(lab, "PUT", "/2015-03-31/functions/snapped/configuration", SnapStart={"ApplyOn": "PublishedVersions"})
    assert asked(lab, "POST", "/2015-03-31/functions/snapped/versions")["State"] == "Pending"
    assert seconds_until_it_ends(lab) > WORK - 0.1


def test_provisioned_environments_that_are_being_started_are_started(lab):
    lab["ready"].deploy(SLOW_INIT, timeout=10)
    asked(lab, "POST", "/2015-03-31/functions/ready/versions")
    path, query = "/2019-09-30/functions/ready/provisioned-concurrency", {"Qualifier": "1"}
    assert asked(lab, "PUT", path, query, ProvisionedConcurrentExecutions=1)["Status"] == "IN_PROGRESS"
    assert seconds_until_it_ends(lab) > WORK - 0.1
