"""Deploying from Python: from a text, a file, a folder, with files and requirements beside it."""

import re

import pytest

from lambdalab.client.building.base import CellSyntaxError
from lambdalab.client.lab import Lab
from lambdalab.errors import BadOption, HandlerNotInCell, InvalidParameterValue, TooManyRequests
from tests.wheels import only_from, wheel

SOURCE = "def handler(event, context):\n    return open('data/words.txt').read()\n"


def test_files_lie_beside_the_source(lab):
    lab["files"].deploy(SOURCE, files={"data/words.txt": b"hello"})
    assert lab["files"].invoke().payload == "hello"


def test_a_source_file_is_the_function_and_its_traces_name_it(lab, tmp_path):
    (tmp_path / "mine.py").write_text("def handler(event, context):\n    return event['n'] * 2\n")
    lab["file"].deploy(path=tmp_path / "mine.py")
    assert lab["file"].invoke({"n": 21}).payload == 42
    failed = lab["file"].invoke({})
    assert failed.error.frames[-1].place == f"{tmp_path / 'mine.py'}, line 2, in handler"


@pytest.mark.parametrize(
    ("name", "value", "unit"),
    [("memory", "256MB", "MB"), ("timeout", 2.5, "seconds"), ("ephemeral", True, "MB")],
)
def test_a_setting_that_is_no_whole_number_is_refused_by_its_name(lab, name, value, unit):
    wanted = f"{name} is {re.escape(repr(value))}; it takes a whole number of {unit}, such as {name}="
    with pytest.raises(BadOption, match=wanted):
        lab["numbers"].deploy(SOURCE, **{name: value})
    with pytest.raises(BadOption, match=wanted):
        lab["numbers"].configure(**{name: value})


def test_a_folder_is_the_whole_package(lab, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "words.txt").write_text("from the folder")
    (tmp_path / "app.py").write_text(SOURCE)
    deployed = lab["folder"].deploy(path=tmp_path)
    assert deployed.configuration["Handler"] == "app.handler"
    assert lab["folder"].invoke().payload == "from the folder"
    assert not lab["folder"].deploy(path=tmp_path).changes


def test_requirements_are_installed_into_the_package(lab, tmp_path, monkeypatch):
    wheel(tmp_path / "wheels", "greeter", "1.2.3")
    only_from(monkeypatch, tmp_path / "wheels")
    source = "import greeter\ndef handler(event, context):\n    return greeter.__version__\n"
    assert lab["needs"].deploy(source, requirements=["greeter"]).packages == ("greeter 1.2.3",)
    assert lab["needs"].invoke().payload == "1.2.3"


def test_a_script_in_a_custom_runtime_is_deployed_and_compared_like_any_cell(lab):
    text = "#!/bin/sh\nexit 3\n"
    lab["script"].deploy(text, runtime="provided.al2023")
    assert lab["script"].deploy(text, runtime="provided.al2023").changes == ()
    changed = lab["script"].deploy("#!/bin/sh\nexit 4\n", runtime="provided.al2023")
    assert (changed.old_source, changed.new_source) == (text, "#!/bin/sh\nexit 4\n")
    assert "exit status 4" in lab["script"].invoke().error.message


@pytest.mark.parametrize(
    ("runtime", "words"),
    [
        ("pyton3.12", r"Did you mean python3\.12\?"),
        ("nodejs", r"a name without a release\. Take nodejs\d+\.x"),
        ("go1.x", "Write --runtime go"),
    ],
)
def test_what_names_no_runtime_for_a_cell_is_refused_with_the_one_to_take(lab, runtime, words):
    with pytest.raises(BadOption, match=words):
        lab["refused"].deploy(SOURCE, runtime=runtime)


def test_the_release_to_take_is_one_that_runs_here(lab):
    with pytest.raises(BadOption, match=r"Take (\S+), the newest of Python that runs here\.") as refused:
        lab["refused"].deploy(SOURCE, runtime="python")
    taken = re.search(r"Take (\S+),", str(refused.value))[1]
    assert lab["taken"].deploy("def handler(event, context):\n    return 1\n", runtime=taken).created


@pytest.mark.parametrize("name", ["python2.7", "python3.6", "python3.7", "nodejs4.3", "nodejs8.10", "nodejs12.x"])
def test_what_aws_had_once_is_refused_in_its_words_with_the_successor_before_the_cell_is_read(lab, name):
    with pytest.raises(InvalidParameterValue, match=f"{re.escape(name)} is no longer supported .* is its successor"):
        lab["refused"].deploy("print 'a cell of that time'", runtime=name)


def test_a_runtime_that_is_no_name_changes_no_function(lab):
    lab["kept"].deploy("def handler(event, context):\n    return 1\n")
    with pytest.raises(BadOption, match=r"Take ruby\d"):
        lab["kept"].configure(runtime="ruby")
    with pytest.raises(BadOption, match="nodejs"):
        lab.layer("common").publish_requirements("left-pad", runtime="node")


def test_a_refused_source_is_told_to_leave_the_function_as_it_was(lab):
    plain = "def handler(event, context): return 1\n"
    with pytest.raises(HandlerNotInCell) as new:
        lab["unchanged"].deploy(plain, handler="main")
    assert "stays as it was" not in str(new.value)
    lab["unchanged"].deploy(plain)
    for source, handler, end in (
        (plain, "main", " unchanged stays as it was."),
        ("def handler(:\n", None, "\nunchanged stays as it was."),
    ):
        with pytest.raises((HandlerNotInCell, CellSyntaxError)) as refused:
            lab["unchanged"].deploy(source, handler=handler)
        assert str(refused.value).endswith(end)
    assert lab["unchanged"].invoke().payload == 1


def test_a_source_that_is_refused_starts_no_region():
    with Lab(isolated=True) as own:
        with pytest.raises(HandlerNotInCell):
            own["new"].deploy("X = 1\n")
        assert "not started" in repr(own)


def test_javascript_without_its_runtime_is_told_the_one_to_take_at_its_line(lab):
    with pytest.raises(CellSyntaxError, match=r"line 1: .*\n.*\nThat is JavaScript, .* Take nodejs\d+\.x") as refused:
        lab["script"].deploy("export const handler = async () => 1;\n")
    assert refused.value.line == 1


def test_requirements_of_a_language_without_them_are_told_whose_there_are_and_its_own_way(lab):
    with pytest.raises(
        BadOption, match=r"pip for Python, with npm .* NuGet .* For Java .*dependency:copy-dependencies"
    ):
        lab["java"].deploy("class A {}", runtime="java21", requirements=["com.google.code.gson:gson"])


def test_a_function_with_none_reserved_is_told_to_be_stopped_by_that(lab):
    lab["stopped"].deploy("def handler(event, context):\n    return 1\n")
    lab.client("lambda").put_function_concurrency(FunctionName="stopped", ReservedConcurrentExecutions=0)
    with pytest.raises(TooManyRequests, match=r"--reserved 0 has none, and is stopped .* --reserved none"):
        lab["stopped"].invoke()
