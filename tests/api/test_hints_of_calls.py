"""What a function's failure is told with, from a real invocation to its card."""

import html
import re

import pytest

from lambdalab.client.building.base import CompilerMissing
from lambdalab.client.function import THIS_PYTHON
from lambdalab.errors import InvalidRuntime
from lambdalab.notebook.views import invocation

SDK = "import { S3Client } from '@aws-sdk/client-s3';\nexport const handler = async () => 1;\n"
TAKES_TEXT = "public class A { public String handle(String text) { return text; } }\n"


def shown(result):
    return html.unescape(re.sub(r"<[^>]+>", "", invocation.html(result)))


@pytest.mark.parametrize(
    ("source", "runtime", "words"),
    [
        ("import nosuch\ndef handler(event, context): return 1\n", THIS_PYTHON, "--requirements nosuch puts it there"),
        (
            "import os\ndef handler(event, context): return os.environ['CURRENCY']\n",
            "python3.12",
            "--env CURRENCY=VALUE",
        ),
        ("import sys\ndef handler(event, context): sys.exit(3)\n", THIS_PYTHON, "do not call sys.exit"),
        ("#!/bin/sh\necho hello\n", "provided.al2023", "a loop over the Runtime API"),
    ],
)
def test_the_card_says_what_would_mend_it(lab, source, runtime, words):
    lab["fails"].deploy(source, runtime=runtime)
    assert words in shown(lab["fails"].invoke({}))


@pytest.mark.toolchains
@pytest.mark.parametrize(
    ("source", "runtime", "words"),
    [
        (SDK, "nodejs22.x", "--requirements @aws-sdk/client-s3 packs it"),
        (TAKES_TEXT, "java21", "a JSON Object stands where String is wanted"),
    ],
)
def test_so_it_does_in_other_languages(lab, source, runtime, words):
    try:
        lab["fails"].deploy(source, runtime=runtime)
    except (InvalidRuntime, CompilerMissing) as why:
        pytest.skip(str(why))
    assert words in shown(lab["fails"].invoke({"n": 1}))


def test_a_key_that_the_environment_lacks_is_told_at_the_functions_line(lab):
    lab["line"].deploy("import os\ndef handler(event, context):\n    return os.environ['CURRENCY']\n")
    failed = lab["line"].invoke({})
    assert "/var/task/lambda_function.py, line 3, in handler" in repr(failed)
