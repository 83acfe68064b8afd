"""Aliases through real boto3: names for versions, weights that really route, AWS's refusals."""

import json
from collections import Counter

import pytest

from tests.api.conftest import ARN, refusal

pytestmark = pytest.mark.toolchains


@pytest.fixture
def two(api, make, recode):
    """A function with two versions."""
    name = make(Publish=True)
    recode(name, "context.function_version + '!'", Publish=True)
    return name


def test_an_alias_is_a_name_for_a_version(api, two):
    made = api.create_alias(FunctionName=two, Name="prod", FunctionVersion="1", Description="live")
    assert made["AliasArn"] == f"{ARN}{two}:prod"
    assert "RoutingConfig" not in made
    answer = api.invoke(FunctionName=f"{two}:prod")
    assert (answer["ExecutedVersion"], json.loads(answer["Payload"].read())) == ("1", "1")
    shown = api.get_function_configuration(FunctionName=two, Qualifier="prod")
    assert (shown["FunctionArn"], shown["Version"]) == (f"{ARN}{two}:prod", "1")


def test_an_alias_moves_and_keeps_what_is_not_named(api, two):
    api.create_alias(FunctionName=two, Name="prod", FunctionVersion="1", Description="live")
    moved = api.update_alias(FunctionName=two, Name="prod", FunctionVersion="2")
    assert (moved["FunctionVersion"], moved["Description"]) == ("2", "live")
    assert api.invoke(FunctionName=two, Qualifier="prod")["ExecutedVersion"] == "2"


def test_weights_route_ten_thousand_calls_as_they_say(lab, api, two):
    weights = {"AdditionalVersionWeights": {"2": 0.1}}
    api.create_alias(FunctionName=two, Name="canary", FunctionVersion="1", RoutingConfig=weights)
    function = lab[two]
    seen = Counter(function.invoke({}, qualifier="canary").record.executed_version for _ in range(10_000))
    assert set(seen) == {"1", "2"}
    # Five standard deviations of a binomial(10 000, 0.1): 5 x 30.
    assert abs(seen["2"] - 1000) < 150


def test_weights_stay_until_they_are_taken_away(api, two):
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    api.create_alias(FunctionName=two, Name="prod", FunctionVersion="1", RoutingConfig=weights)
    assert api.update_alias(FunctionName=two, Name="prod", Description="d")["RoutingConfig"] == weights
    without = api.update_alias(FunctionName=two, Name="prod", RoutingConfig={"AdditionalVersionWeights": {}})
    assert "RoutingConfig" not in without


@pytest.mark.parametrize(
    ("version", "weights", "message"),
    [
        ("1", {"2": 0.1, "3": 0.1}, "Number of items in AdditionalVersionWeights cannot be greater than 1"),
        (
            "1",
            {"1": 0.1},
            "Invalid function version 1. Function version 1 is already included in routing configuration.",
        ),
        ("$LATEST", {"1": 0.1}, "$LATEST is not supported for an alias pointing to more than 1 version"),
    ],
)
def test_weights_that_aws_refuses_are_refused_in_its_words(api, two, version, weights, message):
    routing = {"AdditionalVersionWeights": weights}
    assert refusal(api.create_alias, FunctionName=two, Name="a", FunctionVersion=version, RoutingConfig=routing) == (
        400,
        "InvalidParameterValueException",
        message,
    )


def test_weights_out_of_bounds_break_the_models_rules(api, two):
    status, code, message = refusal(
        api.create_alias,
        FunctionName=two,
        Name="a",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 2.0}},
    )
    assert (status, code) == (400, "ValidationException")
    assert message == (
        "1 validation error detected: Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy "
        "constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, "
        "Member must have value greater than or equal to 0.0, Member must not be null]"
    )


def test_what_is_not_there_is_said_in_awss_words(api, two):
    arn = f"{ARN}{two}"
    missing = {"FunctionName": two, "Name": "nope"}
    assert refusal(api.get_alias, **missing) == (404, "ResourceNotFoundException", f"Cannot find alias arn: {arn}:nope")
    assert refusal(api.update_alias, **missing)[2] == f"Alias not found: {arn}:nope"
    assert api.delete_alias(**missing)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refusal(api.create_alias, FunctionName=two, Name="a", FunctionVersion="9")[2] == (
        f"Function not found: {arn}:9"
    )
    api.create_alias(FunctionName=two, Name="a", FunctionVersion="1")
    assert refusal(api.create_alias, FunctionName=two, Name="a", FunctionVersion="1") == (
        409,
        "ResourceConflictException",
        f"Alias already exists: {arn}:a",
    )


def test_a_stale_revision_is_refused(api, two):
    made = api.create_alias(FunctionName=two, Name="prod", FunctionVersion="1")
    api.update_alias(FunctionName=two, Name="prod", FunctionVersion="2", RevisionId=made["RevisionId"])
    stale = {"FunctionName": two, "Name": "prod", "FunctionVersion": "1", "RevisionId": made["RevisionId"]}
    assert refusal(api.update_alias, **stale)[:2] == (412, "PreconditionFailedException")


def test_aliases_are_listed_by_name_and_by_version(api, two):
    for alias, version in (("b", "1"), ("a", "2"), ("c", "1")):
        api.create_alias(FunctionName=two, Name=alias, FunctionVersion=version)
    pages = api.get_paginator("list_aliases").paginate(FunctionName=two, PaginationConfig={"PageSize": 2})
    assert [alias["Name"] for page in pages for alias in page["Aliases"]] == ["a", "b", "c"]
    of_one = api.list_aliases(FunctionName=two, FunctionVersion="1")["Aliases"]
    assert [alias["Name"] for alias in of_one] == ["b", "c"]


def test_a_version_that_an_alias_points_at_cannot_be_deleted(api, two):
    api.create_alias(FunctionName=two, Name="prod", FunctionVersion="1")
    assert refusal(api.delete_function, FunctionName=two, Qualifier="1")[:2] == (409, "ResourceConflictException")
