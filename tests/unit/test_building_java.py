"""Java cells: their handler found by reading, their classes by compiling, errors at the cell's own lines."""

import pytest

from lambdalab.client.building import Source, build, cache
from lambdalab.client.building.base import CellSyntaxError, CompilerMissing
from lambdalab.client.building.java_source import JavaSource
from lambdalab.client.cell import CellSource
from lambdalab.client.stack import map_frames
from lambdalab.errors import HandlerNotInCell
from lambdalab.model import runtime
from lambdalab.toolchains import javac

CELL = """package demo;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Map;

// class Comment implements RequestHandler<A, B> {
public class Hello implements RequestHandler<Map<String, String>, String> {
    static class Greeting { public String text() { return "class Text implements RequestHandler {"; } }

    @Override
    public String handleRequest(Map<String, String> event, Context context) {
        return new Greeting().text() + event.get("name");
    }
}
"""


def source(text, name="java17", **more):
    return Source(text, CellSource("Cell In[4]", text, 2), runtime.known()[name], **more)


def handler(text, wanted=None):
    return JavaSource.read(text).handler(wanted, "Cell In[4]")


@pytest.fixture
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(cache, "directory", lambda name: tmp_path)
    return tmp_path


def test_the_class_that_implements_the_interface_is_the_handler_whatever_comments_and_texts_say():
    assert handler(CELL) == "demo.Hello::handleRequest"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("class A { public String handleRequest(String e) { return e; } }", "A::handleRequest"),
        ("public class A { public static int twice(int n) { return 2 * n; } int other() { return 1; } }", "A::twice"),
        ("public class A { public static class B implements RequestStreamHandler { } }", "A$B::handleRequest"),
        ("class Base<T> { } class A extends Base<X> implements Other, RequestHandler<X, Y> { }", "A::handleRequest"),
        (
            "record In(String name) { } public class A { public String handle(In in) { return in.name(); } }",
            "A::handle",
        ),
    ],
)
def test_without_the_interface_a_usual_name_or_the_only_public_method_is_it(text, found):
    assert handler(text) == found


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("Hello", "demo.Hello"),
        ("demo.Hello::handleRequest", "demo.Hello::handleRequest"),
        ("Hello.Greeting::text", "demo.Hello$Greeting::text"),
        ("text", "demo.Hello$Greeting::text"),
        ("other.Library::go", "other.Library::go"),
    ],
)
def test_a_handler_can_be_named_by_its_class_its_method_or_both(wanted, found):
    assert handler(CELL, wanted) == found


def test_a_cell_without_a_handler_says_what_it_saw():
    with pytest.raises(HandlerNotInCell, match=r"Cell In\[4\] defines A \(one, two\)\. Write a class that implements"):
        handler("public class A { public int one() { return 1; } public int two() { return 2; } }")
    with pytest.raises(HandlerNotInCell, match="defines no class"):
        handler("int x = 1;")
    with pytest.raises(HandlerNotInCell, match="--handler is 'Absent'"):
        handler(CELL, "Absent")
    with pytest.raises(HandlerNotInCell, match=r"Name it: --handler A::one, or name the function two\.$"):
        handler("public class A { public int one() { return 1; } }", "two")


def test_two_handlers_are_one_too_many():
    with pytest.raises(HandlerNotInCell, match=r"several classes of .*: A, B"):
        handler("class A implements RequestHandler<X, Y> { } class B implements RequestStreamHandler { }")


def test_the_file_lies_where_its_package_says_under_its_public_classs_name():
    assert JavaSource.read(CELL).path == "demo/Hello.java"
    assert JavaSource.read("class A { } public class B { }").path == "B.java"


def test_javas_frames_are_placed_in_the_cell_the_outermost_first():
    cell = CellSource("Cell In[4]", CELL, 2, "demo/Hello.java")
    stack = [
        "demo.Hello$Greeting.text(Hello.java:9)",
        "demo.Hello.lambda$handleRequest$0(Hello.java:13)",
        "other.Hello.go(Hello.java:3)",
        "java.base/java.lang.reflect.Method.invoke(Unknown Source)",
    ]
    assert [frame.place for frame in map_frames(stack, cell)] == [
        "Hello.java, line 3, in other.Hello.go",
        "Cell In[4], line 14, in demo.Hello.lambda$handleRequest$0",
        "Cell In[4], line 10, in demo.Hello$Greeting.text",
    ]


def test_without_a_compiler_the_cell_says_how_to_get_one(monkeypatch, own_cache):
    monkeypatch.setenv("LAMBDALAB_JAVAC", str(own_cache / "none"))
    with pytest.raises(CompilerMissing, match=r"java17 needs a Java compiler.*apt install.*LAMBDALAB_JAVAC="):
        build(source(CELL))


needs_javac = pytest.mark.skipif(javac.best(17) is None, reason="no javac on this machine")


@needs_javac
@pytest.mark.toolchains
def test_the_package_holds_the_classes_and_the_source_and_none_of_awss_interfaces(own_cache):
    built = build(source(CELL))
    assert sorted(built.files) == ["demo/Hello$Greeting.class", "demo/Hello.class", "demo/Hello.java"]
    assert (built.handler, built.main) == ("demo.Hello::handleRequest", "demo/Hello.java")
    assert built.files["demo/Hello.class"][:8] == b"\xca\xfe\xba\xbe\x00\x00\x00\x3d"  # Java 17's classes
    assert build(source(CELL)) == built


@needs_javac
@pytest.mark.toolchains
def test_the_runtimes_release_decides_what_is_java(own_cache):
    record = "public class A { record In(int n) { } public int handle(In in) { return in.n(); } }"
    assert build(source(record, "java17")).handler == "A::handle"
    with pytest.raises(CellSyntaxError, match=r"Cell In\[4\], line 2: "):
        build(source(record, "java11"))


@needs_javac
@pytest.mark.toolchains
def test_errors_point_at_the_cells_lines(own_cache):
    with pytest.raises(CellSyntaxError) as refused:
        build(source(CELL.replace('event.get("name")', "missing")))
    first, code, arrow, *_ = str(refused.value).splitlines()
    assert first == "Cell In[4], line 14: cannot find symbol"
    assert code.strip() == "return new Greeting().text() + missing;"
    assert (refused.value.line, refused.value.column) == (14, arrow.index("^") + 1)


@needs_javac
@pytest.mark.toolchains
def test_what_does_not_compile_is_told_before_a_handler_is_missed(own_cache):
    with pytest.raises(CellSyntaxError, match=r"Cell In\[4\], line 2: illegal start of expression"):
        build(source("public class Handler { int x = ; }\n"))
    with pytest.raises(HandlerNotInCell):
        build(source("public class Handler { int x = 1; }\n"))


@needs_javac
@pytest.mark.toolchains
def test_further_sources_are_compiled_with_the_cell_and_jars_are_on_its_class_path(own_cache):
    helper = 'package demo; public class Helper { public static String says() { return "x"; } }'
    text = "package demo; public class A { public String handle(String e) { return Helper.says(); } }"
    built = build(source(text, files={"demo/Helper.java": helper.encode()}))
    assert {"demo/A.class", "demo/Helper.class"} <= set(built.files)
    broken = {"demo/Helper.java": helper.replace("says", "said").encode()}
    with pytest.raises(CellSyntaxError, match=r"Cell In\[4\], line 2: cannot find symbol"):
        build(source(text, files=broken))
