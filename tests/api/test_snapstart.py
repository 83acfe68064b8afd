"""SnapStart through real boto3: published, waited for, restored, refused, deleted, and there again after a restart."""

import base64
import json
import time

import pytest

from lambdalab import Lab
from lambdalab.client import region
from lambdalab.errors import LabError
from lambdalab.model import snapstart
from tests.api.conftest import ARN, ROLE, RUNTIME, refusal, returning, zipped

pytestmark = pytest.mark.toolchains
ON = {"ApplyOn": "PublishedVersions"}
HOOKED = """
from snapshot_restore_py import register_after_restore, register_before_snapshot

told = []

@register_before_snapshot
def first():
    told.append("before, registered first")

@register_before_snapshot
def second():
    told.append("before, registered second")
    print("getting ready")

@register_after_restore
def third():
    told.append("after")

def handler(event, context):
    return [*told, "handler"]
"""


def failing(hook):
    return zipped(
        {
            "app.py": f"import snapshot_restore_py\n@snapshot_restore_py.{hook}\ndef fail(): raise ValueError('no')\n"
            "def handler(event, context): return 1\n"
        }
    )


@pytest.fixture
def published(api, make):
    """Make a function with SnapStart and publish it; the answer is its name."""

    def publish(code=None, **more):
        name = make(code, SnapStart=ON, **more)
        answer = api.publish_version(FunctionName=name)
        assert (answer["State"], answer["SnapStart"]["OptimizationStatus"]) == ("Pending", "On")
        return name

    return publish


@pytest.fixture
def active(api, published):
    """The same, once its snapshot is there."""

    def publish(code=None, **more):
        name = published(code, **more)
        until_active(api, name)
        return name

    return publish


def until_active(api, name, version="1"):
    waiter = api.get_waiter("published_version_active")
    waiter.wait(FunctionName=name, Qualifier=version, WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})


def until_failed(api, name, version):
    """A version's configuration, once it is no longer Pending."""
    for _ in range(400):
        shown = api.get_function_configuration(FunctionName=name, Qualifier=version)
        if shown["State"] != "Pending":
            break
        time.sleep(0.02)
    assert shown["State"] == "Failed"
    return shown


def called(api, name, version="1"):
    """The value and the log's end."""
    answer = api.invoke(FunctionName=name, Qualifier=version, LogType="Tail")
    assert "FunctionError" not in answer
    return json.loads(answer["Payload"].read()), base64.b64decode(answer["LogResult"]).decode()


def lines_of(lab, name):
    """All that a function's log has."""
    events = lab.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    return [event["message"].rstrip() for event in events]


def idle(lab):
    return lab.doctor()["environments"]["idle"]


@pytest.mark.parametrize("backend", ["auto", "process"])
def test_the_first_call_of_a_version_is_restored_its_hooks_in_aws_order(backend):
    with Lab(isolated=True, backend=backend) as lab:
        api = lab.client()
        code = {"ZipFile": zipped({"app.py": HOOKED})}
        api.create_function(
            FunctionName="f", Runtime=RUNTIME, Role=ROLE, Handler="app.handler", Code=code, SnapStart=ON, Publish=True
        )
        until_active(api, "f")
        assert [line.partition(" ")[0] for line in lines_of(lab, "f")] == ["INIT_START", "getting", "INIT_REPORT"]
        before = ["before, registered second", "before, registered first"]
        value, log = called(api, "f")
        assert value == [*before, "after", "handler"]
        assert log.startswith("RESTORE_START Runtime Version: python:3.12 ")
        assert "\nRESTORE_REPORT Restore Duration: " in log
        assert "\tRestore Duration: " in log and "\tBilled Restore Duration: " in log
        assert "Init Duration" not in log
        value, log = called(api, "f")
        assert (value, log.partition(" ")[0]) == ([*before, "after", "handler"], "START")
        value, log = called(api, "f", "$LATEST")
        assert value == ["handler"]
        assert "Init Duration" in log and "Restore Duration" not in log


