"""Environment variables: sealed in the home always, and under a KMS key where one is named."""

import json
import sqlite3

import pytest

from lambdalab import Lab
from tests.api.conftest import refusal, returning

SECRET = "a-value-that-nobody-else-may-read"
VARIABLES = {"Variables": {"TOKEN": SECRET}}


@pytest.fixture
def key(lab):
    return lab.client("kms").create_key()["KeyMetadata"]


def test_variables_under_a_key_of_kms_reach_the_function(api, make, lab, key):
    name = make(returning("os.environ['TOKEN']"), KMSKeyArn=key["Arn"], Environment=VARIABLES)
    assert lab[name].invoke({}).payload == SECRET
    shown = api.get_function_configuration(FunctionName=name)
    assert (shown["KMSKeyArn"], shown["Environment"]) == (key["Arn"], VARIABLES)


def test_a_disabled_key_keeps_a_function_from_starting_and_its_variables_from_being_read(api, make, lab, key):
    name = make(returning("os.environ['TOKEN']"), KMSKeyArn=key["Arn"], Environment=VARIABLES)
    lab.client("kms").disable_key(KeyId=key["KeyId"])
    status, code, message = refusal(api.invoke, FunctionName=name)
    assert (status, code) == (502, "KMSDisabledException")
    assert message.startswith(
        "Lambda was unable to decrypt the environment variables because the KMS key used is disabled. "
        "Please check the function's KMS key settings. KMS Exception: DisabledException KMS Message: "
    )
    assert "Variables" not in api.get_function_configuration(FunctionName=name)["Environment"]
    assert api.get_function(FunctionName=name)["Configuration"]["Environment"]["Error"]["ErrorCode"] == code
    lab.client("kms").enable_key(KeyId=key["KeyId"])
    assert lab[name].invoke({}).payload == SECRET


def test_a_disabled_key_hides_the_variables_in_lists_and_answers_too(api, make, lab, key):
    name = make(KMSKeyArn=key["Arn"], Environment=VARIABLES)
    published = api.publish_version(FunctionName=name)
    assert published["Environment"] == VARIABLES
    plain = make(Environment=VARIABLES)

    def listed():
        found = api.get_paginator("list_functions").paginate(FunctionVersion="ALL").build_full_result()["Functions"]
        found += api.list_versions_by_function(FunctionName=name)["Versions"]
        assert [one["Environment"] for one in found if one["FunctionName"] == plain] == [VARIABLES]
        return [one["Environment"] for one in found if one["FunctionName"] == name]

    assert listed() == [VARIABLES] * 4
    lab.client("kms").disable_key(KeyId=key["KeyId"])
    assert [shown["Error"]["ErrorCode"] for shown in listed()] == ["KMSDisabledException"] * 4
    assert SECRET not in repr(listed())
    changed = api.update_function_code(FunctionName=name, ZipFile=returning("2"), Publish=True)
    assert changed["Environment"]["Error"]["ErrorCode"] == "KMSDisabledException"
    api.get_waiter("function_updated_v2").wait(FunctionName=name)
    changed = api.update_function_configuration(FunctionName=name, Timeout=9)
    assert changed["Environment"]["Error"]["ErrorCode"] == "KMSDisabledException"


def test_a_disabled_key_keeps_its_variables_from_being_moved_to_another_key_or_none(api, make, lab, key):
    name = make(returning("os.environ['TOKEN']"), KMSKeyArn=key["Arn"], Environment=VARIABLES)
    other = lab.client("kms").create_key()["KeyMetadata"]["Arn"]
    lab.client("kms").disable_key(KeyId=key["KeyId"])
    for wanted in ("", other, key["Arn"]):
        status, code, message = refusal(api.update_function_configuration, FunctionName=name, KMSKeyArn=wanted)
        assert (status, code) == (400, "InvalidParameterValueException")
        assert message.startswith(
            "Lambda was unable to decrypt the environment variables because the KMS key used is disabled. "
        )
    new = {"Variables": {"TOKEN": "other"}}
    _, code, message = refusal(api.update_function_configuration, FunctionName=name, Environment=new)
    assert "the KMS key is invalid for CreateGrant" in message
    assert "KMS Exception: DisabledException KMS Message: " in message
    lab.client("kms").enable_key(KeyId=key["KeyId"])
    moved = api.update_function_configuration(FunctionName=name, KMSKeyArn=other)
    assert (moved["KMSKeyArn"], moved["Environment"]) == (other, VARIABLES)
    api.get_waiter("function_updated_v2").wait(FunctionName=name)
    lab.client("kms").disable_key(KeyId=key["KeyId"])
    assert lab[name].invoke({}).payload == SECRET, "the first key has no part in it any more"
    moved = api.update_function_configuration(FunctionName=name, KMSKeyArn="")
    assert ("KMSKeyArn" in moved, moved["Environment"]) == (False, VARIABLES)


