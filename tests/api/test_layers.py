"""Layers through real boto3: content at /opt, numbers, deletion, and what AWS refuses."""

import json

import pytest

from tests.api.conftest import refusal, returning, zipped

pytestmark = pytest.mark.toolchains
LAYER = "arn:aws:lambda:us-east-1:123456789012:layer:"


@pytest.fixture
def layer(api):
    def publish(name, files, **more):
        return api.publish_layer_version(LayerName=name, Content={"ZipFile": zipped(files)}, **more)

    return publish


def run(api, name):
    return json.loads(api.invoke(FunctionName=name)["Payload"].read())


def test_a_layers_module_can_be_imported(api, make, layer):
    arn = layer("greeter", {"python/greeter.py": "WORD = 'hello'"})["LayerVersionArn"]
    code = zipped({"app.py": "import greeter\ndef handler(e, c): return greeter.WORD"})
    assert run(api, make(code, Layers=[arn])) == "hello"


def test_layers_lie_over_each_other_in_order(api, make, layer):
    below = layer("below", {"both.txt": "below", "only-below.txt": "x"})["LayerVersionArn"]
    above = layer("above", {"both.txt": "above"})["LayerVersionArn"]
    name = make(returning("[open('/opt/both.txt').read(), sorted(os.listdir('/opt'))]"), Layers=[below, above])
    assert run(api, name) == ["above", ["both.txt", "only-below.txt"]]


def test_a_new_layer_version_changes_nothing_until_the_function_is_updated(api, make, layer):
    first = layer("gotcha", {"v.txt": "1"})["LayerVersionArn"]
    name = make(returning("open('/opt/v.txt').read()"), Layers=[first])
    second = layer("gotcha", {"v.txt": "2"})["LayerVersionArn"]
    assert run(api, name) == "1"
    api.update_function_configuration(FunctionName=name, Layers=[second])
    assert run(api, name) == "2"


def test_a_deleted_layer_version_keeps_serving_those_who_have_it_and_no_others(api, make, layer):
    arn = layer("gone", {"v.txt": "still here"})["LayerVersionArn"]
    name = make(returning("open('/opt/v.txt').read()"), Layers=[arn])
    api.delete_layer_version(LayerName="gone", VersionNumber=1)
    api.update_function_configuration(FunctionName=name, Layers=[arn], MemorySize=256)
    assert run(api, name) == "still here"
    refused = refusal(api.update_function_configuration, FunctionName=make(), Layers=[arn])
    assert refused == (400, "InvalidParameterValueException", f"Layer version {arn} does not exist.")
    assert layer("gone", {"v.txt": "next"})["Version"] == 2


def test_a_function_shows_its_layers_with_their_sizes(api, make, layer):
    made = layer("sized", {"a": "b"})
    name = make(Layers=[made["LayerVersionArn"]])
    shown = api.get_function_configuration(FunctionName=name)["Layers"]
    assert shown == [{"Arn": made["LayerVersionArn"], "CodeSize": made["Content"]["CodeSize"]}]


def test_layers_are_got_and_listed_newest_first(api, layer):
    layer("listed", {"a": "1"}, Description="one", CompatibleRuntimes=["python3.12"])
    layer("listed", {"a": "2"}, Description="two", CompatibleRuntimes=["python3.13"], LicenseInfo="MIT")
    got = api.get_layer_version(LayerName="listed", VersionNumber=2)
    assert (got["Description"], got["LicenseInfo"]) == ("two", "MIT")
    assert api.get_layer_version_by_arn(Arn=f"{LAYER}listed:1")["Description"] == "one"
    versions = api.list_layer_versions(LayerName="listed")["LayerVersions"]
    assert [version["Version"] for version in versions] == [2, 1]
    fitting = api.list_layer_versions(LayerName="listed", CompatibleRuntime="python3.12")["LayerVersions"]
    assert [version["Version"] for version in fitting] == [1]
    newest = {found["LayerName"]: found["LatestMatchingVersion"]["Version"] for found in api.list_layers()["Layers"]}
    assert newest["listed"] == 2
    assert api.list_layer_versions(LayerName="unknown")["LayerVersions"] == []


