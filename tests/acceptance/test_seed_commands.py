"""AWS's basics as a shell script with the real `aws` command line, and proof that the script can fail."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lambdalab import Lab

pytestmark = pytest.mark.toolchains
SCRIPT = Path(__file__).with_name("seed_commands.sh")
COMMAND = re.compile(r"^aws .*", re.MULTILINE)
ASSERTION = re.compile(r"^(?:expect|differ|contain|lack) ", re.MULTILINE)
BASICS = [
    "create-function",
    "update-function-code",
    "publish-version",
    "create-alias",
    "update-alias --function-name my-function --name production --routing-config",
    "publish-layer-version",
    "update-function-configuration --function-name my-function --layers",
    "update-function-configuration --function-name my-function --environment",
    "update-function-configuration --function-name my-function --kms-key-arn",
    "update-function-configuration --function-name my-function --vpc-config",
    "put-function-concurrency",
    "put-provisioned-concurrency-config",
]


@pytest.fixture
def fresh():
    """A region with nothing in it, where the minute that a function waits for its VPC is a tenth of a second."""
    with Lab(isolated=True, clock_rate=600) as lab:
        yield lab


@pytest.fixture
def run(fresh, tmp_path):
    """Run a script after `eval "$(lambdalab env)"`, as a person does; the answer is (status, stdout, stderr)."""
    beside = str(Path(sys.executable).parent)
    path = os.pathsep.join([beside, os.environ["PATH"]])
    assert shutil.which("aws", path=path), "the aws command line is part of the test extra"
    inherited = {name: value for name, value in os.environ.items() if name in {"PYTHONPATH", "AWS_CONFIG_FILE"}}

    def script(text, before=""):
        (tmp_path / "script.sh").write_text(text)
        fresh.endpoint  # noqa: B018 - the region is this lab's before `env` looks for one
        done = subprocess.run(
            ["sh", "-c", f'eval "$("{sys.executable}" -m lambdalab.cli env)"; {before} exec sh ./script.sh'],
            cwd=tmp_path,
            env={**inherited, "PATH": path, "HOME": str(tmp_path), "LAMBDALAB_HOME": str(fresh.settings.home)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return script


def test_every_basic_command_runs_and_every_assertion_holds(run):
    text = SCRIPT.read_text()
    commands, assertions = COMMAND.findall(text), ASSERTION.findall(text)
    assert [basic for basic in BASICS if not any(basic in command for command in commands)] == []
    status, out, err = run(text)
    assert status == 0, err
    assert out == f"{len(commands)} commands ran and {len(assertions)} assertions passed\n"


@pytest.mark.parametrize(
    ("line", "altered", "complaint"),
    [
        (
            "app.handler 30 256 \\$LATEST",
            "app.handler 30 128 \\$LATEST",
            "a new function: expected '[^']* 30 128 \\$LATEST', found '[^']* 30 256 \\$LATEST', "
            "after: aws lambda create-function ",
        ),
        (
            """expect 'the gotcha: a new environment has the old layer' '["one",""",
            """expect 'the gotcha: a new environment has the old layer' '["two",""",
            """the gotcha: a new environment has the old layer: expected '\\["two", null, null]', """
            """found '\\["one", null, null]', after: aws lambda invoke """,
        ),
    ],
    ids=["the first", "the gotcha"],
)
def test_a_wrong_expectation_ends_the_script_with_what_was_expected_and_what_came(run, line, altered, complaint):
    text = SCRIPT.read_text()
    assert text.count(line) == 1
    status, out, err = run(text.replace(line, altered))
    assert (status, out) == (1, "")
    assert re.match(f"seed_commands.sh: .*{complaint}", err), err


@pytest.mark.parametrize(
    ("assertion", "holds"),
    [
        ("expect what wanted wanted", True),
        ("expect what wanted other", False),
        ("expect what ''", True),
        ("differ what unwanted other", True),
        ("differ what unwanted unwanted", False),
        ("contain what b abc", True),
        ("contain what b ac", False),
        ("lack what b ac", True),
        ("lack what b abc", False),
    ],
)
def test_each_kind_of_assertion_holds_or_ends_the_script(run, assertion, holds):
    beginning = SCRIPT.read_text().partition("# -- a function\n")[0]
    status, out, err = run(f"{beginning}\nanswer=\n{assertion}\necho went on\n")
    assert (status, out) == ((0, "went on\n") if holds else (1, ""))
    assert err.startswith("" if holds else "seed_commands.sh: what: expected ")


def test_a_command_that_fails_ends_the_script_and_shows_what_aws_said(run):
    status, out, err = run(SCRIPT.read_text(), before="export AWS_SECRET_ACCESS_KEY=wrong;")
    assert (status, out) == (1, "")
    assert "InvalidSignatureException" in err
    assert "seed_commands.sh: this command failed: aws lambda create-function --function-name my-function" in err


def test_a_real_account_is_never_touched(run):
    status, out, err = run(SCRIPT.read_text(), before="unset AWS_ENDPOINT_URL;")
    assert (status, out) == (1, "")
    assert "AWS_ENDPOINT_URL is '', not a region on this machine" in err
