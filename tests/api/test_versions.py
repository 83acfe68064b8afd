"""Versions through real boto3: publishing, immutability, numbers, and every way of naming one."""

import json

import pytest

from tests.api.conftest import ARN, refusal, returning

pytestmark = pytest.mark.toolchains


def run(api, name, qualifier=None):
    more = {"Qualifier": qualifier} if qualifier else {}
    answer = api.invoke(FunctionName=name, **more)
    return json.loads(answer["Payload"].read()), answer["ExecutedVersion"]


def test_publishing_makes_version_one_and_twice_is_the_same_version(api, make):
    name = make()
    first = api.publish_version(FunctionName=name, Description="first cut")
    again = api.publish_version(FunctionName=name, Description="ignored")
    assert (first["Version"], first["FunctionArn"]) == ("1", f"{ARN}{name}:1")
    api.get_waiter("published_version_active").wait(FunctionName=name, Qualifier="1")
    now = api.get_function_configuration(FunctionName=name, Qualifier="1")
    assert again["Version"] == "1"
    assert again["RevisionId"] in {first["RevisionId"], now["RevisionId"]}
    assert again["Description"] == "first cut"


def test_a_version_keeps_its_code_and_settings_whatever_becomes_of_latest(api, make, recode):
    name = make(returning("['one', os.environ.get('A')]"), Environment={"Variables": {"AA": "x"}})
    api.publish_version(FunctionName=name)
    recode(name, "'two'")
    api.update_function_configuration(FunctionName=name, MemorySize=256, Environment={"Variables": {}})
    assert run(api, name, "1")[0] == ["one", None]
    assert run(api, name)[0] == "two"
    one = api.get_function_configuration(FunctionName=name, Qualifier="1")
    assert (one["MemorySize"], one["Environment"]) == (128, {"Variables": {"AA": "x"}})


def test_every_form_of_a_name_finds_its_version(api, make, recode):
    name = make()
    api.publish_version(FunctionName=name)
    recode(name, "'latest'")
    for spelling in (f"{name}:1", f"function:{name}:1", f"123456789012:function:{name}:1", f"{ARN}{name}:1"):
        assert run(api, spelling) == ("1", "1")
    assert run(api, f"{ARN}{name}:$LATEST") == ("latest", "$LATEST")


def test_two_qualifiers_that_differ_are_refused(api, make):
    name = make()
    assert refusal(api.get_function, FunctionName=f"{name}:1", Qualifier="2") == (
        400,
        "InvalidParameterValueException",
        "The derived qualifier from the function name does not match the specified qualifier.",
    )


def test_a_changed_description_alone_is_a_new_version(api, make):
    name = make()
    api.publish_version(FunctionName=name)
    api.update_function_configuration(FunctionName=name, Description="other")
    published = api.publish_version(FunctionName=name)
    assert (published["Version"], published["Description"]) == ("2", "other")


def test_numbers_are_never_given_twice(api, make, recode):
    name = make()
    api.publish_version(FunctionName=name)
    recode(name, "2")
    api.publish_version(FunctionName=name)
    api.delete_function(FunctionName=name, Qualifier="2")
    recode(name, "3")
    assert api.publish_version(FunctionName=name)["Version"] == "3"


def test_publish_with_creation_and_with_code(api, make, recode):
    name = make(Publish=True)
    assert api.get_function_configuration(FunctionName=name, Qualifier="1")["Version"] == "1"
    answer = recode(name, "'two'", Publish=True)
    assert (answer["Version"], answer["FunctionArn"]) == ("2", f"{ARN}{name}:2")
    assert run(api, name, "2") == ("two", "2")


def test_publishing_other_code_than_expected_is_refused(api, make):
    name = make()
    real = api.get_function_configuration(FunctionName=name)["CodeSha256"]
    status, code, message = refusal(api.publish_version, FunctionName=name, CodeSha256="bm90IGl0")
    assert (status, code) == (400, "InvalidParameterValueException")
    assert message == (
        f"CodeSHA256 (bm90IGl0) is different from current CodeSHA256 in $LATEST ({real}). "
        "Please try again with the CodeSHA256 in $LATEST."
    )
    assert api.publish_version(FunctionName=name, CodeSha256=real)["Version"] == "1"


def test_publishing_another_revision_is_refused(api, make):
    status, code, _ = refusal(api.publish_version, FunctionName=make(), RevisionId="stale")
    assert (status, code) == (412, "PreconditionFailedException")


def test_versions_are_listed_latest_first_in_pages_without_states(api, make, recode):
    name = make()
    for number in range(3):
        recode(name, number, Publish=True)
    listed = api.get_paginator("list_versions_by_function").paginate(
        FunctionName=name, PaginationConfig={"PageSize": 2}
    )
    found = [version for page in listed for version in page["Versions"]]
    assert [version["Version"] for version in found] == ["$LATEST", "1", "2", "3"]
    assert found[0]["FunctionArn"] == f"{ARN}{name}:$LATEST"
    assert not any("State" in version or "LastUpdateStatus" in version for version in found)


def test_deleting_versions_follows_awss_rules(api, make):
    name = make(Publish=True)
    assert refusal(api.delete_function, FunctionName=name, Qualifier="$LATEST")[2] == (
        "$LATEST version cannot be deleted without deleting the function."
    )
    assert refusal(api.delete_function, FunctionName=name, Qualifier="prod")[2] == (
        "Deletion of aliases is not currently supported."
    )
    api.delete_function(FunctionName=name, Qualifier="77")
    api.delete_function(FunctionName=name, Qualifier="1")
    assert refusal(api.get_function, FunctionName=name, Qualifier="1")[2] == f"Function not found: {ARN}{name}:1"


def test_all_versions_are_listed_with_qualified_arns(api, make):
    name = make(Publish=True)
    pages = api.get_paginator("list_functions").paginate(FunctionVersion="ALL")
    arns = [f["FunctionArn"] for page in pages for f in page["Functions"] if f["FunctionName"] == name]
    assert arns == [f"{ARN}{name}:$LATEST", f"{ARN}{name}:1"]


@pytest.mark.parametrize("number", ["0", "00", "01"])
def test_a_number_that_awss_are_never_written_as_names_no_version(api, make, number):
    name = make(Publish=True)
    of, missing = (
        {"FunctionName": name},
        (404, "ResourceNotFoundException", f"Function not found: {ARN}{name}:{number}"),
    )
    assert refusal(api.get_function, **of, Qualifier=number) == missing
    assert refusal(api.invoke, **of, Qualifier=number) == missing
    assert refusal(api.create_alias, **of, Name="a", FunctionVersion=number) == missing
    api.create_alias(**of, Name="live", FunctionVersion="1")
    weights = {"AdditionalVersionWeights": {number: 0.5}}
    assert refusal(api.update_alias, **of, Name="live", RoutingConfig=weights) == missing
    grant = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"}
    assert refusal(api.add_permission, **of, **grant, Qualifier=number) == missing
    wanted = {"ProvisionedConcurrentExecutions": 1}
    assert refusal(api.put_provisioned_concurrency_config, **of, **wanted, Qualifier=number) == missing
    assert refusal(api.put_function_event_invoke_config, **of, MaximumRetryAttempts=1, Qualifier=number)[0] == 404
    api.delete_function(**of, Qualifier=number)  # as with any number that there is not
    assert run(api, name, "live") == ("1", "1")
    assert run(api, name)[1] == "$LATEST"
