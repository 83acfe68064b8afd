"""Each of boto3's paginators, over small and over whole pages: everything once, in AWS's order."""

import base64

import pytest

from lambdalab.api import families
from lambdalab.api.operations import OPERATIONS
from tests.api.conftest import ARN, zipped

pytestmark = pytest.mark.toolchains
NAMES = ["a", "b", "c", "d", "e"]
"""Of whatever there are several of: five, in pages of two."""
OFFERED = {
    "list_aliases": "Aliases",
    "list_code_signing_configs": "CodeSigningConfigs",
    "list_function_event_invoke_configs": "FunctionEventInvokeConfigs",
    "list_function_url_configs": "FunctionUrlConfigs",
    "list_functions": "Functions",
    "list_functions_by_code_signing_config": "FunctionArns",
    "list_layer_versions": "LayerVersions",
    "list_layers": "Layers",
    "list_provisioned_concurrency_configs": "ProvisionedConcurrencyConfigs",
    "list_versions_by_function": "Versions",
}


@pytest.fixture
def pages(api):
    """The pages of a paginator, two entries each unless told."""

    def read(operation, size=2, **params):
        paginator = api.get_paginator(operation)
        return [page[OFFERED[operation]] for page in paginator.paginate(**params, PaginationConfig={"PageSize": size})]

    return read


@pytest.fixture
def named(api, make):
    """A function with an alias for each name, all for version 1."""
    name = make(Publish=True)
    for alias in reversed(NAMES):
        api.create_alias(FunctionName=name, Name=alias, FunctionVersion="1")
    return name


def qualifiers(found, member="FunctionArn"):
    return [[entry[member].rpartition(":")[2] for entry in page] for page in found]


IN_TWOS = [["a", "b"], ["c", "d"], ["e"]]


def test_every_paginator_of_an_operation_that_is_offered_is_here(api):
    assert families is not None  # importing it is what registers the operations
    offered = {name for service, name in OPERATIONS if service == "lambda"}
    methods = api.meta.method_to_api_mapping
    assert sorted(OFFERED) == sorted(
        method for method, operation in methods.items() if operation in offered and api.can_paginate(method)
    )


def test_functions(api, make, pages):
    for name in reversed(NAMES):
        make(FunctionName=f"paged-{name}")
    found = pages("list_functions")
    assert max(map(len, found)) == 2
    names = [function["FunctionName"] for page in found for function in page]
    assert [name for name in names if name.startswith("paged-")] == [f"paged-{name}" for name in NAMES]
    assert names == sorted(set(names))


def test_functions_with_all_their_versions(api, make, recode, pages):
    for name in ("all-a", "all-b"):
        make(FunctionName=name, Publish=True)
        recode(name, "2", Publish=True)
    found = pages("list_functions", FunctionVersion="ALL")
    arns = [function["FunctionArn"] for page in found for function in page]
    assert [arn for arn in arns if f"{ARN}all-" in arn] == [
        f"{ARN}{name}:{version}" for name in ("all-a", "all-b") for version in ("$LATEST", "1", "2")
    ]


def test_versions_ten_after_nine(api, make, pages):
    name = make()
    for number in range(11):
        api.update_function_configuration(FunctionName=name, Description=str(number))
        api.get_waiter("function_updated_v2").wait(FunctionName=name)
        api.publish_version(FunctionName=name)
    found = pages("list_versions_by_function", 5, FunctionName=name)
    assert [[version["Version"] for version in page] for page in found] == [
        ["$LATEST", "1", "2", "3", "4"], ["5", "6", "7", "8", "9"], ["10", "11"],
    ]  # fmt: skip


def test_aliases_of_all_versions_and_of_one(api, named, pages):
    found = pages("list_aliases", FunctionName=named)
    assert qualifiers(found, "AliasArn") == IN_TWOS
    api.update_function_configuration(FunctionName=named, Description="other")
    api.get_waiter("function_updated_v2").wait(FunctionName=named)
    api.publish_version(FunctionName=named)
    api.update_alias(FunctionName=named, Name="c", FunctionVersion="2")
    of_one = pages("list_aliases", FunctionName=named, FunctionVersion="1")
    assert qualifiers(of_one, "AliasArn") == [["a", "b"], ["d", "e"]]


def test_layers_and_their_versions_newest_first(api, pages):
    for name in reversed(NAMES):
        api.publish_layer_version(LayerName=f"paged-{name}", Content={"ZipFile": zipped({"a": name})})
    found = pages("list_layers")
    assert [[layer["LayerName"] for layer in page] for page in found] == [
        [f"paged-{name}" for name in page] for page in IN_TWOS
    ]
    for number in range(2, 12):
        runtimes = ["python3.12"] if number % 2 else ["python3.13"]
        content = {"ZipFile": zipped({"a": str(number)})}
        api.publish_layer_version(LayerName="paged-c", Content=content, CompatibleRuntimes=runtimes)
    found = pages("list_layer_versions", 5, LayerName="paged-c")
    assert [[version["Version"] for version in page] for page in found] == [
        [11, 10, 9, 8, 7], [6, 5, 4, 3, 2], [1],
    ]  # fmt: skip
    odd = pages("list_layer_versions", LayerName="paged-c", CompatibleRuntime="python3.12")
    assert [[version["Version"] for version in page] for page in odd] == [[11, 9], [7, 5], [3]]


def test_settings_of_asynchronous_calls(api, named, pages):
    for alias in reversed(NAMES):
        api.put_function_event_invoke_config(FunctionName=named, Qualifier=alias, MaximumRetryAttempts=1)
    assert qualifiers(pages("list_function_event_invoke_configs", FunctionName=named)) == IN_TWOS


