"""Trust policies: whom a role lets assume it."""

import pytest

from lambdalab.model import trust


def statement(**more):
    return {"Effect": "Allow", "Principal": {"Service": trust.LAMBDA}, "Action": "sts:AssumeRole", **more}


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        (statement(), True),
        ([statement(Principal={"Service": ["ec2.amazonaws.com", trust.LAMBDA]})], True),
        ([statement(Action=["sts:TagSession", "sts:*"]), statement(Principal={"AWS": "123456789012"})], True),
        ([statement(Principal="*")], True),
        ([statement(Principal={"Service": "ec2.amazonaws.com"})], False),
        ([statement(Action="sts:TagSession")], False),
        ([statement(), statement(Effect="Deny")], False),
        ([], False),
        (None, False),
        (["nonsense"], False),
    ],
)
def test_lambda_is_let_in_by_a_statement_that_names_it_and_kept_out_by_one_that_denies(statements, allowed):
    assert trust.allows({"Version": "2012-10-17", "Statement": statements}, trust.LAMBDA) is allowed
