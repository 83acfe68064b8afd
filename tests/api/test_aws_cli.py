"""The first block of AWS's quick start, with the real `aws` command line, verbatim."""

import base64
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HANDLER = """
import json
def handler(event, context):
    print("event", json.dumps(event))
    return {"statusCode": 200, "remaining": context.get_remaining_time_in_millis() > 0, "hello": event.get("name")}
"""


@pytest.fixture
def aws(lab, tmp_path):
    """Run one `aws` command in a directory of its own; the answer is (exit status, stdout, stderr)."""
    beside = Path(sys.executable).with_name("aws")
    command = str(beside) if beside.exists() else shutil.which("aws")
    assert command, "the aws command line is part of the test extra"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_PAGER": "",
        **lab.environment(),
    }

    def run(line, **more):
        done = subprocess.run(
            [command, *line.split()[1:]],
            check=False,
            cwd=tmp_path,
            env={**environment, **more},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def package(tmp_path):
    def write(source, name="function.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as file:
            file.writestr("app.py", source)

    write(HANDLER)
    return write


CREATE = (
    "aws lambda create-function --function-name my-function --runtime python3.12 "
    "--role arn:aws:iam::123456789012:role/lambda-role --handler app.handler "
    "--zip-file fileb://function.zip --timeout 30 --memory-size 256"
)


@pytest.fixture
def function(aws, package):
    status, out, err = aws(CREATE)
    assert status == 0, err
    yield json.loads(out)
    aws("aws lambda delete-function --function-name my-function")


@pytest.mark.toolchains
def test_create_function_answers_with_the_configuration(function):
    assert function["FunctionArn"] == "arn:aws:lambda:us-east-1:123456789012:function:my-function"
    assert function["State"] == "Pending"
    assert function["MemorySize"] == 256
    assert function["Timeout"] == 30


@pytest.mark.toolchains
def test_invoke_with_tail_answers_payload_and_log(aws, function, tmp_path):
    status, out, err = aws(
        "aws lambda invoke --function-name my-function --log-type Tail "
        '--cli-binary-format raw-in-base64-out --payload {"name":"Ada"} out.json'
    )
    if "cli-binary-format" in err:  # version 1 of the command line takes the payload raw anyway
        status, out, err = aws(
            'aws lambda invoke --function-name my-function --log-type Tail --payload {"name":"Ada"} out.json'
        )
    assert status == 0, err
    answer = json.loads(out)
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    log = base64.b64decode(answer["LogResult"]).decode()
    assert 'event {"name": "Ada"}' in log
    assert "REPORT RequestId: " in log
    assert "Memory Size: 256 MB" in log
    assert json.loads((tmp_path / "out.json").read_text()) == {"statusCode": 200, "remaining": True, "hello": "Ada"}


@pytest.mark.toolchains
def test_update_function_code_runs_the_new_code(aws, function, package, tmp_path):
    package("def handler(e, c): return 'second'")
    status, out, err = aws(
        "aws lambda update-function-code --function-name my-function --zip-file fileb://function.zip"
    )
    assert status == 0, err
    assert json.loads(out)["CodeSha256"] != function["CodeSha256"]
    status, out, err = aws("aws lambda invoke --function-name my-function out.json")
    assert status == 0, err
    assert json.loads((tmp_path / "out.json").read_text()) == "second"


def test_logs_are_read_as_awss_are(aws, function, tmp_path):
    group = f"/aws/lambda/{function['FunctionName']}"
    for _ in range(3):
        assert aws(f"aws lambda invoke --function-name {function['FunctionName']} out.json")[0] == 0
    status, out, err = aws(
        f"aws logs describe-log-streams --log-group-name {group} --order-by LastEventTime --descending"
    )
    assert status == 0, err
    stream = json.loads(out)["logStreams"][0]["logStreamName"]
    status, out, err = aws(f"aws logs filter-log-events --log-group-name {group} --filter-pattern REPORT --page-size 2")
    assert status == 0, err
    reports = [event["message"] for event in json.loads(out)["events"] if event["logStreamName"] == stream]
    assert len(reports) == 3
    status, out, err = aws(f"aws logs get-log-events --log-group-name {group} --log-stream-name {stream} --limit 1")
    assert status == 0, err
    assert [event["message"] for event in json.loads(out)["events"]] == reports[-1:]


def test_a_proxy_for_everything_else_is_passed_by(aws, function):
    nobody = "http://127.0.0.1:9"
    status, out, err = aws("aws lambda list-functions", HTTP_PROXY=nobody, http_proxy=nobody)
    assert status == 0, err
    assert function["FunctionName"] in out


def test_logs_tail_shows_what_a_function_wrote(aws, function):
    if not aws("aws --version")[1].startswith("aws-cli/2"):
        pytest.skip("`aws logs tail` is of version 2 of the command line, which is not on this machine")
    assert aws(f"aws lambda invoke --function-name {function['FunctionName']} out.json")[0] == 0
    status, out, err = aws(f"aws logs tail /aws/lambda/{function['FunctionName']}")
    assert status == 0, err
    assert "REPORT RequestId: " in out


def test_a_wrong_key_is_refused_with_aws_signature_error(aws):
    status, _, err = aws("aws lambda list-functions", AWS_SECRET_ACCESS_KEY="wrong" * 8)
    assert status != 0
    assert "InvalidSignatureException" in err
    assert "The request signature we calculated does not match the signature you provided." in err


@pytest.mark.parametrize("name", [".", ".."])
def test_a_name_that_is_a_dot_segment_is_refused_for_the_name_and_not_for_the_signature(aws, name):
    status, _, err = aws(f"aws lambda get-function --function-name {name}")
    assert status != 0
    assert "InvalidSignatureException" not in err, err


def test_an_unknown_key_is_refused(aws):
    status, _, err = aws("aws lambda list-functions", AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE")
    assert status != 0
    assert "UnrecognizedClientException" in err
    assert "The security token included in the request is invalid." in err


def test_an_operation_that_is_not_offered_is_named(aws):
    status, _, err = aws("aws lambda list-event-source-mappings")
    assert status != 0
    assert "ListEventSourceMappings" in err
