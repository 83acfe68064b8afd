"""What CreateFunction and its kin take to mean something else, or not at all, on AWS: refused in words."""

import json

import pytest
from botocore.exceptions import ClientError

from lambdalab.client.keys import Credentials as ClientKeys
from lambdalab.client.wire import Wire
from lambdalab.errors import AwsError
from tests.api.conftest import ROLE, RUNTIME, refusal, returning

pytestmark = pytest.mark.toolchains
CREATE = {"Runtime": RUNTIME, "Role": ROLE, "Handler": "app.handler"}
WHOLE_ONLY = (
    "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
    "Please specify either a function name or an unqualified function ARN."
)


def refused(call, **params):
    """The message of an InvalidParameterValueException."""
    status, code, message = refusal(call, **params)
    assert (status, code) == (400, "InvalidParameterValueException"), message
    return message


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("DurableConfig", {"ExecutionTimeout": 10, "RetentionPeriodInDays": 1}),
        ("TenancyConfig", {"TenantIsolationMode": "PER_TENANT"}),
        ("PublishTo", "LATEST_PUBLISHED"),
        (
            "CapacityProviderConfig",
            {
                "LambdaManagedInstancesCapacityProviderConfig": {
                    "CapacityProviderArn": "arn:aws:lambda:us-east-1:123456789012:capacity-provider:x"
                }
            },
        ),
        ("ImageConfig", {"Command": ["a"]}),
    ],
)
def test_what_asks_for_another_kind_of_function_is_refused_by_name(api, member, value):
    message = refused(api.create_function, FunctionName="never", **CREATE, Code={"ZipFile": b"zip"}, **{member: value})
    assert message.startswith(member)


@pytest.mark.parametrize("member", ["AcceleratorConfig", "RuntimeConfig"])
def test_so_is_what_the_service_model_at_hand_does_not_know_yet(lab, make, member):
    keys = ClientKeys(lab.credentials.access_key_id, lab.credentials.secret_access_key)
    path = f"/2015-03-31/functions/{make()}/configuration"
    with pytest.raises(AwsError, match=member) as newer:
        Wire(lab.endpoint, keys, "us-east-1").call("PUT", path, body=json.dumps({member: {"A": 1}}).encode())
    assert newer.value.error_code == "InvalidParameterValueException"


def test_more_than_fifty_tags_are_refused_at_creation_too(api):
    tags = {f"k{number}": "v" for number in range(51)}
    message = refused(api.create_function, FunctionName="never", **CREATE, Code={"ZipFile": b"zip"}, Tags=tags)
    assert message == "Number of tags exceeds resource tag limit."


def test_code_comes_from_one_place(api, make):
    both = {"ZipFile": returning("1"), "S3Bucket": "bucket", "S3Key": "k"}
    said = "Please do not provide other FunctionCode parameters when providing a ZipFile."
    assert refused(api.update_function_code, FunctionName=make(), **both) == said
    assert refused(api.create_function, FunctionName="never", **CREATE, Code=both) == said


def test_dead_letters_go_to_a_queue_or_a_topic(api, make):
    name = make()
    wrong = "arn:aws:lambda:us-east-1:123456789012:function:f"
    assert wrong in refused(api.update_function_configuration, FunctionName=name, DeadLetterConfig={"TargetArn": wrong})
    for right in ("arn:aws:sqs:us-east-1:123456789012:q", "arn:aws:sns:us-east-1:123456789012:t"):
        api.get_waiter("function_updated_v2").wait(FunctionName=name)
        answer = api.update_function_configuration(FunctionName=name, DeadLetterConfig={"TargetArn": right})
        assert answer["DeadLetterConfig"] == {"TargetArn": right}


def test_what_changes_the_whole_function_names_no_version(api, make):
    name = make(Publish=True)
    one = {"FunctionName": f"{name}:1"}
    before = api.get_function_configuration(FunctionName=name)
    assert refused(api.update_function_code, **one, ZipFile=returning("2")) == WHOLE_ONLY
    assert refused(api.update_function_configuration, **one, MemorySize=256) == WHOLE_ONLY
    assert refused(api.publish_version, **one) == WHOLE_ONLY
    assert refused(api.create_alias, **one, Name="a", FunctionVersion="1") == WHOLE_ONLY
    assert refused(api.create_function, FunctionName="other:1", **CREATE, Code={"ZipFile": b"zip"}) == WHOLE_ONLY
    assert api.get_function_configuration(FunctionName=name)["RevisionId"] == before["RevisionId"]
    api.update_function_configuration(FunctionName=f"{name}:$LATEST", MemorySize=256)


def test_a_level_alone_is_for_a_log_that_is_json_already(api, make):
    name, level = make(), {"LoggingConfig": {"ApplicationLogLevel": "DEBUG"}}
    assert "LogLevel is not supported" in refused(api.update_function_configuration, FunctionName=name, **level)
    api.update_function_configuration(FunctionName=name, LoggingConfig={"LogFormat": "JSON"})
    api.get_waiter("function_updated_v2").wait(FunctionName=name)
    kept = api.update_function_configuration(FunctionName=name, **level)["LoggingConfig"]
    assert (kept["LogFormat"], kept["ApplicationLogLevel"], kept["SystemLogLevel"]) == ("JSON", "DEBUG", "INFO")


def test_an_invoke_mode_is_one_of_two_in_awss_order(api, make):
    with pytest.raises(ClientError) as unknown:
        api.create_function_url_config(FunctionName=make(), AuthType="NONE", InvokeMode="X")
    assert unknown.value.response["Error"]["Message"] == (
        "1 validation error detected: Value 'X' at 'invokeMode' failed to satisfy constraint: "
        "Member must satisfy enum value set: [RESPONSE_STREAM, BUFFERED]"
    )


@pytest.mark.parametrize(
    "holding",
    [{"Handler": "app.hand\0ler"}, {"Environment": {"Variables": {"GREETING": "good\0day"}}}],
    ids=["handler", "variable"],
)
def test_a_nul_in_what_a_process_is_started_with_is_refused(api, make, holding):
    name = make()
    said = refused(api.create_function, FunctionName="never", **{**CREATE, **holding}, Code={"ZipFile": returning("1")})
    assert "holds the character U+0000" in said
    assert refused(api.update_function_configuration, FunctionName=name, **holding) == said
