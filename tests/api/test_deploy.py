"""Deploying from Python: from a text, a file, a folder, with files and requirements beside it."""

import pytest

from lambdalab.errors import BadOption
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
    lab["needs"].deploy(source, requirements=["greeter"])
    assert lab["needs"].invoke().payload == "1.2.3"


def test_a_script_in_a_custom_runtime_is_deployed_and_compared_like_any_cell(lab):
    text = "#!/bin/sh\nexit 3\n"
    lab["script"].deploy(text, runtime="provided.al2023")
    assert lab["script"].deploy(text, runtime="provided.al2023").changes == ()
    changed = lab["script"].deploy("#!/bin/sh\nexit 4\n", runtime="provided.al2023")
    assert (changed.old_source, changed.new_source) == (text, "#!/bin/sh\nexit 4\n")
    assert "exit status 4" in lab["script"].invoke().error.message


@pytest.mark.parametrize(
    ("runtime", "words"), [("pyton3.12", "Did you mean python3.12"), ("go1.x", "cannot be in that language")]
)
def test_a_runtime_that_takes_no_cell_is_refused(lab, runtime, words):
    with pytest.raises(BadOption, match=words):
        lab["refused"].deploy(SOURCE, runtime=runtime)
