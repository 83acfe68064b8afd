"""Cells become packages: which builder takes a cell, what goes into the zip, and where errors point."""

import io
import zipfile

import pytest

from lambdalab.client.building import Source, build, cache, files, go
from lambdalab.client.building.base import CellSyntaxError, CompilerMissing
from lambdalab.client.cell import CellSource
from lambdalab.client.package import package, source_of
from lambdalab.errors import BadOption, HandlerNotInCell
from lambdalab.model import runtime

PYTHON = "def handler(event, context):\n    return event\n"
SCRIPT = "#!/bin/sh\necho hello\n"
GO = "package main\n\nfunc main() {\n\tprintln(1)\n}\n"


def source(text, name, **more):
    return Source(text, CellSource("Cell In[4]", text, 2), runtime.known()[name], **more)


@pytest.fixture
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(cache, "directory", lambda name: tmp_path)
    return tmp_path


def test_a_python_cell_is_one_module_to_the_byte():
    built = build(source(PYTHON, "python3.12"))
    assert built.files == {"lambda_function.py": PYTHON.encode()}
    assert built.handler == "lambda_function.handler"


@pytest.mark.parametrize(
    ("text", "name", "more", "notes"),
    [
        (
            "def handeler(event, context): pass\n",
            "python3.12",
            {},
            ("no `handler` in Cell In[4]: `handeler` is called",),
        ),
        ("def handeler(event, context): pass\n", "python3.12", {"handler": "handeler"}, ()),
        ("def lambda_handler(event, context): pass\n", "python3.12", {}, ()),
        (
            "export const handeler = async () => 1;\n",
            "nodejs22.x",
            {},
            ("no `handler` in Cell In[4]: `handeler` is called",),
        ),
    ],
)
def test_another_function_that_is_taken_for_the_handler_is_told(text, name, more, notes):
    assert build(source(text, name, **more)).notes == notes


def test_a_script_is_an_executable_bootstrap():
    built = build(source(SCRIPT, "provided.al2023"))
    with zipfile.ZipFile(io.BytesIO(package(built).data)) as archive:
        (entry,) = archive.infolist()
    assert (entry.filename, oct(entry.external_attr >> 16)) == ("bootstrap", "0o100755")


def test_the_same_cell_gives_the_same_bytes_and_its_text_back():
    first, second = (package(build(source(PYTHON, "python3.12"))) for _ in range(2))
    assert first.code_sha256 == second.code_sha256
    assert source_of(first.data) == PYTHON


def test_further_files_go_into_the_package_and_replace_nothing_that_was_built():
    built = build(source(PYTHON, "python3.12"))
    data = package(built, {"data/words.txt": b"a b", "lambda_function.py": b"other"}).data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("data/words.txt") == b"a b"
        assert archive.read("lambda_function.py") == PYTHON.encode()


def test_a_cell_that_no_os_only_runtime_can_start_says_what_could_be():
    with pytest.raises(BadOption, match=r"begin it with `#!`.*or with `package main`"):
        build(source("hello", "provided.al2023"))


def test_python_that_is_none_is_refused_at_the_cells_own_line():
    with pytest.raises(CellSyntaxError, match=r"Cell In\[4\], line 3") as refused:
        build(source("x = 1\ndef handler(:\n", "python3.12"))
    assert refused.value.line == 3


@pytest.mark.parametrize(
    "text",
    ["x = " + "-" * 200_000 + "1\n", "x = " + "+".join("1" * 200_000) + "\n", "x = '\ud800'\n", "x = '\0'\n"],
    ids=["nested", "a long sum", "half a character", "NUL"],
)
def test_python_that_its_parser_gives_up_is_refused_in_a_sentence(text):
    with pytest.raises(CellSyntaxError, match=r"^Cell In\[4\]"):
        build(source(text + "def handler(event, context):\n    return x\n", "python3.12"))


def test_a_cell_without_a_handler_says_what_it_saw():
    with pytest.raises(HandlerNotInCell, match=r"Cell In\[4\] defines other"):
        build(source("other = 1\n", "python3.12"))
    with pytest.raises(HandlerNotInCell, match=r"Cell In\[4\] defines no function\. Define"):
        build(source("print(1)\n", "python3.12"))


@pytest.mark.parametrize(
    "text",
    [
        "if True:\n    def handler(event, context): return 1\n",
        "try:\n    from fast import handler\nexcept ImportError:\n    def handler(event, context): return 1\n",
        "match 1:\n    case _:\n        def only(event, context): return 1\n",
        "with open('/dev/null'):\n    pass\nhandler: object = print\n",
        "if True:\n    async def handler(event, context): return 1\nelse:\n    def handler(event, context): return 1\n",
    ],
)
def test_a_python_handler_is_found_wherever_the_module_makes_it(text):
    assert build(source(text, "python3.12")).handler in {"lambda_function.handler", "lambda_function.only"}