def test_what_a_function_may_not_reference_is_refused_in_awss_words(api, make, layer):
    name = make()
    arns = [layer(f"many{n}", {"a": "b"})["LayerVersionArn"] for n in range(6)]
    again = layer("many0", {"a": "c"})["LayerVersionArn"]

    def refused(*layers):
        return refusal(api.update_function_configuration, FunctionName=name, Layers=list(layers))[2]

    assert refused(*arns) == "Cannot reference more than 5 layers."
    assert refused(arns[0], again) == (
        "Two different versions of the same layer are not allowed to be referenced in the same function. "
        f"{arns[0]} and {again} are versions of the same layer."
    )
    assert refused(f"{LAYER}nowhere:1") == f"Layer version {LAYER}nowhere:1 does not exist."
    assert refused("arn:aws:lambda:eu-west-1:123456789012:layer:x:1") == (
        "Layers are not in the same region as the function. Layers are expected to be in region us-east-1."
    )
    assert refused(f"{LAYER}many0:01") == f"Layer version {LAYER}many0:01 does not exist."
    assert refusal(api.get_layer_version_by_arn, Arn=f"{LAYER}many0:01")[0] == 404
    assert refused(f"{LAYER}many0:{2**63}") == f"Layer version {LAYER}many0:{2**63} does not exist."
    assert refusal(api.get_layer_version_by_arn, Arn=f"{LAYER}many0:{2**63}")[2] == (
        "The resource you requested does not exist."
    )
    assert refusal(api.get_layer_version, LayerName="many0", VersionNumber=0)[2] == (
        "Layer Version Cannot be less than 1"
    )
    assert refusal(api.get_layer_version, LayerName="many0", VersionNumber=9)[2] == (
        "The resource you requested does not exist."
    )


def test_a_bad_zip_is_refused(api):
    assert refusal(api.publish_layer_version, LayerName="bad", Content={"ZipFile": b"no zip"})[2] == (
        "Could not unzip uploaded file. Please check your file, then try to upload again."
    )


def test_a_layers_permissions_are_a_policy(api, layer):
    layer("shared", {"a": "b"})
    of = {"LayerName": "shared", "VersionNumber": 1}
    assert refusal(api.get_layer_version_policy, **of)[2] == "No policy is associated with the given resource."
    grant = {"StatementId": "org", "Action": "lambda:GetLayerVersion", "Principal": "111122223333"}
    added = api.add_layer_version_permission(**of, **grant)
    policy = api.get_layer_version_policy(**of)
    assert json.loads(policy["Policy"])["Statement"] == [json.loads(added["Statement"])]
    assert policy["RevisionId"] == added["RevisionId"]
    assert refusal(api.add_layer_version_permission, **of, **{**grant, "StatementId": "b"}, RevisionId="stale")[2] == (
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetLayerPolicy API to retrieve the latest Revision Id"
    )
    api.remove_layer_version_permission(**of, StatementId="org")
    assert refusal(api.get_layer_version_policy, **of)[0] == 404
    missing = refusal(api.get_layer_version_policy, LayerName="shared", VersionNumber=7)
    assert missing[2] == f"Layer version {LAYER}shared:7 does not exist."


def test_what_a_layer_says_it_goes_with_is_checked_in_one_refusal(api, layer):
    status, code, message = refusal(
        layer,
        name="picky",
        files={"a": "b"},
        CompatibleRuntimes=["python3.12", "nope"],
        CompatibleArchitectures=["z80"],
    )
    assert (status, code) == (400, "ValidationException")
    assert message.startswith(
        "2 validation errors detected: Value '[python3.12, nope]' at 'compatibleRuntimes' failed to satisfy "
        "constraint: Member must satisfy enum value set: ["
    )
    assert "; Value '[z80]' at 'compatibleArchitectures' failed to satisfy constraint: " in message
    assert refusal(layer, name="picky", files={"a": "b"}, CompatibleRuntimes=["nope"])[2].startswith(
        "1 validation error"
    )
    old = layer("picky", {"a": "b"}, CompatibleRuntimes=["python2.7", "nodejs4.3", "go1.x"])
    assert old["CompatibleRuntimes"] == ["python2.7", "nodejs4.3", "go1.x"]
    for operation, more in ((api.list_layers, {}), (api.list_layer_versions, {"LayerName": "picky"})):
        assert (
            "at 'compatibleRuntime' failed to satisfy constraint: Member must satisfy enum value set"
            in (refusal(operation, CompatibleRuntime="nope", **more)[2])
        )


def test_layers_are_listed_with_their_newest_version_that_fits(api, layer):
    layer("fits", {"a": "1"}, CompatibleRuntimes=["python3.11"], CompatibleArchitectures=["arm64"])
    layer("fits", {"a": "2"}, CompatibleRuntimes=["python3.11"], CompatibleArchitectures=["x86_64"])
    layer("fits", {"a": "3"}, CompatibleRuntimes=["python3.14"], CompatibleArchitectures=["x86_64"])
    layer("fits-not", {"a": "3"})

    def listed(**wanted):
        found = api.list_layers(**wanted)["Layers"]
        return {
            one["LayerName"]: one["LatestMatchingVersion"]["Version"] for one in found if "fits" in one["LayerName"]
        }

    assert listed() == {"fits": 3, "fits-not": 1}
    assert listed(CompatibleRuntime="python3.11") == {"fits": 2}
    assert listed(CompatibleArchitecture="arm64") == {"fits": 1}
    assert listed(CompatibleRuntime="python3.14", CompatibleArchitecture="arm64") == {}
