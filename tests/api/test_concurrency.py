"""Reserved and provisioned concurrency through real boto3: what is set aside, throttled, and started ahead."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from lambdalab.errors import TooManyRequests
from tests.api.conftest import refusal, returning, zipped

pytestmark = pytest.mark.toolchains
SLOW = zipped({"app.py": "import time\ndef handler(event, context):\n    time.sleep(0.5)\n    return 1\n"})


@pytest.fixture
def provisioned(api):
    """Ask for provisioned environments, and wait until AWS's status says how it ended."""

    def put(name, qualifier, count):
        of = {"FunctionName": name, "Qualifier": qualifier}
        asked = api.put_provisioned_concurrency_config(**of, ProvisionedConcurrentExecutions=count)
        assert (asked["Status"], asked["AllocatedProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 0)
        for _ in range(1000):
            now = api.get_provisioned_concurrency_config(**of)
            if now["Status"] != "IN_PROGRESS":
                return now
        raise AssertionError(now)

    return put


def log_of(answer):
    return base64.b64decode(answer["LogResult"]).decode()


def test_a_reservation_is_kept_shown_and_given_back(api, make):
    name = make()
    assert "ReservedConcurrentExecutions" not in api.get_function_concurrency(FunctionName=name)
    before = api.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    api.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=5)
    assert api.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 5
    assert api.get_function(FunctionName=name)["Concurrency"] == {"ReservedConcurrentExecutions": 5}
    assert api.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == before - 5
    api.delete_function_concurrency(FunctionName=name)
    assert api.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == before


def test_zero_stops_the_function(api, make):
    name = make()
    api.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(api.exceptions.TooManyRequestsException) as throttled:
        api.invoke(FunctionName=name)
    answer = throttled.value.response
    assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert answer["Error"]["Message"] == "Rate Exceeded."
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_more_calls_at_once_than_reserved_are_throttled(lab, api, make):
    name = make(SLOW, MemorySize=1769)
    api.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)

    def call(_):
        try:
            return api.invoke(FunctionName=name)["StatusCode"]
        except api.exceptions.TooManyRequestsException as throttled:
            return throttled.response["Reason"]

    with ThreadPoolExecutor(4) as pool:
        seen = sorted(map(str, pool.map(call, range(4))))
    assert seen == ["200", "200", *["ReservedFunctionConcurrentInvocationLimitExceeded"] * 2]


def test_a_throttled_call_of_the_client_says_which_limit_it_met(lab, make):
    name = make(returning(1))
    lab[name].reserve(0)
    words = r"Rate Exceeded\. \(ReservedFunctionConcurrentInvocationLimitExceeded: all of .* is in use"
    with pytest.raises(TooManyRequests, match=words):
        lab[name].invoke()


def test_a_hundred_must_stay_unreserved(api, make):
    assert refusal(api.put_function_concurrency, FunctionName=make(), ReservedConcurrentExecutions=901) == (
        400,
        "InvalidParameterValueException",
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
        "below its minimum value of [100].",
    )


def test_a_version_has_no_reservation(api, make):
    name = make(Publish=True)
    assert refusal(api.put_function_concurrency, FunctionName=f"{name}:1", ReservedConcurrentExecutions=1)[2] == (
        "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
        "Please specify either a function name or an unqualified function ARN."
    )


def test_a_provisioned_environment_is_initialised_ahead_and_never_cold(lab, api, make, provisioned):
    name = make(returning("os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']"), Publish=True)
    ready = provisioned(name, "1", 2)
    assert (ready["Status"], ready["AvailableProvisionedConcurrentExecutions"]) == ("READY", 2)
    answer = api.invoke(FunctionName=name, Qualifier="1", LogType="Tail")
    assert json.loads(answer["Payload"].read()) == "provisioned-concurrency"
    assert "Init Duration" not in log_of(answer)
    record = lab[name].invoke({}, qualifier="1").record
    assert not record.cold
    assert record.initialization == "provisioned-concurrency"


def test_calls_beyond_the_provisioned_ones_spill_over(lab, api, make, provisioned):
    name = make(SLOW, Publish=True, MemorySize=1769)
    provisioned(name, "1", 1)
    with ThreadPoolExecutor(2) as pool:
        records = [r.record for r in pool.map(lambda _: lab[name].invoke({}, qualifier="1"), range(2))]
    assert sorted(record.initialization for record in records) == ["on-demand", "provisioned-concurrency"]


