"""Trace headers as AWS writes them, one of its own for each invocation."""

import re

from lambdalab.engine.trace import new_trace

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
FORM = r"Root=1-([0-9a-f]{8})-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=1:([0-9a-f]{8}):0"


def test_a_header_has_awss_form_and_the_moment_in_it():
    told = re.fullmatch(FORM, new_trace(1_790_000_000_123, ARN))
    assert told
    assert int(told[1], 16) == 1_790_000_000


def test_no_two_traces_are_the_same():
    assert len({new_trace(1_790_000_000_123, ARN) for _ in range(1000)}) == 1000


def test_a_functions_lineage_is_always_the_same_and_its_own():
    def lineage(arn):
        return re.fullmatch(FORM, new_trace(0, arn))[2]

    assert lineage(ARN) == lineage(ARN) != lineage(f"{ARN}2")
