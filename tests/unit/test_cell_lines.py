"""The lines of a cell: counted as Python and the editor count them, from the cell's own first line."""

import ast

import pytest

from lambdalab.client import image, languages
from lambdalab.client.building.base import CellSyntaxError
from lambdalab.client.building.python import parsed
from lambdalab.client.cell import CellSource
from lambdalab.client.languages import Offer
from lambdalab.client.stack import map_frames
from lambdalab.lines import lines_of
from lambdalab.model import runtime as runtimes
from lambdalab.notebook.context import FIRST_LINE, first_line

END_NO_LINE = ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
named = pytest.mark.parametrize("mark", END_NO_LINE, ids=[f"U+{ord(one):04X}" for one in END_NO_LINE])
BODY = "def handler(event, context):\n    return 1/0\n"


@named
def test_what_ends_no_line_for_python_ends_none_of_a_cell(mark):
    text = f"s = '''a{mark}b'''\r\nx = 1\ry = 2\n"
    assert lines_of(text) == [f"s = '''a{mark}b'''", "x = 1", "y = 2"]
    assert ast.parse(text).body[-1].lineno == len(lines_of(text))


@named
def test_a_frame_below_it_is_placed_in_the_cell(mark):
    cell = CellSource("Cell In[4]", f"s = '''a{mark}b'''\n{BODY}", 2, "lambda_function.py")
    stack = ['  File "/var/task/lambda_function.py", line 3, in handler\n    return 1/0\n']
    (frame,) = map_frames(stack, cell)
    assert (frame.place, frame.source) == ("Cell In[4], line 4, in handler", cell)


@named
def test_javascript_below_it_is_still_known_as_such(mark):
    cell = CellSource("Cell In[4]", f"s = '''a{mark}b'''\nconst a = require('a');\n")
    with pytest.raises(CellSyntaxError) as error:
        parsed(cell.text, cell.label, cell.first_line)
    said = languages.another(error.value, cell, runtimes.known()["python3.12"], lambda _: [Offer("nodejs22.x", True)])
    assert said.startswith("That is JavaScript")


@named
def test_a_dockerfiles_instruction_below_it_has_its_own_line(mark):
    assert image.line_of(f"FROM a\n# one{mark}# two\nRUN b\n", 2) == 3


@pytest.mark.parametrize(
    ("above", "number"),
    [
        ("%%lambda hello\n", 2),
        ("\n\n\n%%lambda hello\n", 5),
        (" \n\t\n%%lambda hello\n", 4),
        ("\r\n\r\n%%lambda hello\r\n", 4),
        ("\x0c\n%%lambda hello\n", 3),
        ("%%capture\n%%lambda hello\n", 3),
    ],
)
def test_a_body_begins_below_whatever_stands_above_it_in_its_cell(above, number):
    assert first_line(above + BODY.rstrip("\n"), BODY) == number


def test_a_body_that_ipython_took_an_indent_from_is_found_in_its_cell():
    assert first_line("\n  %%lambda hello\n  def handler(event, context):\n      return 1/0", BODY) == 3


@pytest.mark.parametrize("cell", ["", "get_ipython().run_cell_magic('lambda', 'hello', body)", "a = 1\nb = 2\nc = 3"])
def test_a_body_that_is_not_in_the_last_cell_is_counted_from_its_magic(cell):
    assert first_line(cell, BODY) == FIRST_LINE
