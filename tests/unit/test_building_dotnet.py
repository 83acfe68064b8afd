"""C# cells: their handler found by reading, what goes into the package, errors and stacks at the cell's own lines."""

import json

import pytest

from lambdalab.client.building import Source, build, cache
from lambdalab.client.building.base import CellSyntaxError, CompilerMissing
from lambdalab.client.building.csharp_source import find_handler, methods
from lambdalab.client.cell import CellSource
from lambdalab.client.stack import map_frames
from lambdalab.errors import HandlerNotInCell
from lambdalab.model import runtime
from lambdalab.toolchains import csharp

CELL = """using Amazon.Lambda.Core;

namespace Shop;

// public class Comment { public int Handle() => 1; }
public record Order(string Name);

public class Orders
{
    const string Text = "public class Text { public int Handle() => 1; }";
    public class Inner { public int One(Dictionary<string, int> map) { return 1; } }
    public class Generic<T> { public T Open(T value) => value; }

    public async Task<string> TakeAsync(Order order, ILambdaContext context)
    {
        if (order.Name == "") { throw new ArgumentException("no name"); }
        return order.Name;
    }

    int Private() => 2;
}
"""


def source(text, **more):
    return Source(text, CellSource("Cell In[4]", text, 2), runtime.known()["dotnet8"], **more)


@pytest.fixture
def compiles(monkeypatch, tmp_path):
    """A compiler that keeps what it is asked, and says what `said` has."""
    monkeypatch.setattr(cache, "directory", lambda name: tmp_path)
    monkeypatch.setattr(csharp, "compiler", lambda dotnet=None: ("csc",))
    monkeypatch.setattr(csharp, "stand_ins", lambda directory, release, dotnet=None: [])
    asked, said = [], []

    def compile(job, release, dotnet=None):
        asked.append((job, {path.name: path.read_text() for path in job.sources}))
        job.output.write_bytes(b"assembly")
        return said

    monkeypatch.setattr(csharp, "compile", compile)
    compile.asked, compile.said = asked, said
    return compile


def test_public_methods_are_seen_by_their_types_names_in_the_assembly():
    assert [(one.handler, one.parameters) for one in methods(CELL)] == [
        ("Shop.Orders+Inner::One", 1),
        ("Shop.Orders::TakeAsync", 2),
    ]
    assert [
        one.handler for one in methods("namespace A { namespace B { struct C { public static int D(int x) => x; } } }")
    ] == ["A.B.C::D"]


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [
        ("class A { public int B() => 1; public int FunctionHandler(string s) => 2; }", None, "A::FunctionHandler"),
        ("class A { public int B() => 1; public int C(int a, int b, int c) { return 2; } }", None, "A::B"),
        (CELL, "TakeAsync", "Shop.Orders::TakeAsync"),
        (CELL, "Orders", "Shop.Orders::TakeAsync"),
        (CELL, "Inner::One", "Shop.Orders+Inner::One"),
        (CELL, "Shop.Orders::TakeAsync", "Shop.Orders::TakeAsync"),
    ],
)
def test_a_handler_is_a_usual_name_the_only_method_or_the_one_that_is_named(text, wanted, found):
    assert find_handler(text, wanted, "Cell In[4]") == found


def test_a_cell_without_one_handler_says_what_it_saw():
    with pytest.raises(
        HandlerNotInCell, match=r"several could be it: Shop\.Orders\+Inner::One, Shop\.Orders::TakeAsync"
    ):
        find_handler(CELL, None, "Cell In[4]")
    with pytest.raises(
        HandlerNotInCell, match=r"--handler is 'Absent', but Cell In\[4\] defines no public method of a class\."
    ):
        find_handler("int x = 1;", "Absent", "Cell In[4]")
    with pytest.raises(HandlerNotInCell, match=r"Name it: --handler A::One, or name the function Two\.$"):
        find_handler("public class A { public int One(int n) { return n; } }", "Two", "Cell In[4]")


def test_the_package_is_what_awss_runtime_asks_for(compiles):
    built = build(source(CELL, handler="TakeAsync"))
    assert built.handler == "Function::Shop.Orders::TakeAsync"
    assert set(built.files) == {"Function.dll", "Function.deps.json", "Function.runtimeconfig.json", "Function.cs"}
    config = json.loads(built.files["Function.runtimeconfig.json"])["runtimeOptions"]
    assert config == {"tfm": "net8.0", "framework": {"name": "Microsoft.NETCore.App", "version": "8.0.0"}}
    assert built.files["Function.cs"] == CELL.encode()


