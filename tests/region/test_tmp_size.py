"""The size of /tmp where it is a directory of the machine's: kept by looking, said in words, and empty afterwards."""

import pytest

from lambdalab import Lab

pytestmark = pytest.mark.toolchains
FILES = """
import os, tempfile

def handler(event, context):
    there = os.listdir(tempfile.gettempdir())
    kept = []
    for number in range(event["files"]):
        path = os.path.join(tempfile.gettempdir(), f"{number}-{len(there)}")
        kept.append(open(path, "wb", buffering=0))
        if event["unlink"]:
            os.unlink(path)
        for _ in range(20):
            kept[-1].write(b"x" * (1 << 20))
    return len(there)
"""
ENDED = "/tmp holds more than its 512 MB"


@pytest.fixture(scope="module")
def function():
    with Lab(isolated=True, backend="process") as lab:
        lab["files"].deploy(FILES, runtime="python3.12", memory=1769, timeout=30)
        yield lab["files"]


@pytest.mark.parametrize("unlink", [False, True], ids=["with names", "that are open and unlinked"])
def test_more_files_than_it_has_room_for_end_the_function_in_words(function, unlink):
    result = function.invoke({"files": 60, "unlink": unlink})
    assert ENDED in result.error.message
    assert ENDED in result.log


def test_the_next_environment_begins_with_an_empty_one(function):
    assert not function.invoke({"files": 60, "unlink": False}).ok
    assert function.invoke({"files": 1, "unlink": False}).payload == 0


def test_as_many_as_it_has_room_for_are_kept(function):
    before = function.invoke({"files": 0, "unlink": False}).payload
    assert function.invoke({"files": 20, "unlink": False}).ok
    assert function.invoke({"files": 0, "unlink": False}).payload == before + 20
