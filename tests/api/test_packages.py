"""Packages on disk: there as long as something needs them, and gone soon after."""

import contextlib
import hashlib
import json
import threading
import time

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lambdalab import Lab
from lambdalab.client import region
from tests.api.conftest import ROLE, RUNTIME, refusal, returning, zipped

pytestmark = pytest.mark.toolchains
SLOW = zipped({"app.py": "import time, words\ndef handler(e, c):\n    time.sleep(e['s'])\n    return words.SAID\n"})
WORDS = zipped({"python/words.py": "SAID = 'kept'\n"})


def sha(package):
    return hashlib.sha256(package).hexdigest()


@pytest.fixture
def kept(lab):
    """Whether a package is kept; waits a while for it to be as it should."""
    folder = lab.settings.home / "packages"

    def check(package, expected):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            found = {path.name for path in folder.iterdir()}
            there = {sha(package), f"{sha(package)}.zip"} & found
            leftovers = [name for name in found if name.startswith(".")]
            if bool(there) == expected and not leftovers:
                return True
            time.sleep(0.02)
        return False

    return check


def test_code_goes_with_the_last_version_that_has_it(api, make, kept):
    first, second = returning("'first'"), returning("'second'")
    name = make(first, Publish=True)
    api.update_function_code(FunctionName=name, ZipFile=second)
    api.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert kept(second, True) and kept(first, True)
    assert json.loads(api.invoke(FunctionName=name, Qualifier="1")["Payload"].read()) == "first"
    api.delete_function(FunctionName=name, Qualifier="1")
    assert kept(first, False)
    api.delete_function(FunctionName=name)
    assert kept(second, False)


def test_what_an_update_replaces_goes(api, make, kept):
    before, after = returning("'before'"), returning("'after'")
    name = make(before)
    api.update_function_code(FunctionName=name, ZipFile=after)
    assert kept(before, False)
    assert kept(after, True)


def test_what_was_only_tried_or_refused_is_not_kept(api, make, kept):
    tried, refused, large = returning("'tried'"), returning("'refused'"), returning("'architectures'")
    name = make()
    api.update_function_code(FunctionName=name, ZipFile=tried, DryRun=True)
    assert kept(tried, False)
    assert refusal(api.update_function_code, FunctionName=name, ZipFile=refused, RevisionId="stale")[0] == 412
    assert kept(refused, False)
    bad = {"SubnetIds": ["subnet-0nowhere"], "SecurityGroupIds": ["sg-0nowhere"]}
    create = {"FunctionName": "never", "Runtime": RUNTIME, "Role": ROLE, "Handler": "app.handler"}
    assert refusal(api.create_function, **create, Code={"ZipFile": large}, VpcConfig=bad)[0] in {400, 501}
    assert kept(large, False)


def test_what_two_functions_share_goes_with_the_second(api, make, kept):
    shared = returning("'shared'")
    first, second = make(shared), make(shared)
    api.delete_function(FunctionName=first)
    assert json.loads(api.invoke(FunctionName=second)["Payload"].read()) == "shared"
    assert kept(shared, True)
    api.delete_function(FunctionName=second)
    assert kept(shared, False)


def test_a_deleted_layer_serves_those_who_have_it_and_goes_with_them(api, make, kept):
    arn = api.publish_layer_version(LayerName="words", Content={"ZipFile": WORDS})["LayerVersionArn"]
    name = make(SLOW, Layers=[arn])
    api.delete_layer_version(LayerName="words", VersionNumber=1)
    assert json.loads(api.invoke(FunctionName=name, Payload=b'{"s": 0}')["Payload"].read()) == "kept"
    assert kept(WORDS, True)
    api.update_function_configuration(FunctionName=name, Layers=[])
    assert kept(WORDS, False)
    assert kept(SLOW, True)


def test_a_layer_that_nobody_has_goes_when_it_is_deleted(api, kept):
    alone = zipped({"alone.txt": "x"})
    api.publish_layer_version(LayerName="alone", Content={"ZipFile": alone})
    assert kept(alone, True)
    api.delete_layer_version(LayerName="alone", VersionNumber=1)
    assert kept(alone, False)


def begins(lab, name):
    """Wait until a call of the function has begun."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(ClientError):
            found = lab.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
            if any(event["message"].startswith("START") for event in found):
                return
        time.sleep(0.02)
    raise AssertionError("the call did not begin")


def test_what_runs_keeps_its_package_until_it_ends(lab, api, make, kept):
    late = zipped({"app.py": "import time\ndef handler(e, c):\n    time.sleep(2)\n    import late\n    return late.WORD\n",
                   "late.py": "WORD = 'still there'\n"})  # fmt: skip
    name, answers = make(late, Timeout=30), []
    call = threading.Thread(target=lambda: answers.append(json.loads(api.invoke(FunctionName=name)["Payload"].read())))
    call.start()
    begins(lab, name)  # and has not yet imported its second module
    api.delete_function(FunctionName=name)
    assert kept(late, True)
    call.join()
    assert answers == ["still there"]
    assert kept(late, False)


def test_adding_and_deleting_the_same_package_at_once_never_loses_it(lab, kept):
    """Threads that create, call and delete functions of one package, each its own: all calls answer."""
    package, trouble = returning("'raced'"), []

    def live(number):
        api = lab.client("lambda", config=Config(retries={"max_attempts": 0}))
        name = f"race-{number}"
        create = {"FunctionName": name, "Runtime": RUNTIME, "Role": ROLE, "Handler": "app.handler"}
        for _ in range(12):
            try:
                api.create_function(**create, Code={"ZipFile": package})
                api.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
                answer = json.loads(api.invoke(FunctionName=name)["Payload"].read())
                if answer != "raced":
                    trouble.append(answer)
                api.delete_function(FunctionName=name)
            except ClientError as refused:
                trouble.append(refused)
                with contextlib.suppress(ClientError):
                    api.delete_function(FunctionName=name)

    threads = [threading.Thread(target=live, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trouble == []
    assert kept(package, False)


def test_a_region_that_starts_takes_away_what_a_killed_one_left(tmp_path):
    home = tmp_path / "home"
    with Lab(home=home) as lab:
        lab["f"].deploy("def handler(event, context): return 'mine'")
        mine = {path.name for path in (home / "packages").iterdir()}
        region.stop(lab.settings)
    left = home / "packages" / ("0" * 64)
    left.mkdir()
    (left / "app.py").write_text("")
    (home / "packages" / f"{left.name}.zip").write_bytes(b"x")
    (home / "packages" / ".half-made").mkdir()
    with Lab(home=home) as lab:
        assert lab["f"].invoke().payload == "mine"
        deadline = time.monotonic() + 10
        while {path.name for path in (home / "packages").iterdir()} != mine and time.monotonic() < deadline:
            time.sleep(0.02)
        assert {path.name for path in (home / "packages").iterdir()} == mine
        region.stop(lab.settings)