def test_a_version_with_the_same_variables_under_the_same_key_is_the_same_version(api, make, key):
    name = make(KMSKeyArn=key["Arn"], Environment=VARIABLES)

    def published(environment):
        api.update_function_configuration(FunctionName=name, Environment=environment)
        api.get_waiter("function_updated_v2").wait(FunctionName=name)
        version = api.publish_version(FunctionName=name)["Version"]
        api.get_waiter("function_updated_v2").wait(FunctionName=name)
        return version

    assert [published(VARIABLES), published(VARIABLES)] == ["1", "1"]
    assert published({"Variables": {"TOKEN": "other"}}) == "2"


def test_a_key_without_variables_is_tried_and_hides_nothing(api, make, lab, key):
    name = make(returning("1"), KMSKeyArn=key["Arn"])
    lab.client("kms").disable_key(KeyId=key["KeyId"])
    assert "Environment" not in api.get_function_configuration(FunctionName=name)
    assert lab[name].invoke({}).payload == 1
    assert "CreateGrant" in refusal(api.update_function_configuration, FunctionName=name, KMSKeyArn=key["Arn"])[2]


def test_the_home_keeps_variables_under_a_key_only_as_kms_sealed_them():
    with Lab(isolated=True) as lab:
        key = lab.client("kms").create_key()["KeyMetadata"]["Arn"]
        lab.client("lambda").create_function(
            FunctionName="keyed", Runtime="python3.12", Role="arn:aws:iam::123456789012:role/r", Handler="app.handler",
            Code={"ZipFile": returning("1")}, Environment=VARIABLES, KMSKeyArn=key,
        )  # fmt: skip
        with sqlite3.connect(lab.settings.home / "region.db") as database:
            ((text,),) = database.execute("SELECT document FROM versions").fetchall()
        document = json.loads(text)
        assert document["environment"] is None
        assert document["kms_sealed"]


def test_an_environment_that_runs_goes_on_when_its_key_is_disabled(make, lab, key):
    name = make(returning("os.environ['TOKEN']"), KMSKeyArn=key["Arn"], Environment=VARIABLES)
    assert lab[name].invoke({}).payload == SECRET
    lab.client("kms").disable_key(KeyId=key["KeyId"])
    assert lab[name].invoke({}).payload == SECRET


def test_a_version_keeps_the_key_and_the_variables_it_was_published_with(api, make, lab, key):
    name = make(returning("os.environ.get('TOKEN')"), KMSKeyArn=key["Arn"], Environment=VARIABLES)
    api.publish_version(FunctionName=name)
    api.update_function_configuration(FunctionName=name, Environment={"Variables": {"TOKEN": "other"}}, KMSKeyArn="")
    assert lab[name].invoke({}, qualifier="1").payload == SECRET
    assert lab[name].invoke({}).payload == "other"
    assert "KMSKeyArn" not in api.get_function_configuration(FunctionName=name)


def test_a_key_that_is_not_there_is_refused_when_it_is_set(api, make):
    name = make()
    gone = "arn:aws:kms:us-east-1:123456789012:key/11111111-1111-1111-1111-111111111111"
    status, code, message = refusal(api.update_function_configuration, FunctionName=name, KMSKeyArn=gone)
    assert (status, code) == (400, "InvalidParameterValueException")
    assert message.startswith(
        "Lambda was unable to configure access to your environment variables because the KMS key is invalid for "
        "CreateGrant. Please check your KMS key settings. KMS Exception: NotFoundException KMS Message: "
    )


def test_nothing_in_the_home_holds_a_variable_in_the_clear():
    with Lab(isolated=True) as lab:
        key = lab.client("kms").create_key()["KeyMetadata"]
        for name, more in (("plain", {}), ("keyed", {"KMSKeyArn": key["Arn"]})):
            lab.client("lambda").create_function(
                FunctionName=name, Runtime="python3.12", Role="arn:aws:iam::123456789012:role/r", Handler="app.handler",
                Code={"ZipFile": returning("1")}, Environment=VARIABLES, **more,
            )  # fmt: skip
            lab[name].invoke({})
        files = [path for path in lab.settings.home.rglob("*") if path.is_file()]
        assert any(path.name == "region.db" for path in files)
        assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


def test_a_refusal_does_not_repeat_the_variables(api, make):
    bad = {"Variables": {"X": SECRET}}
    status, code, message = refusal(api.update_function_configuration, FunctionName=make(), Environment=bad)
    assert (status, code) == (400, "ValidationException")
    assert message.startswith("1 validation error detected: Value at 'environment.variables' failed to satisfy")
