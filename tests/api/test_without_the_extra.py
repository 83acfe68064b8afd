"""A region without the extra `aws`: functions and their logs work whole, and what needs the extra names it."""

import os

import pytest

from lambdalab import Lab, extras
from tests.api.conftest import refusal, returning

EXTRA = f"Install it with: {extras.how_to_install('aws')} and start"
HIDING = """
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "ministack" else found(name, package)
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    hidden = tmp_path_factory.mktemp("hiding")
    (hidden / "sitecustomize.py").write_text(HIDING)
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(hidden), os.environ.get("PYTHONPATH")])))
    with Lab(isolated=True) as lab:
        assert lab.doctor()["aws"]["state"] == "not installed"
        yield lab
    patch.undo()


def test_functions_logs_are_whole(lab, make):
    logs, name = lab.client("logs"), make(returning("print('hello')"))
    group = f"/aws/lambda/{name}"
    assert refusal(logs.filter_log_events, logGroupName=group) == (
        400, "ResourceNotFoundException", "The specified log group does not exist.",
    )  # fmt: skip
    lab[name].invoke({})
    assert [one["logGroupName"] for one in logs.describe_log_groups()["logGroups"]] == [group]
    (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
    read = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])
    assert "hello" in [event["message"] for event in read["events"]]
    logs.put_retention_policy(logGroupName=group, retentionInDays=7)
    logs.delete_log_group(logGroupName=group)
    assert logs.describe_log_groups()["logGroups"] == []


@pytest.mark.parametrize("call", ["create_log_group", "describe_log_streams", "filter_log_events"])
def test_other_log_groups_name_the_extra(lab, call):
    _, code, message = refusal(getattr(lab.client("logs"), call), logGroupName="/mine")
    assert (code, message.startswith("The log group '/mine' is not a function's.")) == ("NotImplementedException", True)
    assert EXTRA in message


@pytest.mark.parametrize("more", [{}, {"Environment": {"Variables": {"NAME": "value"}}}])
def test_a_kms_key_names_the_extra(api, make, more):
    arn = "arn:aws:kms:us-east-1:123456789012:key/11111111-1111-1111-1111-111111111111"
    _, code, message = refusal(api.update_function_configuration, FunctionName=make(), KMSKeyArn=arn, **more)
    assert (code, message[:35]) == ("NotImplementedException", "The service 'kms' needs LambdaLab's")
    assert EXTRA in message