def test_urls(api, named, pages):
    for alias in reversed(NAMES):
        api.create_function_url_config(FunctionName=named, Qualifier=alias, AuthType="NONE")
    assert qualifiers(pages("list_function_url_configs", FunctionName=named)) == IN_TWOS
    api.create_function_url_config(FunctionName=named, AuthType="NONE")
    with_its_own = pages("list_function_url_configs", FunctionName=named)
    assert qualifiers(with_its_own) == [[named, "a"], ["b", "c"], ["d", "e"]]


def test_provisioned_concurrency(api, make, pages):
    name = make(Publish=True)
    for number in range(2, 6):
        api.update_function_configuration(FunctionName=name, Description=str(number))
        api.get_waiter("function_updated_v2").wait(FunctionName=name)
        api.publish_version(FunctionName=name)
    for number in range(1, 6):
        api.put_provisioned_concurrency_config(
            FunctionName=name, Qualifier=str(number), ProvisionedConcurrentExecutions=1
        )
    found = pages("list_provisioned_concurrency_configs", FunctionName=name)
    assert qualifiers(found) == [["1", "2"], ["3", "4"], ["5"]]
    assert {config["RequestedProvisionedConcurrentExecutions"] for page in found for config in page} == {1}


def test_code_signing_configurations_and_the_functions_that_have_one(api, make, pages):
    publishers = {"SigningProfileVersionArns": ["arn:aws:signer:us-east-1:123456789012:/signing-profiles/p/1234567890"]}
    made = [
        api.create_code_signing_config(AllowedPublishers=publishers)["CodeSigningConfig"]["CodeSigningConfigArn"]
        for _ in NAMES
    ]
    found = pages("list_code_signing_configs")
    assert [len(page) for page in found] == [2, 2, 1]
    assert sorted(config["CodeSigningConfigArn"] for page in found for config in page) == sorted(made)
    for name in reversed(NAMES):
        api.put_function_code_signing_config(
            FunctionName=make(FunctionName=f"signed-{name}"), CodeSigningConfigArn=made[0]
        )
    users = pages("list_functions_by_code_signing_config", CodeSigningConfigArn=made[0])
    assert users == [[f"{ARN}signed-{name}" for name in page] for page in IN_TWOS]


def test_a_list_that_fills_its_pages_exactly_ends_without_an_empty_one(api, named, pages):
    api.delete_alias(FunctionName=named, Name="e")
    assert qualifiers(pages("list_aliases", FunctionName=named), "AliasArn") == [["a", "b"], ["c", "d"]]


def test_what_vanishes_between_two_pages_hides_nothing_else(api, named):
    first = api.list_aliases(FunctionName=named, MaxItems=2)
    for gone in ("b", "c"):
        api.delete_alias(FunctionName=named, Name=gone)
    second = api.list_aliases(FunctionName=named, Marker=first["NextMarker"])
    assert [alias["Name"] for alias in second["Aliases"]] == ["d", "e"]
    assert "NextMarker" not in second


def test_a_paginator_goes_on_where_another_stopped(api, named):
    paginator = api.get_paginator("list_aliases")
    first = paginator.paginate(FunctionName=named, PaginationConfig={"MaxItems": 3, "PageSize": 2}).build_full_result()
    rest = paginator.paginate(
        FunctionName=named, PaginationConfig={"StartingToken": first["NextToken"]}
    ).build_full_result()
    assert [[alias["Name"] for alias in part["Aliases"]] for part in (first, rest)] == [["a", "b", "c"], ["d", "e"]]


NO_PLACES = [b"[1]", b'["a"]', b"[null]", b"[{}]", b"[[]]", b"[]", b"{}", b'"a"', b"1", b'["a", 1]', b"[1.5]",
             b"[%d]" % 2**63, b'["a", %d]' % 2**63, b'["\\ud800"]', b'["\\ud800", 1]', b"[" * 4000, b"\xff"]  # fmt: skip


@pytest.mark.parametrize("operation", sorted(OFFERED))
def test_a_marker_that_this_list_did_not_give_is_refused_or_is_a_place_in_it(api, named, operation):
    api.publish_layer_version(LayerName="a", Content={"ZipFile": zipped({"a": "b"})})
    api.put_function_event_invoke_config(FunctionName=named, Qualifier="a", MaximumRetryAttempts=1)
    api.create_function_url_config(FunctionName=named, Qualifier="a", AuthType="NONE")
    publishers = {"SigningProfileVersionArns": ["arn:aws:signer:us-east-1:123456789012:/signing-profiles/p/1234567890"]}
    signing = api.create_code_signing_config(AllowedPublishers=publishers)["CodeSigningConfig"]["CodeSigningConfigArn"]
    api.put_function_code_signing_config(FunctionName=named, CodeSigningConfigArn=signing)
    given = {"FunctionName": named, "LayerName": "a", "CodeSigningConfigArn": signing}
    model = api.meta.service_model.operation_model(api.meta.method_to_api_mapping[operation])
    required = {member: given[member] for member in model.input_shape.required_members}
    list_them = getattr(api, operation)
    taken = 0
    for place in NO_PLACES:
        marker = base64.urlsafe_b64encode(place).decode()
        try:
            assert isinstance(list_them(**required, Marker=marker)[OFFERED[operation]], list)
            taken += 1
        except api.exceptions.InvalidParameterValueException as refused:
            assert refused.response["Error"]["Message"] == f"The marker {marker!r} is not one that this operation gave."
    assert taken == 1, "a place has the shape of this list's own, and no other"
