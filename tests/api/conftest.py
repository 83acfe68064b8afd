"""What the tests of the API share: a client, zips, functions that are deleted afterwards, refusals as values."""

import contextlib
import io
import itertools
import zipfile

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/lambda-role"
RUNTIME = "python3.12"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
_numbers = itertools.count()


def zipped(files):
    """A zip of texts by their paths."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return out.getvalue()


def returning(value):
    """A package whose handler returns `value`, an expression."""
    return zipped({"app.py": f"import os\ndef handler(event, context):\n    return {value}\n"})


@pytest.fixture
def api(lab):
    return lab.client("lambda", config=Config(retries={"max_attempts": 0}))


@pytest.fixture
def make(api):
    """Create a function and wait until it is Active; the answer is its name."""
    made = []

    def create(code=None, **more):
        name = more.get("FunctionName", f"fn-{next(_numbers)}")
        api.create_function(
            **{
                "FunctionName": name,
                "Runtime": RUNTIME,
                "Role": ROLE,
                "Handler": "app.handler",
                "Code": {"ZipFile": code or returning("context.function_version")},
                **more,
            }
        )
        made.append(name)
        api.get_waiter("function_active_v2").wait(FunctionName=name)
        return name

    yield create
    for name in made:
        with contextlib.suppress(api.exceptions.ResourceNotFoundException):
            api.delete_function(FunctionName=name)


@pytest.fixture
def recode(api):
    """Give a function a handler that returns `value`, and wait until that is so."""

    def update(name, value, **more):
        answer = api.update_function_code(FunctionName=name, ZipFile=returning(value), **more)
        api.get_waiter("function_updated_v2").wait(FunctionName=name)
        return answer

    return update


def refusal(call, **params):
    """(HTTP status, error code, message) of a call that is refused."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]