def test_the_configuration_says_where_snapstart_is(api, active):
    name = active()
    shown = {
        version: api.get_function_configuration(FunctionName=name, Qualifier=version)["SnapStart"]
        for version in ("$LATEST", "1")
    }
    assert shown["$LATEST"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}
    assert shown["1"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}


def test_a_version_is_pending_until_its_snapshot_is_there(api, published):
    source = "import time\ntime.sleep(3)\ndef handler(event, context): return 1\n"
    name = published(zipped({"app.py": source}))
    assert refusal(api.invoke, FunctionName=name, Qualifier="1") == (
        409,
        "ResourceConflictException",
        "The operation cannot be performed at this time. The function is currently in the following state: Pending",
    )
    until_active(api, name)
    assert called(api, name)[0] == 1


def test_a_failing_before_snapshot_hook_fails_the_version(lab, api, published):
    name = published(failing("register_before_snapshot"))
    shown = until_failed(api, name, "1")
    reason = "An error occurred during function initialization."
    assert (shown["State"], shown["StateReasonCode"], shown["StateReason"]) == ("Failed", "FunctionError", reason)
    assert (shown["LastUpdateStatus"], shown["LastUpdateStatusReasonCode"]) == ("Failed", "FunctionError")
    assert refusal(api.invoke, FunctionName=name, Qualifier="1")[2].endswith("in the following state: Failed")
    log = lines_of(lab, name)
    assert any("ValueError: no" in line for line in log)
    assert log[-1].endswith("Status: error\tError Type: Runtime.BeforeSnapshotError")


@pytest.mark.parametrize("how", ["as its version", "by a weight"])
def test_no_alias_is_moved_to_a_version_that_failed(api, active, how):
    name = active()
    api.update_function_code(FunctionName=name, ZipFile=failing("register_before_snapshot"))
    api.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})
    api.publish_version(FunctionName=name)
    until_failed(api, name, "2")
    made = api.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    weights = {"AdditionalVersionWeights": {"2": 0.1}}
    to = {"FunctionVersion": "2"} if how == "as its version" else {"RoutingConfig": weights}
    status, code, message = refusal(api.update_alias, FunctionName=name, Name="live", **to)
    assert (status, code) == (409, "ResourceConflictException")
    assert f"The resource {ARN}{name}:2 is currently in the following state: 'Failed'" in message
    assert message.endswith("StateReasonCode: 'FunctionError'")
    assert api.get_alias(FunctionName=name, Name="live")["RevisionId"] == made["RevisionId"]


def test_an_alias_may_be_moved_to_a_version_that_is_pending_and_changed_once_it_failed(api, published):
    name = published(failing("register_before_snapshot"))
    api.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    until_failed(api, name, "1")
    changed = api.update_alias(FunctionName=name, Name="live", Description="broken")
    assert (changed["FunctionVersion"], changed["Description"]) == ("1", "broken")


def test_a_failing_after_restore_hook_is_aws_refusal_of_the_call(lab, api, active):
    name = active(failing("register_after_restore"))
    assert refusal(api.invoke, FunctionName=name, Qualifier="1") == (
        400,
        "SnapStartException",
        "The afterRestore() runtime hook encountered an error. For more information, check the Amazon CloudWatch logs.",
    )
    log = lines_of(lab, name)
    assert any("ValueError: no" in line for line in log)
    assert log[-1].endswith("Status: error\tError Type: Runtime.AfterRestoreError")


def test_a_function_without_hooks_finds_what_its_init_made(api, active):
    name = active(zipped({"app.py": "import os\nmade = os.getpid()\ndef handler(e, c): return made == os.getpid()\n"}))
    assert called(api, name)[0] is True


def test_a_deleted_version_leaves_no_snapshot(lab, api, active):
    before = idle(lab)
    name = active()
    assert idle(lab) == before + 1
    api.delete_function(FunctionName=name, Qualifier="1")
    assert idle(lab) == before


def test_a_deleted_function_leaves_no_snapshot(lab, api, active):
    before = idle(lab)
    api.delete_function(FunctionName=active())
    assert idle(lab) == before


