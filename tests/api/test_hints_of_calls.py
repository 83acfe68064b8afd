"""What a function's failure is told with, from a real invocation to its card."""

import html
import re

import pytest

from lambdalab.notebook.views import invocation


@pytest.mark.parametrize(
    ("source", "runtime", "words"),
    [
        ("import nosuch\ndef handler(event, context): return 1\n", "python3.12", "--requirements nosuch puts it there"),
        (
            "import os\ndef handler(event, context): return os.environ['CURRENCY']\n",
            "python3.12",
            "--env CURRENCY=VALUE",
        ),
        ("import sys\ndef handler(event, context): sys.exit(3)\n", "python3.12", "do not call sys.exit"),
        ("#!/bin/sh\necho hello\n", "provided.al2023", "a loop over the Runtime API"),
    ],
)
def test_the_card_says_what_would_mend_it(lab, source, runtime, words):
    lab["fails"].deploy(source, runtime=runtime)
    shown = invocation.html(lab["fails"].invoke({}))
    assert words in html.unescape(re.sub(r"<[^>]+>", "", shown))


def test_a_key_that_the_environment_lacks_is_told_at_the_functions_line(lab):
    lab["line"].deploy("import os\ndef handler(event, context):\n    return os.environ['CURRENCY']\n")
    failed = lab["line"].invoke({})
    assert "/var/task/lambda_function.py, line 3, in handler" in repr(failed)
