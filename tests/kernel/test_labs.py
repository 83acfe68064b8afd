"""The labs, run from top to bottom as a grader runs them."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from lambdalab.client import region
from lambdalab.config import load

LABS = sorted((Path(__file__).parents[2] / "labs").glob("*.ipynb"))


@pytest.fixture(params=LABS, ids=lambda path: path.stem)
def lab(request):
    return nbformat.read(request.param, as_version=4)


def executed(lab, folder):
    client = NotebookClient(lab, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    return client.execute()


def test_a_lab_is_kept_without_outputs(lab):
    nbformat.validate(lab)
    for cell in lab.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_a_lab_runs_without_an_error_and_without_a_word_on_stderr(lab, region_home, tmp_path):
    done = executed(lab, tmp_path)
    outputs = [output for cell in done.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]


def test_the_first_lab_shows_what_it_speaks_of(region_home, tmp_path, monkeypatch):
    monkeypatch.setenv("LAMBDALAB_HOME", str(tmp_path / "home"))  # where nothing is warm yet
    first = nbformat.read(LABS[0], as_version=4)
    tidy = next(cell for cell in reversed(first.cells) if cell.cell_type == "code")
    first.cells.append(nbformat.v4.new_code_cell(f"# once more\n{tidy.source}"))
    again = nbformat.read(LABS[0], as_version=4)
    try:
        of = shown(executed(first, tmp_path))
        then = shown(executed(again, tmp_path))
    finally:
        region.stop(load())
    assert "cold (init" in of("%lambda invoke hello")
    assert "unchanged" not in of("%%lambda hello")
    assert ", warm, " in of("%%lambda invoke hello")
    assert "REPORT RequestId: " in of("print(result.log)")
    assert "KeyError('price') at Cell In[9], line 4" in of("%%lambda invoke orders")
    assert "timeout after 1.00 s" in of("%lambda invoke slow")
    assert of("for memory in").count("per million calls") == 3
    assert of("# once more").startswith("1 function: hello")
    # What it says of those who have done it before.
    assert "unchanged" in then("%%lambda hello")
    assert ", warm, " in then("%lambda invoke hello")
    assert any("the first card says Unchanged" in cell.source for cell in again.cells)
    assert then("from lambdalab import lab").count("init: None") == 3  # what was tidied up begins anew


def shown(done):
    """What the cell that begins with some words has put out."""
    cells = {cell.source: cell.outputs for cell in done.cells if cell.cell_type == "code"}

    def of(start):
        outputs = next(outputs for source, outputs in cells.items() if source.startswith(start))
        return "".join(output.get("text") or output["data"]["text/plain"] for output in outputs)

    return of
