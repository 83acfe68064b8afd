"""What a program's end is called, of the environment, of an init and of an invocation."""

import json

import pytest

from lambdalab.engine.program_end import ProgramEnd
from lambdalab.runtimes.backends.base import Exit

CODE, KILLED, MEMORY = Exit("exited", status=3), Exit("signal", signal=9), Exit("out_of_memory")


@pytest.mark.parametrize(
    ("ended", "words", "init", "invocation"),
    [
        (ProgramEnd(None, CODE), "Runtime exited with error: exit status 3", "Runtime.ExitError", "Runtime.ExitError"),
        (ProgramEnd(None, MEMORY), "Runtime exited with error: signal: killed", *["Runtime.OutOfMemory"] * 2),
        (ProgramEnd("spy", CODE), "Extension.Crash, exit status 3", *["Extension.Crash"] * 2),
        (ProgramEnd("spy", Exit("exited", status=0)), "Extension.Crash, exit code 0", *["Extension.Crash"] * 2),
        (ProgramEnd("spy", KILLED), "Extension.Crash, signal: killed", *["Extension.Crash"] * 2),
        (ProgramEnd("spy", CODE, "Extension.Own"), "Extension.Own, exit status 3", *["Extension.Own"] * 2),
        (ProgramEnd(None, CODE, "Extension.Own"), "Extension.Own, Runtime exited with error: exit status 3", *["Extension.Own"] * 2),
    ],
)  # fmt: skip
def test_each_end_has_its_words_and_its_error_type(ended, words, init, invocation):
    assert ended.words == words
    assert ended.init_failure().error_type == init
    assert ended.failure("id-1").error_type == invocation


def test_a_program_that_was_never_executed_is_no_entrypoint():
    ended = ProgramEnd(None, Exit("exited", status=127, refused="fork/exec /no/such: no such file or directory"))
    failed = ended.init_failure()
    assert failed.error_type == "Runtime.InvalidEntrypoint"
    assert failed.message == ended.words == "fork/exec /no/such: no such file or directory"


def test_the_caller_reads_how_it_ended():
    said = json.loads(ProgramEnd("spy", KILLED).failure("id-1").body)
    assert said == {"errorType": "Extension.Crash", "errorMessage": "RequestId: id-1 Error: signal: killed"}


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (Exit("tmp_full", signal=9, limit=512), "signal: killed (/tmp holds more than its 512 MB)"),
        (Exit("too_many_processes", signal=9, limit=1024), "signal: killed (more than 1,024 processes and threads)"),
    ],
)
def test_a_limit_that_aws_has_no_words_for_is_named(end, words):
    assert ProgramEnd(None, end).words == f"Runtime exited with error: {words}"
