"""Cells in Ruby and C#, as a notebook has them."""

import pytest

from tests.runtimes.conftest import needs

LOAD = "%load_ext lambdalab"
RUBY = """%%lambda greet-ruby --runtime ruby3.3
def handler(event:, context:)
  raise ArgumentError, "no name" unless event["name"]
  { greeting: "hello #{event["name"]}" }
end
"""
CSHARP = """%%lambda greet-csharp --runtime dotnet8 --memory 512 --timeout 10
public class Greeter
{
    public Dictionary<string, string> FunctionHandler(Dictionary<string, string> input) =>
        input.TryGetValue("name", out var name) ? new() { ["greeting"] = $"hello {name}" } : throw new ArgumentException("no name");
}
"""


@pytest.mark.toolchains
@pytest.mark.parametrize(
    ("runtime", "cell", "place"),
    [("ruby3.3", RUBY, "line 3, in handler"), ("dotnet8", CSHARP, "line 5, in Greeter.FunctionHandler")],
)
def test_a_cell_becomes_a_function_and_its_errors_name_the_cells_lines(run_notebook, runtime, cell, place):
    needs(runtime)
    name = cell.split()[1]
    invoked, failed = f"%lambda invoke {name} --set name=Ada", f"%lambda invoke {name}"
    _, deployed, answered, refused = (one.outputs for one in run_notebook(LOAD, cell, invoked, failed).cells)
    assert deployed[0]["data"]["text/plain"].startswith(name)
    assert "hello Ada" in answered[0]["data"]["text/html"]
    assert f"Cell In[2], {place}" in refused[0]["data"]["text/plain"]