def test_after_a_restart_the_snapshot_is_made_again(tmp_path):
    for restarted in (False, True):
        with Lab(home=tmp_path / "home", backend="process") as lab:
            api = lab.client()
            if not restarted:
                api.create_function(
                    FunctionName="f", Runtime=RUNTIME, Role=ROLE, Handler="app.handler", SnapStart=ON, Publish=True,
                    Code={"ZipFile": returning("context.function_version")},
                )  # fmt: skip
                until_active(api, "f")
            for _ in range(500):
                if idle(lab) == 1:
                    break
                time.sleep(0.02)
            if restarted:
                assert "initialised ahead, was restored" in lab["f"].invoke(qualifier="1").record.start_reason
            region.stop(lab.settings)


THOSE = f" ({', '.join(snapstart.RUNTIMES)} are.)"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"Runtime": "nodejs22.x"}, "nodejs22.x is not supported for SnapStart enabled functions." + THOSE),
        ({"Runtime": "python3.11"}, "python3.11 is not supported for SnapStart enabled functions." + THOSE),
        (
            {"EphemeralStorage": {"Size": 513}},
            "Ephemeral storage of more than 512 MB is not supported for SnapStart enabled functions.",
        ),
    ],
)
def test_what_snapstart_cannot_be_with_is_refused_when_created_and_when_updated(api, make, changes, text):
    refused = (400, "InvalidParameterValueException", text)
    new = {
        "FunctionName": "new", "Runtime": RUNTIME, "Role": ROLE, "Handler": "app.handler",
        "Code": {"ZipFile": returning("1")}, "SnapStart": ON,
    }  # fmt: skip
    assert refusal(api.create_function, **{**new, **changes}) == refused
    name = make(SnapStart=ON)
    assert refusal(api.update_function_configuration, FunctionName=name, **changes) == refused
    other = make(**changes)
    assert refusal(api.update_function_configuration, FunctionName=other, SnapStart=ON) == refused


def test_an_image_has_no_snapstart(api):
    image = {"PackageType": "Image", "Code": {"ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/a:b"}}
    refused = refusal(api.create_function, FunctionName="image", Role=ROLE, SnapStart=ON, **image)
    assert refused[2] == "ContainerImage is not supported for SnapStart enabled functions."


def test_provisioned_concurrency_and_snapstart_are_one_or_the_other(api, active):
    name = active()
    text = "Provisioned Concurrency is not supported for SnapStart enabled functions."
    wanted = {"FunctionName": name, "ProvisionedConcurrentExecutions": 1}
    assert refusal(api.put_provisioned_concurrency_config, Qualifier="1", **wanted)[1:] == (
        "InvalidParameterValueException", text,
    )  # fmt: skip
    api.update_function_configuration(FunctionName=name, SnapStart={"ApplyOn": "None"})
    api.get_waiter("function_updated_v2").wait(FunctionName=name)
    other = api.publish_version(FunctionName=name)["Version"]
    api.create_alias(FunctionName=name, Name="live", FunctionVersion=other)
    api.put_provisioned_concurrency_config(Qualifier="live", **wanted)
    assert refusal(api.update_alias, FunctionName=name, Name="live", FunctionVersion="1")[2] == text


def test_in_python_it_is_a_setting_a_publication_and_a_restored_call(lab):
    function = lab["in-python"]
    function.deploy("def handler(event, context):\n    return 1\n", runtime=RUNTIME)
    configured = function.configure(snapstart=True)
    assert [(change.what, change.now) for change in configured.changes] == [("SnapStart", "published versions")]
    assert not function.configure(snapstart=True).changes
    function.publish()
    call = function.invoke(qualifier="1")
    assert call.restore_ms == call.record.restore_ms > 0
    assert "cold (restore " in repr(call)
    assert call.cost.restore > 0
    function.deploy("import nothing_of_the_kind\ndef handler(event, context):\n    return 1\n", runtime=RUNTIME)
    with pytest.raises(LabError, match=r"version 2 of in-python could not be published: An error occurred during"):
        function.publish()
    function.delete()
