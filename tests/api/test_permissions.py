"""Permissions, tags, asynchronous settings, code signing and other small things, through real boto3."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.api.conftest import ARN, refusal

pytestmark = pytest.mark.toolchains
GRANT = {"StatementId": "s3", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}


def statements(api, name, **more):
    return json.loads(api.get_policy(FunctionName=name, **more)["Policy"])["Statement"]


def test_a_permission_is_a_statement_of_the_policy(api, make):
    name = make()
    given = {"SourceArn": "arn:aws:s3:::photos", "SourceAccount": "123456789012"}
    added = api.add_permission(FunctionName=name, **GRANT, **given)
    assert json.loads(added["Statement"]) == {
        "Sid": "s3",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": f"{ARN}{name}",
        "Condition": {
            "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::photos"},
            "StringEquals": {"AWS:SourceAccount": "123456789012"},
        },
    }
    assert statements(api, name) == [json.loads(added["Statement"])]


@pytest.mark.parametrize(
    ("principal", "shown"),
    [
        ("*", "*"),
        ("111122223333", {"AWS": "arn:aws:iam::111122223333:root"}),
        ("arn:aws:iam::111122223333:role/r", {"AWS": "arn:aws:iam::111122223333:role/r"}),
        ("alexa-appkit.amazon.com", {"Service": "alexa-appkit.amazon.com"}),
        ("alexa-connectedhome.amazon.com", {"Service": "alexa-connectedhome.amazon.com"}),
    ],
)
def test_a_principal_is_written_as_aws_writes_it(api, make, principal, shown):
    name = make()
    api.add_permission(FunctionName=name, **{**GRANT, "Principal": principal})
    assert statements(api, name)[0]["Principal"] == shown


def test_a_skill_of_alexas_is_a_condition(api, make):
    name = make()
    skill = {"Principal": "alexa-appkit.amazon.com", "EventSourceToken": "amzn1.ask.skill.1"}
    api.add_permission(FunctionName=name, **{**GRANT, **skill})
    assert statements(api, name)[0]["Condition"] == {"StringEquals": {"lambda:EventSourceToken": "amzn1.ask.skill.1"}}


@pytest.mark.parametrize("principal", ["amazon.com", "s3.amazon.com", "alexa-appkit.amazon.com.example", "s3"])
def test_what_is_no_service_of_awss_is_no_principal(api, make, principal):
    refused = refusal(api.add_permission, FunctionName=make(), **{**GRANT, "Principal": principal})
    assert refused == (
        400,
        "InvalidParameterValueException",
        "The provided principal was invalid. Please check the principal and try again.",
    )


def test_function_and_alias_have_policies_of_their_own(api, make):
    name = make(Publish=True)
    api.create_alias(FunctionName=name, Name="prod", FunctionVersion="1")
    api.add_permission(FunctionName=name, Qualifier="prod", **GRANT)
    assert statements(api, name, Qualifier="prod")[0]["Resource"] == f"{ARN}{name}:prod"
    assert refusal(api.get_policy, FunctionName=name)[2] == "The resource you requested does not exist."


def test_the_last_statement_takes_the_policy_with_it(api, make):
    name = make()
    api.add_permission(FunctionName=name, **GRANT)
    api.remove_permission(FunctionName=name, StatementId="s3")
    assert refusal(api.get_policy, FunctionName=name)[0] == 404


def test_permissions_that_aws_refuses_are_refused_in_its_words(api, make):
    name = make()
    api.add_permission(FunctionName=name, **GRANT)
    assert refusal(api.add_permission, FunctionName=name, **GRANT) == (
        409,
        "ResourceConflictException",
        "The statement id (s3) provided already exists. Please provide a new statement id, or remove the existing "
        "statement.",
    )
    assert refusal(api.add_permission, FunctionName=name, Qualifier="$LATEST", **GRANT)[2] == (
        "We currently do not support adding policies for $LATEST."
    )
    assert refusal(api.add_permission, FunctionName=name, **{**GRANT, "StatementId": "b", "Principal": "me"})[2] == (
        "The provided principal was invalid. Please check the principal and try again."
    )
    assert refusal(api.remove_permission, FunctionName=name, StatementId="x")[2] == (
        "Statement x is not found in resource policy."
    )
    assert refusal(api.remove_permission, FunctionName="nobody", StatementId="x")[2] == (
        f"No policy found for: {ARN}nobody"
    )
    stale = {**GRANT, "StatementId": "c", "RevisionId": "stale"}
    assert refusal(api.add_permission, FunctionName=name, **stale)[2].endswith(
        "Call the GetPolicy API to retrieve the latest Revision Id"
    )


def test_a_policy_has_twenty_kilobytes(api, make):
    name = make()
    arn = "arn:aws:s3:::" + "b" * 1000
    with pytest.raises(api.exceptions.PolicyLengthExceededException):
        for number in range(30):
            api.add_permission(FunctionName=name, **{**GRANT, "StatementId": f"s{number}"}, SourceArn=arn)


def test_tags_merge_and_go(api, make):
    name = make(Tags={"a": "1"})
    arn = f"{ARN}{name}"
    before = api.get_function_configuration(FunctionName=name)["RevisionId"]
    api.tag_resource(Resource=arn, Tags={"a": "2", "b": "3"})
    assert api.list_tags(Resource=arn)["Tags"] == {"a": "2", "b": "3"}
    assert api.get_function(FunctionName=name)["Tags"] == {"a": "2", "b": "3"}
    assert api.get_function_configuration(FunctionName=name)["RevisionId"] != before
    api.untag_resource(Resource=arn, TagKeys=["a", "never"])
    assert api.list_tags(Resource=arn)["Tags"] == {"b": "3"}
    assert refusal(api.tag_resource, Resource=f"{arn}:1", Tags={"a": "b"})[2] == (
        "Tags on function aliases and versions are not supported. Please specify a function ARN."
    )
    assert refusal(api.tag_resource, Resource=arn, Tags={f"k{n}": "v" for n in range(50)})[2] == (
        "Number of tags exceeds resource tag limit."
    )


@pytest.mark.parametrize("key", ["aws:mine", "AWS:mine"])
def test_a_tag_of_awss_own_is_refused(api, make, key):
    name = make()
    refused = (
        400,
        "InvalidParameterValueException",
        f"The tag key '{key}' is not valid: keys that begin with 'aws:' are reserved for AWS.",
    )
    assert refusal(api.tag_resource, Resource=f"{ARN}{name}", Tags={"a": "1", key: "2"}) == refused
    assert api.list_tags(Resource=f"{ARN}{name}")["Tags"] == {}
    with pytest.raises(ClientError, match="are reserved for AWS"):
        make(FunctionName="reserved", Tags={key: "1"})
    assert refusal(api.get_function, FunctionName="reserved")[0] == 404
    api.tag_resource(Resource=f"{ARN}{name}", Tags={"aws": "1", "my-aws:x": "2", "v": "aws:3"})


def test_asynchronous_settings_are_replaced_merged_and_listed(api, make):
    name = make(Publish=True)
    of = {"FunctionName": name}
    assert refusal(api.get_function_event_invoke_config, **of)[2] == (
        f"The function {ARN}{name}:$LATEST doesn't have an EventInvokeConfig"
    )
    assert refusal(api.put_function_event_invoke_config, **of)[2] == (
        "You must specify at least one of error handling or destination setting."
    )
    put = api.put_function_event_invoke_config(**of, MaximumRetryAttempts=0)
    assert put["FunctionArn"] == f"{ARN}{name}:$LATEST"
    merged = api.update_function_event_invoke_config(**of, MaximumEventAgeInSeconds=60)
    assert (merged["MaximumRetryAttempts"], merged["MaximumEventAgeInSeconds"]) == (0, 60)
    replaced = api.put_function_event_invoke_config(**of, MaximumRetryAttempts=1)
    assert "MaximumEventAgeInSeconds" not in replaced
    api.put_function_event_invoke_config(**of, Qualifier="1", MaximumRetryAttempts=2)
    assert len(api.list_function_event_invoke_configs(**of)["FunctionEventInvokeConfigs"]) == 2
    itself = {"DestinationConfig": {"OnSuccess": {"Destination": f"{ARN}{name}"}}}
    assert refusal(api.put_function_event_invoke_config, **of, **itself)[2] == (
        "You can't specify the function as a destination for itself."
    )
    for on, destination in (
        ("OnSuccess", "arn:aws:s3:::bucket"),
        ("OnFailure", "arn:aws:dynamodb:us-east-1:123456789012:table/t"),
        ("OnFailure", f"{ARN}nobody"),
        ("OnFailure", f"{ARN}other".replace("us-east-1", "eu-west-1")),
        ("OnFailure", f"{ARN}other".replace("123456789012", "210987654321")),
    ):
        wrong = {"DestinationConfig": {on: {"Destination": destination}}}
        assert refusal(api.put_function_event_invoke_config, **of, **wrong) == (
            400,
            "InvalidParameterValueException",
            f"The destination ARN {destination} is invalid.",
        )
    for destination in (
        "arn:aws:s3:::bucket",
        "arn:aws:sqs:us-east-1:123456789012:q",
        "arn:aws:sns:us-east-1:123456789012:t",
        "arn:aws:events:us-east-1:123456789012:event-bus/default",
        f"{ARN}{make()}",
    ):
        right = {"DestinationConfig": {"OnFailure": {"Destination": destination}}}
        kept = api.put_function_event_invoke_config(**of, **right)["DestinationConfig"]
        assert kept["OnFailure"] == {"Destination": destination}
    api.delete_function_event_invoke_config(**of)
    assert refusal(api.get_function_event_invoke_config, **of)[0] == 404


def test_recursion_and_runtime_management_have_awss_defaults(api, make):
    name = make()
    assert api.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Terminate"
    api.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")
    assert api.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Allow"
    assert api.get_runtime_management_config(FunctionName=name)["UpdateRuntimeOn"] == "Auto"
    api.put_runtime_management_config(FunctionName=name, UpdateRuntimeOn="FunctionUpdate")
    assert api.get_runtime_management_config(FunctionName=name)["UpdateRuntimeOn"] == "FunctionUpdate"


def test_code_signing_is_kept_and_enforcing_it_is_refused(api, make):
    name = make()
    publishers = {"SigningProfileVersionArns": ["arn:aws:signer:us-east-1:123456789012:/signing-profiles/p/abcdefghij"]}
    made = api.create_code_signing_config(AllowedPublishers=publishers)["CodeSigningConfig"]
    arn = made["CodeSigningConfigArn"]
    assert made["CodeSigningPolicies"] == {"UntrustedArtifactOnDeployment": "Warn"}
    assert "CodeSigningConfigArn" not in api.get_function_code_signing_config(FunctionName=name)
    api.put_function_code_signing_config(FunctionName=name, CodeSigningConfigArn=arn)
    assert api.list_functions_by_code_signing_config(CodeSigningConfigArn=arn)["FunctionArns"] == [f"{ARN}{name}"]
    assert refusal(api.delete_code_signing_config, CodeSigningConfigArn=arn)[0] == 409
    api.delete_function_code_signing_config(FunctionName=name)
    signed = make(CodeSigningConfigArn=arn)
    assert api.get_function_code_signing_config(FunctionName=signed)["CodeSigningConfigArn"] == arn
    api.delete_function(FunctionName=signed)
    api.delete_code_signing_config(CodeSigningConfigArn=arn)
    assert refusal(api.get_code_signing_config, CodeSigningConfigArn=arn)[2] == (
        f"The Lambda code signing configuration {arn} can not be found."
    )
    with pytest.raises(ClientError) as gone:
        make(FunctionName="unsigned", CodeSigningConfigArn=arn)
    assert gone.value.response["Error"] == {
        "Code": "CodeSigningConfigNotFoundException",
        "Message": "The code signing configuration cannot be found. "
        f"Check that the provided configuration is not deleted: {arn}.",
    }
    assert refusal(api.get_function, FunctionName="unsigned")[0] == 404
    enforce = {"UntrustedArtifactOnDeployment": "Enforce"}
    assert "not offered by LambdaLab" in refusal(
        api.create_code_signing_config, AllowedPublishers=publishers, CodeSigningPolicies=enforce
    )[2]  # fmt: skip


def test_deleting_a_function_takes_everything_of_it(api, make):
    name = make(Publish=True)
    api.create_alias(FunctionName=name, Name="prod", FunctionVersion="1")
    api.add_permission(FunctionName=name, **GRANT)
    api.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    api.delete_function(FunctionName=name)
    again = make(FunctionName=name)
    assert api.list_aliases(FunctionName=again)["Aliases"] == []
    assert refusal(api.get_policy, FunctionName=again)[0] == 404
    assert "ReservedConcurrentExecutions" not in api.get_function_concurrency(FunctionName=again)
    assert api.publish_version(FunctionName=again)["Version"] == "1"