def test_a_provisioned_environment_that_dies_is_started_again(api, make, provisioned):
    code = zipped({"app.py": "import os\ndef handler(event, context):\n    os._exit(3) if event else None\n"})
    name = make(code, Publish=True)
    provisioned(name, "1", 1)
    assert api.invoke(FunctionName=name, Qualifier="1", Payload=b"1")["FunctionError"] == "Unhandled"
    for _ in range(1000):
        now = api.get_provisioned_concurrency_config(FunctionName=name, Qualifier="1")
        if now["Status"] == "READY":
            break
    assert now["AvailableProvisionedConcurrentExecutions"] == 1


def test_provisioned_concurrency_follows_its_alias_and_goes_with_it(api, make, recode, provisioned):
    name = make(returning("'one'"), Publish=True)
    recode(name, "'two'", Publish=True)
    api.create_alias(FunctionName=name, Name="prod", FunctionVersion="1")
    provisioned(name, "prod", 1)
    api.update_alias(FunctionName=name, Name="prod", FunctionVersion="2")
    answer = api.invoke(FunctionName=name, Qualifier="prod")
    assert json.loads(answer["Payload"].read()) == "two"
    listed = api.list_provisioned_concurrency_configs(FunctionName=name)["ProvisionedConcurrencyConfigs"]
    assert [config["FunctionArn"].rpartition(":")[2] for config in listed] == ["prod"]
    api.delete_alias(FunctionName=name, Name="prod")
    assert api.list_provisioned_concurrency_configs(FunctionName=name)["ProvisionedConcurrencyConfigs"] == []


def test_an_init_that_fails_is_a_failed_configuration(api, make, provisioned):
    name = make(zipped({"app.py": "raise RuntimeError('at import')"}), Publish=True)
    failed = provisioned(name, "1", 1)
    assert (failed["Status"], failed["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")


def test_what_cannot_be_provisioned_is_refused_in_awss_words(api, make, provisioned):
    name = make(Publish=True)
    put, get = api.put_provisioned_concurrency_config, api.get_provisioned_concurrency_config
    one = {"FunctionName": name, "ProvisionedConcurrentExecutions": 1}
    assert refusal(put, **one, Qualifier="$LATEST")[2] == (
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    )
    assert refusal(get, FunctionName=name, Qualifier="$LATEST")[2] == (
        "The function resource provided must be an alias or a published version."
    )
    assert refusal(get, FunctionName=name, Qualifier="1") == (
        404,
        "ProvisionedConcurrencyConfigNotFoundException",
        "No Provisioned Concurrency Config found for this function",
    )
    assert refusal(put, **one, Qualifier="9")[2].startswith("Function not found: ")
    assert refusal(put, **one, Qualifier="nope")[2].startswith("Cannot find alias arn: ")
    api.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)
    assert refusal(put, **{**one, "ProvisionedConcurrentExecutions": 3}, Qualifier="1")[2] == (
        "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
    )
    provisioned(name, "1", 2)
    assert refusal(api.put_function_concurrency, FunctionName=name, ReservedConcurrentExecutions=1)[2] == (
        " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2]."
    )
    api.create_alias(FunctionName=name, Name="prod", FunctionVersion="1")
    assert refusal(put, **one, Qualifier="prod")[:2] == (409, "ResourceConflictException")
    assert api.delete_provisioned_concurrency_config(FunctionName=name, Qualifier="1")["ResponseMetadata"][
        "HTTPStatusCode"
    ] == (204)


def test_an_alias_takes_its_environments_to_no_version_that_has_its_own(api, make, recode, provisioned):
    name = make(Publish=True)
    recode(name, "'two'", Publish=True)
    api.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    api.create_alias(FunctionName=name, Name="other", FunctionVersion="1")
    provisioned(name, "live", 1)
    provisioned(name, "2", 1)
    assert refusal(api.update_alias, FunctionName=name, Name="live", FunctionVersion="2") == (
        409,
        "ResourceConflictException",
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
    )
    assert api.get_alias(FunctionName=name, Name="live")["FunctionVersion"] == "1"
    api.update_alias(FunctionName=name, Name="other", FunctionVersion="2")
    api.delete_provisioned_concurrency_config(FunctionName=name, Qualifier="2")
    api.update_alias(FunctionName=name, Name="live", FunctionVersion="2")
