"""The pinned versions: anybody's Python that the project takes can have them."""

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
PINNED = re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / ".ci" / "constraints.txt").read_text(), re.MULTILINE)
OLDEST = "3.11.0"


@pytest.mark.parametrize(("name", "version"), PINNED)
def test_what_is_pinned_is_what_the_tests_run_with_and_takes_the_oldest_python(name, version):
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        pytest.skip("for another system or Python")
    assert found.version == version
    assert OLDEST in SpecifierSet(found.metadata.get("Requires-Python", ""))


def test_the_project_takes_the_oldest_python():
    assert f'requires-python = ">={OLDEST.removesuffix(".0")}"' in (ROOT / "pyproject.toml").read_text()
