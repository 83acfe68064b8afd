"""A function's role: one that IAM knows here has to trust Lambda; one that it does not know is accepted."""

import json

import pytest

from lambdalab.sources import child
from tests.api.conftest import refusal

REFUSED = (400, "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")


@pytest.fixture
def role(lab):
    if not child.installed():
        pytest.skip("the extra 'aws' is not installed")

    def make(name, service, path="/"):
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        made = lab.client("iam").create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=document)
        return made["Role"]["Arn"]

    return make


def test_a_role_that_nobody_made_is_accepted(make, role):
    role("of-others", "ec2.amazonaws.com")  # IAM runs, and would know
    make(Role="arn:aws:iam::123456789012:role/nobody-made-this")


def test_a_role_that_trusts_lambda_is_accepted(api, make, role):
    arn = role("for-lambda", "lambda.amazonaws.com", "/service-role/")
    assert api.get_function_configuration(FunctionName=make(Role=arn))["Role"] == arn


def test_a_role_that_trusts_others_is_refused_at_creation_and_change(api, make, role):
    arn = role("for-ec2", "ec2.amazonaws.com")
    assert refusal(make, Role=arn) == REFUSED
    name = make()
    assert refusal(api.update_function_configuration, FunctionName=name, Role=arn) == REFUSED
    api.update_function_configuration(FunctionName=name, Timeout=9)
