"""Ruby cells: their handler found by reading, complaints and stacks at the cell's own lines."""

import stat

import pytest

from lambdalab.client.building import Source, build, ruby
from lambdalab.client.building.base import CellSyntaxError
from lambdalab.client.cell import CellSource
from lambdalab.client.stack import map_frames
from lambdalab.errors import HandlerNotInCell
from lambdalab.model import runtime

CELL = """require "json"

=begin
def handler(event:, context:) = 1
=end
module Shop
  class Orders
    def self.take(event:, context:)
      new.count
    end

    def count = 1
  end
end

def help(text)
  text
end

def process(event:, context:)
  help(event)
end
__END__
def lambda_handler(event:, context:) = 2
"""


@pytest.fixture(autouse=True)
def no_ruby(monkeypatch):
    monkeypatch.setattr(ruby, "_ruby", lambda version: None)


def source(text, **more):
    return Source(text, CellSource("Cell In[4]", text, 2), runtime.known()["ruby3.3"], **more)


def handler(text, wanted=None):
    return build(source(text, handler=wanted)).handler


def test_a_ruby_cell_is_one_file_to_the_byte():
    built = build(source("def handler(event:, context:) = event\n"))
    assert built.files == {"lambda_function.rb": b"def handler(event:, context:) = event\n"}
    assert (built.handler, built.main) == ("lambda_function.handler", "lambda_function.rb")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def a(x)\nend\ndef lambda_handler(event:, context:)\nend", "lambda_handler"),
        ("def a(x) = x\ndef b(event:, context:) = 1", "b"),
        ("def a(x) = x\ndef b(**all) = 1", "b"),
        ("class A\n  def self.run(event:, context:)\n  end\nend", "A.run"),
    ],
)
def test_a_usual_name_or_the_only_method_with_an_event_is_the_handler(text, found):
    assert handler(text) == f"lambda_function.{found}"


def test_a_handler_can_be_named_with_its_module_and_its_file_or_without():
    for wanted in ("Shop::Orders.take", "lambda_function.Shop::Orders.take"):
        assert handler(CELL, wanted) == "lambda_function.Shop::Orders.take"
    assert handler(CELL, "help") == "lambda_function.help"


def test_comments_data_and_objects_methods_are_no_handlers():
    with pytest.raises(HandlerNotInCell, match=r"several could be it: Shop::Orders\.take, process"):
        handler(CELL)
    with pytest.raises(
        HandlerNotInCell, match=r"--handler is 'count', but Cell In\[4\] defines Shop::Orders\.take, help, process\."
    ):
        handler(CELL, "count")
    with pytest.raises(
        HandlerNotInCell, match=r"no handler found: Cell In\[4\] defines no method\. Define `def handler"
    ):
        handler("puts 1")


def test_rubys_complaint_is_at_the_cells_line(monkeypatch, tmp_path):
    fake = tmp_path / "ruby"
    fake.write_text('#!/bin/sh\ncat >/dev/null\necho "-:3: syntax error, unexpected end-of-input" >&2\nexit 1\n')
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(ruby, "_ruby", lambda version: str(fake))
    with pytest.raises(
        CellSyntaxError, match=r"^Cell In\[4\], line 4: syntax error, unexpected end-of-input$"
    ) as raised:
        handler("def handler(event:, context:)\n\n")
    assert raised.value.line == 4


def test_rubys_frames_are_placed_in_the_cell_the_outermost_first():
    cell = CellSource("Cell In[4]", CELL, 2, "lambda_function.rb")
    stack = [
        "/var/task/lambda_function.rb:17:in `help'",
        "/var/task/vendor/other.rb:3:in 'Array#each'",
        "/var/task/lambda_function.rb:21:in `process'",
    ]
    assert [frame.place for frame in map_frames(stack, cell)] == [
        "Cell In[4], line 22, in process",
        "/var/task/vendor/other.rb, line 3, in Array#each",
        "Cell In[4], line 18, in help",
    ]


@pytest.mark.parametrize("mark", ["\x0c", "\x85", "\u2028"])
def test_a_comment_goes_on_to_the_end_of_rubys_own_line(mark):
    text = f"# once{mark}def handler(event:, context:) = 1\ndef process(event:, context:) = 2\n"
    assert handler(text) == "lambda_function.process"
