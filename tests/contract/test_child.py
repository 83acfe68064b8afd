"""The adapter over the process that serves the rest of AWS: run at each of its versions.

These hold the pinned version of MiniStack to what the region needs of it, its private seams included.
"""

import asyncio
import io
import json
import os
import signal
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, WaiterError

from lambdalab import Lab
from lambdalab.model import function_url
from lambdalab.sources import child

pytestmark = pytest.mark.skipif(not child.installed(), reason="the extra 'aws' is not installed")
ROLE = "arn:aws:iam::123456789012:role/lambda-role"


def pid(lab):
    return lab.doctor()["aws"]["pid"]


def listening(tree):
    """The (address, port) pairs that the processes of a tree listen on, from /proc."""
    inodes = set()
    for process in tree:
        for fd in Path(f"/proc/{process}/fd").iterdir():
            try:
                target = str(fd.readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.append(fields[1])
    return found


def test_ten_first_requests_start_one_child(lab):
    async def ask():
        await asyncio.gather(*(asyncio.to_thread(lab.client("sts").get_caller_identity) for _ in range(10)))

    asyncio.run(ask())
    assert lab.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert pid(lab)


def test_a_functions_url_and_sts_name_a_key_alike(lab):
    """The region names the caller of a URL itself, without asking the child."""
    said = lab.client("sts").get_caller_identity()
    caller = function_url.Caller(lab.credentials.access_key_id, said["Account"])
    event = function_url.event(
        function_url.UrlRequest("GET", "/", "", [], b""),
        url_id="u", region="us-east-1", request_id="r", moment=datetime.now(UTC), port=80, trace="Root=1", caller=caller,
    )  # fmt: skip
    named = event["requestContext"]["authorizer"]["iam"]
    assert (named["accountId"], named["userArn"], named["userId"]) == (said["Account"], said["Arn"], said["UserId"])


def test_objects_come_and_go(lab):
    s3 = lab.client("s3")
    s3.create_bucket(Bucket="objects")
    s3.put_object(Bucket="objects", Key="a b/ü.txt", Body=b"hello")
    assert s3.get_object(Bucket="objects", Key="a b/ü.txt")["Body"].read() == b"hello"
    assert s3.head_object(Bucket="objects", Key="a b/ü.txt")["ContentLength"] == 5
    assert [found["Key"] for found in s3.list_objects_v2(Bucket="objects")["Contents"]] == ["a b/ü.txt"]
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="objects", Key="nope")


def test_large_objects_go_up_in_parts_and_come_back_whole(lab):
    s3, data, back = lab.client("s3"), os.urandom(20 << 20), io.BytesIO()
    s3.create_bucket(Bucket="large")
    s3.upload_fileobj(io.BytesIO(data), "large", "big")
    s3.download_fileobj("large", "big", back)
    assert back.getvalue() == data


@pytest.mark.parametrize("version", [None, "s3v4"], ids=["version 2, as by default", "version 4"])
def test_a_presigned_link_works_until_it_is_changed(lab, version):
    import urllib.error
    import urllib.request

    from botocore.config import Config

    s3 = lab.client("s3", config=Config(signature_version=version))
    bucket = f"links-{version}".lower()
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="x", Body=b"seen")
    s3.put_object(Bucket=bucket, Key="y", Body=b"secret")
    link = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "x"})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    assert direct.open(link).read() == b"seen"
    with pytest.raises(urllib.error.HTTPError) as refused:
        direct.open(link.replace("/x?", "/y?"))
    assert refused.value.code == 403


def test_a_wrong_key_is_refused_in_each_services_own_form(lab):
    for service, call in (("s3", "list_buckets"), ("sts", "get_caller_identity"), ("ec2", "describe_vpcs")):
        client = lab.client(service, aws_secret_access_key="x" * 40)
        with pytest.raises(ClientError) as refused:
            getattr(client, call)()
        assert refused.value.response["Error"]["Code"] == "SignatureDoesNotMatch", service
    with pytest.raises(ClientError) as refused:
        lab.client("dynamodb", aws_secret_access_key="x" * 40).list_tables()
    assert refused.value.response["Error"]["Code"] == "InvalidSignatureException"


@pytest.mark.parametrize(
    "path", ["/_ministack/reset", "//_ministack/reset", "/_ministack/reset?init=1", "/%5Fministack/reset", "/_ministack/config", "/_localstack/state/reset"],
)  # fmt: skip
def test_what_administers_the_child_is_not_passed_on(lab, path):
    from http.client import HTTPConnection

    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    lab.client("s3").create_bucket(Bucket="stays")
    keys = lab.credentials
    for service in ("s3", "sqs"):
        request = AWSRequest("POST", lab.endpoint + path, data=b"{}")
        SigV4Auth(Credentials(keys.access_key_id, keys.secret_access_key), service, "us-east-1").add_auth(request)
        connection = HTTPConnection(lab.endpoint.removeprefix("http://"))
        connection.request("POST", path, b"{}", dict(request.headers))
        answer = connection.getresponse()
        assert answer.status in {403, 404}, "where client and region write the path differently, the signature differs"
        assert answer.getheader("x-amzn-requestid"), "the region's answer, not the child's"
        connection.close()
    assert "stays" in [bucket["Name"] for bucket in lab.client("s3").list_buckets()["Buckets"]]
    lab.client("s3").delete_bucket(Bucket="stays")


