"""A C# cell with a package of NuGet's, as a notebook has it; `dotnet publish` is the fake of tests/fake_dotnet.py."""

import sys

from tests import fake_dotnet

LOAD = "%load_ext lambdalab"
CELL = """%%lambda words --runtime dotnet8 --requirements Wrods@1.2.0
public class Words
{
    public string FunctionHandler(string text) => text;
}
"""


def test_packages_that_nuget_cannot_have_are_one_clean_error(run_notebook, monkeypatch, tmp_path):
    monkeypatch.setenv("LAMBDALAB_DOTNET", str(fake_dotnet.install(tmp_path / "installed")))
    monkeypatch.setenv("FAKE_DOTNET_FEED", str(tmp_path))
    (output,) = run_notebook(LOAD, CELL, allow_errors=True).cells[1].outputs
    assert output["ename"] == "NotInstalled"
    assert "NU1101: Unable to find package Wrods. No packages exist with this id in source(s): feed" in output["evalue"]


def test_the_compilers_words_are_at_the_cells_lines(run_notebook, monkeypatch, tmp_path):
    monkeypatch.setenv("LAMBDALAB_DOTNET", str(fake_dotnet.install(tmp_path / "installed")))
    monkeypatch.setenv("FAKE_DOTNET_SAYS", "{folder}/Function.cs(3,62): error CS1002: ; expected [{project}]")
    (output,) = run_notebook(LOAD, CELL, allow_errors=True).cells[1].outputs
    assert (output["ename"], output["evalue"]) == ("CellSyntaxError", "Cell In[2], line 4: CS1002: ; expected")


def test_without_an_sdk_the_line_is_refused_with_what_was_asked_and_how_to_get_one(run_notebook, monkeypatch):
    monkeypatch.setenv("LAMBDALAB_DOTNET", sys.executable)
    (output,) = run_notebook(LOAD, CELL, allow_errors=True).cells[1].outputs
    assert output["ename"] == "CompilerMissing"
    assert f"{sys.executable} lists none. Get one with `apt install dotnet-sdk-8.0`" in output["evalue"]
