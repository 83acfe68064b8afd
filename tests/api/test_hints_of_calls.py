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
        ("def handler(event, context): return input('Your name? ')\n", THIS_PYTHON, "A function has no keyboard"),
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


def test_a_module_of_a_layer_is_told_with_the_layer(lab):
    for name in ("common", "numbers"):
        lab.layer(name).publish_module(f"{name} = 1\n")
    lab["greet"].deploy("from common import common\ndef handler(event, context): return common\n")
    lab["greet"].configure(layers=["numbers:1"])
    said = shown(lab["greet"].invoke({}))
    assert "%lambda config greet --layer numbers:1 --layer common:1" in said and "--requirements" not in said
    lab["greet"].configure(layers=["numbers:1", "common:1"])
    assert lab["greet"].invoke({}).payload == 1


def test_a_misspelt_module_is_told_with_the_one_that_the_function_has(lab):
    source = "import greetngs\ndef handler(event, context): return 1\n"
    lab["misspelt"].deploy(source, files={"greetings/__init__.py": b""})
    lab["misspelt"].publish()
    for qualifier in (None, "1"):
        said = shown(lab["misspelt"].invoke({}, qualifier=qualifier))
        assert "Did you mean greetings, which it has?" in said and "--requirements" not in said


@pytest.mark.toolchains
def test_a_syntax_error_of_javascript_is_not_told_as_pythons(lab):
    try:
        lab["bad"].deploy(
            "import './part.mjs';\nexport const handler = async () => 1;\n",
            runtime="nodejs22.x",
            files={"part.mjs": b"export const x = () => {\n"},
        )
    except InvalidRuntime as why:
        pytest.skip(str(why))
    said = shown(lab["bad"].invoke({}))
    assert "Node.js cannot read the code." in said and "marked line" not in said and "Python" not in said
