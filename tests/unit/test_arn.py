"""A function as it is addressed: every form that AWS takes, and its parts."""

import pytest

from lambdalab.model.arn import Address, split

ARN = "arn:aws:lambda:us-east-1:123456789012:function:c6"
FORMS = ("c6", "function:c6", "123456789012:c6", "123456789012:function:c6", "us-east-1:123456789012:function:c6", ARN)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("qualifier", ["", "1", "$LATEST", "production"])
def test_every_form_with_every_qualifier_is_split_into_its_parts(form, qualifier):
    assert split(f"{form}:{qualifier}" if qualifier else form) == Address(form, "c6", qualifier)


@pytest.mark.parametrize("text", ["", "no name", "c6:1:2", "arn:aws:s3:::bucket"])
def test_what_is_no_function_is_left_to_awss_own_check(text):
    assert split(text) == Address(text, text, "")