@pytest.mark.parametrize("text", ["from mine import *\n", "globals()['other'] = print\n"])
def test_a_named_python_handler_is_taken_where_the_text_does_not_show_all_names(text):
    assert build(source(text, "python3.12", handler="other")).handler == "lambda_function.other"
    with pytest.raises(HandlerNotInCell, match="defines no function that can be seen in its text"):
        build(source(text, "python3.12"))


def test_a_named_python_handler_that_the_text_shows_to_be_missing_is_refused():
    with pytest.raises(HandlerNotInCell, match=r"--handler is 'inner', but Cell In\[4\] defines outer"):
        build(source("def outer():\n    def inner(event, context): return 1\n", "python3.12", handler="inner"))


@pytest.mark.parametrize(
    ("text", "typed", "way_out"),
    [
        ("def handler(e, c): ...\n", "lambda_function.main", "Name it: --handler handler, or name the function main."),
        ("def handler(e, c): ...\n", "app.main", "Name it: --handler handler, or name the function main."),
        (
            "import os\nX = 1\ndef one(e, c): ...\ndef two(e, c): ...\n",
            "tow",
            "Name one of them: --handler two, or name the function tow.",
        ),
        ("from os import getcwd\n", "cwd", "Name it: --handler getcwd, or name the function cwd."),
    ],
)
def test_a_named_handler_that_is_missing_is_told_as_it_was_typed_and_with_the_way_out(text, typed, way_out):
    with pytest.raises(HandlerNotInCell) as caught:
        build(source(text, "python3.12", handler=typed))
    assert str(caught.value).startswith(f"--handler is {typed!r}, but Cell In[4] defines ")
    assert str(caught.value).endswith(way_out)


def test_a_named_handler_of_a_cell_without_any_name_is_told_no_other():
    with pytest.raises(HandlerNotInCell, match=r"--handler is 'main', but Cell In\[4\] defines no function\.$"):
        build(source("1\n", "python3.12", handler="main"))


def test_a_missing_compiler_says_how_to_get_it(monkeypatch, own_cache):
    monkeypatch.setattr(go.shutil, "which", lambda name: None)
    monkeypatch.delenv("LAMBDALAB_GO", raising=False)
    with pytest.raises(CompilerMissing, match=r"conda install -c conda-forge go.*LAMBDALAB_GO="):
        build(source(GO, "provided.al2023"))


@pytest.mark.toolchains
def test_go_is_compiled_once(own_cache):
    first = build(source(GO, "provided.al2023"))
    assert first.files["bootstrap"].startswith(b"\x7fELF")
    made = [path.name for path in own_cache.iterdir()]
    assert build(source(GO, "provided.al2023")) == first
    assert [path.name for path in own_cache.iterdir()] == made


@pytest.mark.toolchains
def test_gos_errors_point_at_the_cells_lines(own_cache):
    with pytest.raises(CellSyntaxError) as refused:
        build(source(GO.replace("println(1)", "x := 1"), "provided.al2023"))
    assert str(refused.value) == "Cell In[4], line 5: declared and not used: x"
    assert (refused.value.line, refused.value.column) == (5, 2)


@pytest.mark.toolchains
def test_go_for_the_other_architecture_is_another_program(own_cache):
    here, there = (build(source(GO, "provided.al2023", architecture=a)) for a in ("x86_64", "arm64"))
    assert here.files["bootstrap"] != there.files["bootstrap"]


def test_what_failed_half_way_leaves_nothing(own_cache):
    def fails(directory):
        (directory / "half").touch()
        raise CellSyntaxError("no", 1, 1)

    with pytest.raises(CellSyntaxError):
        cache.made("go", ("a",), fails)
    assert list(own_cache.iterdir()) == []


def test_files_and_folders_are_named_with_their_places(tmp_path):
    (tmp_path / "words.txt").write_text("a")
    (tmp_path / "data" / "__pycache__").mkdir(parents=True)
    (tmp_path / "data" / "more.csv").write_text("b")
    (tmp_path / "data" / "__pycache__" / "old.pyc").write_text("c")
    (tmp_path / "data" / "node_modules" / ".cache" / "babel").mkdir(parents=True)
    (tmp_path / "data" / "node_modules" / ".cache" / "babel" / "1.json").write_text("{}")
    found = files.named(
        [str(tmp_path / "words.txt"), f"{tmp_path / 'words.txt'}=etc/other.txt", str(tmp_path / "data")]
    )
    assert found == {"words.txt": b"a", "etc/other.txt": b"a", "data/more.csv": b"b"}


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadOption, match=r"nowhere\.txt cannot be read: No such file"):
        files.named([str(tmp_path / "nowhere.txt")])


def test_a_folders_handler_is_found_or_asked_for(tmp_path):
    (tmp_path / "app.py").write_text(PYTHON)
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o755)
    built = files.package_of(tmp_path, "python", None)
    assert (built.handler, built.executable) == ("app.handler", frozenset({"run.sh"}))
    with pytest.raises(BadOption, match="name the handler of a folder"):
        files.package_of(tmp_path, "nodejs", None)
