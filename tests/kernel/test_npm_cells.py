"""A cell in Node.js with what npm brings, as a notebook has it."""

import pytest

from tests.runtimes.conftest import needs, needs_npm

LOAD = "%load_ext lambdalab"
CELL = """%%lambda pads --runtime nodejs22.x --requirements left-pad@1.3.0
import pad from 'left-pad';
export const handler = async (event) => pad(event.text, 5, '*');
"""


@pytest.mark.toolchains
def test_a_cell_uses_the_packages_that_its_line_names(run_notebook):
    needs("nodejs22.x")
    needs_npm()
    _, deployed, answered = (
        one.outputs for one in run_notebook(LOAD, CELL, "%lambda invoke pads --set text=abc").cells
    )
    assert deployed[0]["data"]["text/plain"].startswith("pads created")
    assert "**abc" in answered[0]["data"]["text/html"]


@pytest.mark.toolchains
def test_what_npm_cannot_have_is_one_clean_error(run_notebook):
    needs("nodejs22.x")
    needs_npm()
    done = run_notebook(LOAD, CELL.replace("@1.3.0", "@99"), allow_errors=True)
    (output,) = done.cells[1].outputs
    assert output["ename"] == "NotInstalled"
    assert output["evalue"].startswith("npm found no such version: No matching version found for left-pad@99.")


def test_for_a_language_without_an_installer_the_line_is_refused_with_what_to_do(run_notebook):
    cell = "%%lambda gems --runtime ruby3.3 --requirements rack\ndef handler(event:, context:)\n  1\nend\n"
    (output,) = run_notebook(LOAD, cell, allow_errors=True).cells[1].outputs
    assert output["ename"] == "BadOption"
    assert "bundle config set --local path vendor/bundle" in output["evalue"]
