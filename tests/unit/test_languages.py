"""Runtimes as people name them: what is refused, and which one is named instead."""

from datetime import date, timedelta

import pytest

from lambdalab.client import languages
from lambdalab.client.building.base import CellSyntaxError
from lambdalab.client.building.python import parsed
from lambdalab.client.cell import CellSource
from lambdalab.client.languages import Offer
from lambdalab.errors import BadOption
from lambdalab.model import runtime as runtimes
from lambdalab.model.runtime import Policy

THERE = {
    "python": ["python3.14", "python3.13", "python3.12", "python3.11"],
    "nodejs": ["nodejs24.x", "nodejs22.x"],
    "java": ["java25", "java21", "java8.al2"],
    "ruby": ["ruby4.0", "ruby3.4", "ruby3.3"],
    "dotnet": ["dotnet10", "dotnet8"],
    "provided": ["provided.al2023", "provided.al2"],
}
RUN = {"python3.13", "python3.12", "nodejs22.x", "java21", "ruby3.3", "dotnet8", "provided.al2023", "provided.al2"}


def refusal(name, run=RUN):
    with pytest.raises(BadOption) as refused:
        languages.runtime(name, lambda family: [Offer(one, one in run) for one in THERE[family]])
    return str(refused.value)


def unasked(family):
    raise AssertionError(f"what runs of {family} here was asked for a name that is known")


@pytest.mark.parametrize("name", [name for name, one in runtimes.known().items() if one.version and name != "go1.x"])
def test_a_runtime_that_aws_has_or_had_is_known_without_asking(name):
    assert languages.runtime(name, unasked).name == name


def test_go_is_a_custom_runtime():
    assert languages.runtime("go", unasked).name == "provided.al2023"


@pytest.mark.parametrize(
    ("name", "newest"),
    [
        ("python", "python3.13"),
        ("nodejs", "nodejs22.x"),
        ("node", "nodejs22.x"),
        ("Node.js", "nodejs22.x"),
        ("javascript", "nodejs22.x"),
        ("typescript", "nodejs22.x"),
        ("java", "java21"),
        ("ruby", "ruby3.3"),
        ("dotnet", "dotnet8"),
        ("c#", "dotnet8"),
        ("C#", "dotnet8"),
        ("csharp", "dotnet8"),
        ("provided", "provided.al2023"),
        ("bash", "provided.al2023"),
    ],
)
def test_a_language_without_a_release_is_its_newest_that_runs_here(name, newest):
    said = refusal(name)
    assert f"Take {newest}, the newest of" in said
    assert "runs here" in said


@pytest.mark.parametrize(
    ("name", "newest"), [("python3", "python3.13"), ("python3.15", "python3.13"), ("node12", "nodejs22.x")]
)
def test_so_is_a_release_that_lambda_does_not_have(name, newest):
    assert f"which Lambda does not have. Take {newest}, the newest of" in refusal(name)


def test_where_none_of_a_language_runs_it_is_the_newest_and_the_doctor_says_how_to_get_one():
    said = refusal("ruby", run=())
    assert "Take ruby4.0, the newest of Ruby that Lambda has." in said
    assert "`%lambda doctor`" in said


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("pyton3.12", "python3.12"),
        ("Python3.12", "python3.12"),
        ("python312", "python3.12"),
        ("python-3.12", "python3.12"),
        ("node22", "nodejs22.x"),
        ("nodejs22", "nodejs22.x"),
        ("nodejs22.11.0", "nodejs22.x"),
        ("java 21", "java21"),
        (".NET 8", "dotnet8"),
        ("ruby34", "ruby3.4"),
    ],
)
def test_another_spelling_of_a_release_is_that_release_whether_it_runs_here_or_not(name, meant):
    assert refusal(name).endswith(f"Did you mean {meant}?")


@pytest.mark.parametrize("name", ["golang", "go1.x", "Go", "go1.22"])
def test_go_is_told_how_cells_name_it(name):
    assert "Write --runtime go:" in refusal(name)


def test_typescript_is_told_that_a_cell_is_javascript():
    assert "compile TypeScript first" in refusal("typescript")


def test_what_aws_creates_on_a_day_is_offered_the_newest_first():
    table = runtimes.known()
    day = table["python3.10"].create_blocked
    before, after = (runtimes.offered("python", Policy(one)) for one in (day - timedelta(days=1), day))
    assert "python3.10" in before and "python3.10" not in after and "python3.7" not in before
    assert before[0] == max(before, key=lambda name: [int(part) for part in table[name].version.split(".")])


def test_a_course_that_may_use_what_aws_refuses_is_offered_that_last():
    offered = runtimes.offered("nodejs", Policy(date(2026, 11, 27), allow_blocked=True))
    assert offered[-1].startswith("nodejs4.3") and "nodejs" not in offered


JAVASCRIPT = [
    "export const handler = async (event) => {\n  return event;\n};\n",
    "exports.handler = async (event) => {\n  return event;\n};\n",
    "exports.handler = (event, context, done) => done(null, 1);\n",
    "module.exports = { handler: async (event) => event };\n",
    "import { S3Client } from '@aws-sdk/client-s3';\nexport const handler = async () => 1;\n",
    "import fs from 'fs'\nexport const handler = async () => 1;\n",
    "const fs = require('fs');\nexports.handler = async () => 1;\n",
    "// mine\nexport const handler = async () => 1;\n",
    "/* mine */\nconst a = 1;\n",
    "'use strict';\nasync function handler(event) {\n  return 1;\n}\nexports.handler = handler;\n",
]
PYTHON = [
    "def handler(event, context)\n    return 1\n",
    "exports = {'a': 1\ndef handler(event, context): return 1\n",
    'PAGE = """\nconst a = 1;\n"""\ndef handler(event, context):\n    return function(1 2)\n',
    "import os.path as\n",
    "const = 1\nlet x\n",
    "// mine\nprint(1)\n",
]


def stumbled(text, runtime="python3.12"):
    cell = CellSource("Cell In[4]", text, 2)
    with pytest.raises(CellSyntaxError) as error:
        parsed(text, cell.label, cell.first_line)
    kind = runtimes.known()[runtime]
    return languages.another(error.value, cell, kind, lambda family: [Offer(one, one in RUN) for one in THERE[family]])


@pytest.mark.parametrize("text", JAVASCRIPT)
def test_javascript_in_a_cell_of_python_is_told_which_runtime_is_its_own(text):
    assert "a cell is Python unless --runtime says otherwise. Take nodejs22.x" in stumbled(text)


@pytest.mark.parametrize("text", PYTHON)
def test_what_may_be_python_is_not_called_javascript(text):
    assert stumbled(text) == ""


@pytest.mark.parametrize("name", ["cobol", "", "3.12"])
def test_what_is_near_no_language_is_told_which_there_are(name):
    assert "Python, Node.js, Java, Ruby and .NET; Go (--runtime go)" in refusal(name)
