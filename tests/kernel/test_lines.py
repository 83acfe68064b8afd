"""Lines and cells as people first write them: what a real kernel makes of them."""

import nbformat
import pytest

HELLO = "%%lambda hello\ndef handler(event, context):\n    return event\n"


@pytest.mark.parametrize("cell", ["%%lambda hello", "%%lambda hello\n", "\n%%lambda hello --memory 256\n\n"])
def test_a_cell_without_a_body_is_told_to_have_one_and_writes_nothing_on_stderr(kernel, cell):
    run = kernel.run(cell)
    assert run.kinds == ["error"]
    assert run.error["evalue"].startswith("the cell is empty: write the function's code below its %%lambda hello line")


def test_help_is_shown_where_a_cell_asks_for_it(kernel):
    for cell in ("%%lambda --help", "%%lambda hello --help", "%lambda help %%lambda"):
        assert "--requirements" in kernel.run(cell).text, cell
    assert "%lambda deploy" in kernel.run("%lambda help").text


def test_a_console_still_waits_for_the_body(kernel):
    for code, status in (("%%lambda hello", "incomplete"), ("%%lambda hello\nx = 1\n\n", "complete")):
        message = kernel.client.is_complete(code)
        reply = kernel.client.get_shell_msg(timeout=30)
        assert reply["parent_header"]["msg_id"] == message
        assert reply["content"]["status"] == status


def test_other_magics_and_an_unloaded_extension_have_ipythons_own_words(kernel):
    assert "cell body is empty" in kernel.run("%%bash").text
    kernel.run("%unload_ext lambdalab")
    assert "Cell magic `%%lambda` not found" in kernel.run("%%lambda hello").text
    assert "Line magic function `%lambda` not found" in kernel.run("%lambda list").text
    kernel.run("%load_ext lambdalab")


def test_below_the_first_line_a_cells_magic_is_a_line_magic_to_ipython(kernel):
    assert "Line magic function `%%lambda` not found" in kernel.run("# mine\n" + HELLO).text


def test_a_functions_name_alone_tells_what_one_can_do_with_it(kernel):
    kernel.run(HELLO)
    assert "%lambda invoke hello calls it" in kernel.run("%lambda hello").error["evalue"]


def test_variables_stand_in_lines_and_json_stays(run_notebook):
    done = run_notebook(
        "%load_ext lambdalab",
        HELLO,
        "name, order = 'hello', {'id': 7}",
        "r = %lambda invoke {name} --set order={order} --set text='$name you' --set user={\"n\":10}\nprint(r.payload)",
        "for n in (1, 2):\n    r = %lambda invoke $name --set items[0]={n}\n    print(r.payload)",
    )
    assert done.cells[3].outputs[0].text == "{'order': {'id': 7}, 'text': 'hello you', 'user': {'n': 10}}\n"
    assert done.cells[4].outputs[0].text == "{'items': [1]}\n{'items': [2]}\n"


def test_an_event_may_stand_on_the_line_as_json_and_as_a_variables_value(run_notebook):
    done = run_notebook(
        "%load_ext lambdalab",
        HELLO,
        "d = {'b': [1, 'x y']}",
        """r = %lambda invoke hello --event '{"a": 1}'\nprint(r.payload)""",
        """r = %lambda invoke hello --event {"a": {"c": 1}} --set b=2\nprint(r.payload)""",
        "r = %lambda invoke hello --event {d}\nprint(r.payload)",
    )
    said = [cell.outputs[0].text for cell in done.cells[3:]]
    assert said == ["{'a': 1}\n", "{'a': {'c': 1}, 'b': 2}\n", "{'b': [1, 'x y']}\n"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("%lambda invoke $nosuch", "there is none of that name"),
        ("%lambda invoke hello name=Ada", "--set name=Ada"),
        ("%lambda layer nosuch", "there is no layer nosuch"),
        ('%lambda publish hello "first cut"', '-m "first cut"'),
    ],
)
def test_a_refused_line_names_the_way_out(kernel, line, said):
    assert said in kernel.run(line).error["evalue"]


def test_a_function_that_this_kernel_did_not_deploy_has_no_cell_and_words_for_it(kernel):
    error = kernel.run("from lambdalab import lab; lab.sources['primes']").error
    assert error["ename"] == "SourceUnknown"
    assert error["traceback"] == [
        "SourceUnknown: the cell of 'primes' is not known: it has not been deployed from a cell since this kernel"
        " started. Run its %%lambda primes cell again."
    ]


def test_the_first_labs_tidy_up_may_run_twice(kernel, request):
    lab = nbformat.read(request.config.rootpath / "labs" / "01-first-function.ipynb", as_version=4)
    (tidy,) = [cell.source for cell in lab.cells if cell.cell_type == "code" and ".delete()" in cell.source]
    kernel.run("%%lambda counter\ndef handler(event, context): ...\n")
    kernel.run("from lambdalab import lab")
    for _ in range(2):
        assert kernel.run(tidy).status == "ok"
    assert "counter" not in kernel.run("%lambda list").text
