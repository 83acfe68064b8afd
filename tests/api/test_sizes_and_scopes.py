"""What is too large is refused as too large, and a signature counts for the service and region that it names."""

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lambdalab.sources import child
from tests.api.conftest import ROLE, RUNTIME, refusal

pytestmark = pytest.mark.toolchains
needs_child = pytest.mark.skipif(not child.installed(), reason="the extra aws is not installed")
OVER = 70_200_000


@pytest.fixture(scope="module")
def client(lab):
    def make(service="lambda", **more):
        options = Config(retries={"max_attempts": 0}, connect_timeout=60, read_timeout=120)
        return lab.client(service, config=options, **more)

    return make


def test_a_request_over_the_limit_is_too_large_and_not_unsigned(client):
    create = {"FunctionName": "f", "Runtime": RUNTIME, "Role": ROLE, "Handler": "app.handler"}
    assert refusal(client().create_function, **create, Code={"ZipFile": b"\0" * (OVER * 3 // 4)}) == (
        413,
        "RequestEntityTooLargeException",
        "Request must be smaller than 70167211 bytes for the CreateFunction operation",
    )


def test_an_invocation_over_every_limit_is_refused_with_its_own(client):
    assert refusal(client().invoke, FunctionName="f", Payload=b'"' + b"x" * OVER + b'"') == (
        413,
        "RequestTooLargeException",
        "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
    )


def test_a_large_request_with_a_wrong_key_is_unsigned_all_the_same(client):
    forged = client(aws_secret_access_key="x" * 40)
    assert refusal(forged.invoke, FunctionName="f", Payload=b"x" * OVER)[:2] == (403, "InvalidSignatureException")


@needs_child
def test_an_object_over_the_limit_is_refused_in_s3s_form(client):
    s3 = client("s3")
    s3.create_bucket(Bucket="too-large")
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket="too-large", Key="k", Body=b"x" * OVER)
    assert refused.value.response["Error"]["Code"] == "EntityTooLarge"
    assert refused.value.response["Error"]["Message"].startswith(
        "Your proposed upload exceeds the maximum allowed object size."
    )


def test_another_regions_client_is_told_which_one_this_is(client):
    elsewhere = client(region_name="eu-west-1")
    told = (
        403,
        "InvalidSignatureException",
        "Credential should be scoped to a valid region, not 'eu-west-1'. (This is 'us-east-1'."
        " LAMBDALAB_REGION=eu-west-1, set when the region starts, makes it that one.)",
    )
    assert refusal(elsewhere.list_functions) == told
    assert refusal(elsewhere.invoke, FunctionName="f", Payload=b"{}") == told
