"""Several `%lambda` lines in one cell: each shows its result, once, in the order of the lines."""

import pytest

CELL = "%%lambda {}\ndef handler(event, context):\n    {}\n"
FUNCTIONS = {"one": "return 1", "two": "return 2", "failing": "raise ValueError('no')"}
ONE, TWO, FAILING = (f"%lambda invoke {name}\n" for name in FUNCTIONS)
TRANSFORMERS = 'sum(type(one).__name__ == "ShownLines" for one in get_ipython().ast_transformers)'


@pytest.fixture(scope="module")
def kernel(kernel):
    for name, body in FUNCTIONS.items():
        assert kernel.run(CELL.format(name, body)).kinds == ["execute_result"]
    return kernel


def shown(run):
    """The functions whose results are the outputs, in their order."""
    assert run.status == "ok", run.outputs
    assert all("data" in output for output in run.outputs)
    return named(run)


def named(run):
    return [output["data"]["text/plain"].partition(":")[0] for output in run.outputs if "data" in output]


def test_each_line_shows_its_result_once_and_a_functions_error_is_seen(kernel):
    run = kernel.run(FAILING + ONE + "# and\n" + TWO)
    assert run.kinds == ["execute_result"] * 3
    assert shown(run) == ["failing", "one", "two"]
    assert "ValueError" in run.outputs[0]["data"]["text/plain"]
    assert all("<section" in output["data"]["text/html"] for output in run.outputs)


@pytest.mark.parametrize(
    ("cell", "functions"),
    [
        (ONE + "n = 1", ["one"]),
        ("r = %lambda invoke one\n" + TWO, ["two"]),
        (ONE + "r = %lambda invoke two", ["one"]),
        ("%lambda invoke one;\n" + TWO, ["two"]),
        (ONE + "%lambda invoke two;", ["one"]),
        (ONE + "1;", []),
        ("for n in range(2):\n    " + ONE + TWO, ["two"]),
        ("if True:\n    " + ONE + "n = 1", []),
        ("%%capture seen\n" + ONE + TWO, []),
        ("%%capture seen\n" + ONE + TWO + "\n%lambda list", []),
    ],
)
def test_what_is_assigned_silenced_captured_or_in_a_block_is_shown_as_ipython_shows_it(kernel, cell, functions):
    assert shown(kernel.run(cell)) == functions


def test_a_captured_cell_has_the_result_of_every_line(kernel):
    kernel.run("%%capture seen\n" + ONE + TWO)
    assert shown(kernel.run("for one in seen.outputs:\n    display(one)")) == ["one", "two"]


def test_a_timed_cell_shows_every_line_and_one_timed_over_and_over_none(kernel):
    timed = kernel.run("%%time\n" + ONE + TWO)
    assert named(timed) == ["one", "two"]
    assert kernel.run("%%timeit -n 2 -r 2\n" + ONE + TWO).kinds == ["stream"]


def test_the_results_are_ipythons_last_ones(kernel):
    kernel.run(ONE + TWO)
    assert kernel.value("_.payload, __.payload") == "(2, 1)"
    assert kernel.value("Out[max(Out)].payload") == "2"


def test_an_error_in_a_line_stops_the_cell_at_it_and_what_came_before_is_shown(kernel):
    run = kernel.run(ONE + "%lambda invoke nosuch\n" + TWO)
    assert run.kinds == ["execute_result", "error"]
    assert "Function not found" in run.error["evalue"]


def test_the_setting_of_displays_holds_for_every_line(kernel):
    kernel.run("%config LambdaLab.display = 'line'")
    assert kernel.run(ONE + TWO).html == ""
    assert shown(kernel.run(ONE + TWO)) == ["one", "two"]
    kernel.run("%config LambdaLab.display = 'none'")
    assert kernel.run(ONE + TWO).outputs == []
    assert kernel.value("_.payload, __.payload") == "(2, 1)"
    kernel.run("%config LambdaLab.display = 'card'")


@pytest.mark.parametrize(
    ("setting", "functions"), [("all", ["one", "two"]), ("none", []), ("last_expr_or_assign", ["one", "two"])]
)
def test_ipythons_own_setting_of_what_a_cell_shows_stands(kernel, setting, functions):
    kernel.run(f"%config InteractiveShell.ast_node_interactivity = '{setting}'")
    run = kernel.run(ONE + TWO)
    kernel.run("%config InteractiveShell.ast_node_interactivity = 'last_expr'")
    assert shown(run) == functions


def test_variables_of_the_notebook_stand_in_every_line(kernel):
    kernel.run("name = 'one'")
    assert shown(kernel.run("%lambda invoke $name\n%lambda invoke {name}\nn = 1")) == ["one", "one"]


def test_other_magics_and_expressions_show_the_last_as_ever(kernel):
    assert kernel.run("1\n%lsmagic\nget_ipython().run_line_magic('who_ls', '')\n4").text == "4"


def test_it_is_there_once_after_reloads_and_gone_after_an_unload(kernel):
    for _ in range(2):
        kernel.run("%reload_ext lambdalab")
    assert kernel.value(TRANSFORMERS) == "1"
    assert shown(kernel.run(ONE + TWO)) == ["one", "two"]
    kernel.run("%unload_ext lambdalab")
    assert kernel.value(TRANSFORMERS) == "0"
    kernel.run("%load_ext lambdalab")
    assert kernel.value(TRANSFORMERS) == "1"
