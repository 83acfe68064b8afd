"""Notebooks as people and graders run them: whole, headless, twice."""

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

LOAD = "%load_ext lambdalab"
HELLO = """%%lambda hello --memory 256
def handler(event, context):
    print("greeting", event["name"])
    return {"greeting": "hello " + event["name"]}
"""
INVOKE = "%lambda invoke hello --set name=Ada"


def outputs_of(notebook):
    return [cell.outputs for cell in notebook.cells]


def plain(outputs):
    (output,) = outputs
    return output["data"]["text/plain"]


def test_a_notebook_deploys_and_invokes_with_one_display_per_cell(run_notebook):
    body = '%%lambda invoke hello\n{"name": "Grace"}'
    load, deploy, invoke, again = outputs_of(run_notebook(LOAD, HELLO, INVOKE, body))
    assert load == []
    assert plain(deploy).startswith("hello")
    assert " ok in " in plain(invoke) and "hello Ada" in invoke[0]["data"]["text/html"]
    assert "hello Grace" in again[0]["data"]["text/html"]
    for outputs in (deploy, invoke, again):
        assert [output["output_type"] for output in outputs] == ["execute_result"]


def test_running_all_twice_leaves_the_same_state(run_notebook):
    cells = (LOAD, HELLO, "from lambdalab import lab\nprint(lab['hello'].configuration['CodeSha256'])")
    _, _, (first,) = outputs_of(run_notebook(*cells))
    _, deploy, (second,) = outputs_of(run_notebook(*cells))
    assert "Unchanged" in deploy[0]["data"]["text/html"]
    assert first["text"] == second["text"]


def test_every_saved_output_is_good_for_a_grader(run_notebook):
    """nbgrader gives no marks for a word on stderr, and takes a numeric result for the mark."""
    number = "%%lambda count\ndef handler(event, context):\n    return 200\n"
    notebook = run_notebook(
        LOAD, HELLO, INVOKE, number, "%lambda invoke count", "%lambda list", "%lambda logs hello", "%lambda doctor"
    )
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    assert len(outputs) == 7
    for output in outputs:
        assert output["output_type"] == "execute_result"
        with pytest.raises(ValueError, match="could not convert"):
            float(output["data"]["text/plain"])
        assert "application/vnd.jupyter.widget-view+json" not in output["data"]
    nbformat.validate(notebook)


def test_a_function_error_is_a_result_that_names_the_cells_line(run_notebook):
    cell = '%%lambda orders\nimport json\n\ndef handler(event, context):\n    return event["price"]\n'
    notebook = run_notebook(LOAD, cell, "%lambda invoke orders")
    (shown,) = notebook.cells[2].outputs
    assert shown["output_type"] == "execute_result"
    assert "Cell In[2] line 5" in shown["data"]["text/plain"] or "Cell In[2], line 5" in shown["data"]["text/plain"]
    assert "Cell In[2], line 5, in handler" in shown["data"]["text/html"]
    assert "return event[" in shown["data"]["text/html"]


def test_an_error_stops_the_notebook(run_notebook):
    with pytest.raises(CellExecutionError, match="Did you mean --memory"):
        run_notebook(LOAD, "%%lambda hello --memry 256\ndef handler(event, context): ...\n")


def test_an_error_is_one_output_without_internals(run_notebook):
    notebook = run_notebook(
        LOAD,
        "%lambda invoke never-deployed",
        "%%lambda empty\nx = 1\n",
        "%%lambda broken\ndef handler(event, context)\n    pass\n",
        '%%lambda invoke hello\n{"name": }\n',
        allow_errors=True,
    )
    for cell in notebook.cells[1:]:
        (output,) = cell.outputs
        assert output["output_type"] == "error"
        assert "site-packages" not in "".join(output["traceback"]) and "lambdalab/" not in "".join(output["traceback"])
    missing, empty, broken, bad_event = (cell.outputs[0] for cell in notebook.cells[1:])
    assert "never-deployed" in missing["evalue"]
    assert empty["ename"] == "HandlerNotInCell"
    assert "line 2" in "".join(broken["traceback"])
    assert "Cell In[5], line 2, column 10" in "".join(bad_event["traceback"])


def test_a_cell_that_ends_in_a_semicolon_of_its_own_language_shows_its_card(run_notebook):
    cell = "%%lambda script --runtime provided.al2023\n#!/bin/sh\nexit 0;"
    _, deploy, line = outputs_of(run_notebook(LOAD, cell, "%lambda list;"))
    assert plain(deploy).startswith("script created")
    assert line == []


def test_a_failed_call_fails_its_cell_where_the_cell_says_so_and_in_one_sentence(run_notebook):
    failing = "%%lambda orders\ndef handler(event, context):\n    return event['price']\n"
    cells = ("%load_ext lambdalab", failing, "r = %lambda invoke orders", "assert r.ok, r.error")
    done = run_notebook(*cells, allow_errors=True)
    assert [output for output in done.cells[2].outputs if output.output_type == "error"] == []
    (output,) = done.cells[3].outputs
    assert (output.ename, output.evalue) == ("AssertionError", "KeyError('price') at Cell In[2], line 3, in handler")