def test_other_services_pass_through(lab):
    sqs, dynamo = lab.client("sqs"), lab.client("dynamodb")
    queue = sqs.create_queue(QueueName="letters")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="hi")
    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "hi"
    assert queue.startswith(lab.endpoint)
    dynamo.create_table(
        TableName="things",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamo.put_item(TableName="things", Item={"k": {"S": "1"}})
    assert dynamo.scan(TableName="things")["Items"] == [{"k": {"S": "1"}}]


def zipped(source):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("app.py", source)
    return out.getvalue()


def test_code_comes_from_a_bucket(lab):
    s3, api = lab.client("s3"), lab.client("lambda")
    s3.create_bucket(Bucket="code")
    s3.put_bucket_versioning(Bucket="code", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="code", Key="f.zip", Body=zipped("def handler(e, c): return 1"))["VersionId"]
    s3.put_object(Bucket="code", Key="f.zip", Body=zipped("def handler(e, c): return 2"))
    create = {"FunctionName": "from-s3", "Runtime": "python3.12", "Handler": "app.handler", "Role": ROLE}
    api.create_function(**create, Code={"S3Bucket": "code", "S3Key": "f.zip"})
    api.get_waiter("function_active_v2").wait(FunctionName="from-s3")
    assert lab["from-s3"].invoke().payload == 2
    api.update_function_code(FunctionName="from-s3", S3Bucket="code", S3Key="f.zip", S3ObjectVersion=first)
    api.get_waiter("function_updated_v2").wait(FunctionName="from-s3")
    assert lab["from-s3"].invoke().payload == 1
    api.publish_layer_version(LayerName="from-s3", Content={"S3Bucket": "code", "S3Key": "f.zip"})
    for where, code in (({"S3Key": "no"}, "NoSuchKey"), ({"S3Bucket": "nobody", "S3Key": "no"}, "NoSuchBucket")):
        with pytest.raises(ClientError, match=f"Error occurred while GetObject. S3 Error Code: {code}"):
            api.update_function_code(**{"FunctionName": "from-s3", "S3Bucket": "code", **where})


def test_a_buckets_event_runs_our_function(lab):
    s3, api = lab.client("s3"), lab.client("lambda")
    source = "def handler(event, context):\n    print('got', event['Records'][0]['s3']['object']['key'])\n"
    arn = api.create_function(
        FunctionName="listener", Runtime="python3.12", Handler="app.handler", Role=ROLE, Code={"ZipFile": zipped(source)}
    )["FunctionArn"]  # fmt: skip
    s3.create_bucket(Bucket="events")
    notify = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket="events", NotificationConfiguration=notify)
    s3.put_object(Bucket="events", Key="cat.jpg", Body=b"x")
    for _ in range(3000):
        if lab["listener"].logs(grep="got").events:
            break
    assert [event.message for event in lab["listener"].logs(grep="got").events] == ["got cat.jpg"]


def test_nothing_but_the_gateway_and_the_runtime_apis_listen_and_only_on_loopback(lab):
    lab.client("sts").get_caller_identity()
    region = lab.doctor()["pid"]
    addresses = listening([region, pid(lab)])
    assert addresses
    assert all(address.startswith("0100007F:") for address in addresses)
    assert listening([pid(lab)]) == []


def test_a_child_that_was_killed_is_started_again(lab):
    lab.client("sts").get_caller_identity()
    before = pid(lab)
    os.kill(before, signal.SIGKILL)
    assert lab.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert pid(lab) != before


def test_the_childs_state_survives_a_restart_of_the_region(tmp_path):
    from lambdalab.client import region

    with Lab(home=tmp_path) as lab:
        lab.client("s3").create_bucket(Bucket="kept")
        lab.client("s3").put_object(Bucket="kept", Key="k", Body=b"still here")
        lab.client("sqs").create_queue(QueueName="kept")
        region.stop(lab.settings)
    with Lab(home=tmp_path) as lab:
        assert lab.client("s3").get_object(Bucket="kept", Key="k")["Body"].read() == b"still here"
        assert lab.client("sqs").get_queue_url(QueueName="kept")["QueueUrl"]
        region.stop(lab.settings)


def test_cloudformation_refuses_resources_of_lambda_rather_than_make_some_of_its_own(lab):
    stacks, before = lab.client("cloudformation"), repr(lab.functions())
    code = {"ZipFile": "def handler(event, context): return 1"}
    function = {"Handler": "index.handler", "Runtime": "python3.11", "Role": ROLE, "Code": code}
    resources = {"F": {"Type": "AWS::Lambda::Function", "Properties": function}}
    stacks.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": resources}))
    with pytest.raises(WaiterError, match="ROLLBACK_COMPLETE"):
        stacks.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    reasons = [
        event.get("ResourceStatusReason", "") for event in stacks.describe_stack_events(StackName="s")["StackEvents"]
    ]
    assert any("does not make resources of AWS::Lambda" in reason for reason in reasons)
    assert repr(lab.functions()) == before