def test_usings_and_the_serializer_are_at_hand_and_a_cells_own_serializer_wins(compiles):
    build(source(CELL, handler="TakeAsync"))
    own = f"[assembly: LambdaSerializer(typeof(Mine))]\n{CELL}"
    build(source(own, handler="TakeAsync"))
    (_, with_ours), (_, with_own) = compiles.asked
    assert set(with_ours) == {"Function.cs", "usings.cs", "serializer.cs"}
    assert "global using global::System.Linq;" in with_ours["usings.cs"]
    assert "serializer.cs" not in with_own


def test_the_same_cell_is_compiled_once_and_further_sources_count(compiles):
    first, second = (build(source(CELL, handler="TakeAsync")) for _ in range(2))
    assert first == second
    build(source(CELL, handler="TakeAsync", files={"More.cs": b"class More { }", "words.txt": b"x"}))
    assert [set(texts) for _, texts in compiles.asked] == [
        {"Function.cs", "usings.cs", "serializer.cs"},
        {"Function.cs", "usings.cs", "serializer.cs", "More.cs"},
    ]


def test_errors_are_at_the_cells_lines(compiles):
    compiles.said += [
        csharp.Diagnostic("CS0219: unused", False, "/x/Function.cs", 1, 1),
        csharp.Diagnostic("CS1002: ; expected", True, "/x/Function.cs", 3, 9),
        csharp.Diagnostic("CS0246: no type", True, "/x/More.cs", 7, 1),
    ]
    with pytest.raises(CellSyntaxError) as raised:
        build(source(CELL, handler="TakeAsync"))
    assert str(raised.value) == "Cell In[4], line 4: CS1002: ; expected\nMore.cs, line 7: CS0246: no type"
    assert (raised.value.line, raised.value.column) == (4, 9)


def test_without_a_compiler_the_cell_says_how_to_get_one(monkeypatch):
    monkeypatch.delenv("LAMBDALAB_CSC", raising=False)
    monkeypatch.setattr(csharp, "roots", lambda: iter(()))
    with pytest.raises(CompilerMissing, match=r"^dotnet8: C# is compiled by an SDK.*dotnet-sdk.*LAMBDALAB_CSC="):
        build(source(CELL, handler="TakeAsync"))


def test_an_sdks_compiler_is_found_the_newest_first(monkeypatch, tmp_path):
    monkeypatch.delenv("LAMBDALAB_CSC", raising=False)
    for version in ("8.0.408", "10.0.100"):
        path = tmp_path / "sdk" / version / "Roslyn" / "bincore" / "csc.dll"
        path.parent.mkdir(parents=True)
        path.touch()
    monkeypatch.setattr(csharp, "roots", lambda: iter((tmp_path,)))
    assert csharp.compiler() == (str(tmp_path / "dotnet"), str(path))
    monkeypatch.setattr(csharp, "roots", lambda: iter(()))
    assert csharp.compiler(tmp_path / "dotnet")[1] == str(path)


def test_the_compilers_words_are_read():
    said = "/a b/Function.cs(3,9): error CS1002: ; expected"
    assert csharp._diagnostic(said) == csharp.Diagnostic("CS1002: ; expected", True, "/a b/Function.cs", 3, 9)
    assert csharp._diagnostic("error CS2001: Source file 'x' could not be found.").is_error


def test_nets_frames_are_placed_in_the_cell_the_outermost_first():
    cell = CellSource("Cell In[4]", CELL, 2, "Function.cs")
    stack = [
        "at Shop.Orders.TakeAsync(Order order, ILambdaContext context) in /var/task/Function.cs:line 16",
        "at System.Linq.Enumerable.First[T](IEnumerable`1 all)",
        "at Other.Go() in /var/task/More.cs:line 2",
    ]
    assert [frame.place for frame in map_frames(stack, cell)] == [
        "/var/task/More.cs, line 2, in Other.Go",
        "Cell In[4], line 17, in Shop.Orders.TakeAsync",
    ]
