"""The card of a failed call: what the runtime wrote of the error is told once, and is whole in the raw log."""

import html
import re
from dataclasses import replace

import pytest
import view_records as records

from lambdalab.notebook.views import invocation, log_lines

MODULE = "Unable to import module 'lambda_function': No module named 'numpy'"
STAMP = f"2026-11-27T19:05:14.105Z\t{records.REQUEST_ID}\t"
WARNED = "[WARNING]\t2026-11-27T19:05:13.634Z\t\tLAMBDA_WARNING: Unhandled exception. The most likely cause is ...\n"
RUBY = 'Init error when loading handler lambda_function.handler\n{\n  "errorMessage": "no \\"x\\"",\n  "errorType": "Init<LoadError>",\n  "stackTrace": [\n    "a.rb:1"\n  ]\n}\n'
REPORTS = [
    (
        "Runtime.ImportModuleError",
        MODULE,
        f"{WARNED}[ERROR] Runtime.ImportModuleError: {MODULE}\nTraceback (most recent call last):\n",
    ),
    (
        "KeyError",
        "'price'",
        "[ERROR] KeyError: 'price'\nTraceback (most recent call last):\n\u00a0\u00a0File \"/var/task/x.py\", line 3, in handler\n\u00a0\u00a0\u00a0\u00a0return event['price']\n",
    ),
    ("ValueError", "two\nlines", "[ERROR] ValueError: two\nlines\nTraceback (most recent call last):\n"),
    (
        "Error",
        'Cannot find "é"\nRequire stack:',
        STAMP
        + 'ERROR\tUncaught Exception \t{"errorType":"Error","errorMessage":"Cannot find \\"é\\"\\nRequire stack:","stack":[]}\n',
    ),
    ("Init<LoadError>", 'no "x"', RUBY),
    (
        "java.lang.IllegalStateException",
        "two\nlines",
        "two\nlines: java.lang.IllegalStateException\njava.lang.IllegalStateException: two\nlines\n\tat F.handleRequest(F.java:2)\n\n",
    ),
    (
        "ArgumentException",
        "two\nlines",
        f"{STAMP}fail\tSystem.ArgumentException: two\nlines\n   at F.Handle(Object o) in /var/task/Function.cs:line 1\n",
    ),
    (
        "KeyError",
        "'price'",
        '{"timestamp": "x", "level": "ERROR", "errorMessage": "\'price\'", "errorType": "KeyError"}\n',
    ),
]


def text_of(call):
    """The card's words in reading order, without its style sheet."""
    markup = re.sub(r"<style>.*?</style>", "", invocation.html(call), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", markup)).split())


@pytest.mark.parametrize(("kind", "message", "report"), REPORTS, ids=[f"{one[0]} {n}" for n, one in enumerate(REPORTS)])
def test_the_runtimes_report_of_an_error_is_told_once_and_kept_in_the_raw_log(kind, message, report):
    log = records.LOG.replace("END", f"{report}after it\nEND")
    failed = replace(records.FAILED_CALL, error=records.Error(kind, message), log=log)
    page = text_of(failed)
    shown, raw = page.partition("Raw log")[::2]
    logged = shown.partition("Logs")[2]
    assert "3 lines from your code; the error is told above" in logged
    assert "greeting Ada" in logged and "it costs $5 and $6" in logged and "after it" in logged
    first = report.splitlines()[0][:60].replace("\t", " ")
    assert " ".join(first.split()) not in " ".join(logged.split()) and " ".join(first.split()) in " ".join(raw.split())


def test_a_line_that_the_handler_had_not_ended_stays_and_the_report_behind_it_goes():
    kind, message, report = "EOFError", "EOF when reading a line", "Traceback (most recent call last):\n  File x\n"
    log = f"START RequestId: 1 Version: $LATEST\nname? [ERROR] {kind}: {message}\n{report}END RequestId: 1\n"
    shown = text_of(replace(records.FAILED_CALL, error=records.Error(kind, message), log=log)).partition("Raw log")[0]
    assert shown.endswith("1 line from your code; the error is told abovename? ")


def test_the_platforms_line_of_a_timeout_is_not_from_the_persons_code():
    timed_out = f"2026-11-28T07:51:47.336Z {records.REQUEST_ID} Task timed out after 3.00 seconds\n"
    log = records.LOG.replace("END", f"{timed_out}\nEND")
    shown = text_of(replace(records.TIMED_OUT, log=log)).partition("Raw log")[0]
    assert "2 lines from your code" in shown and timed_out[:20] not in shown


def test_of_an_init_that_ran_twice_the_lines_of_the_second_run_are_shown():
    run = f"loading\n{WARNED}[ERROR] Runtime.ImportModuleError: {MODULE}\nTraceback (most recent call last):\n"
    ended = "INIT_REPORT Init Duration: 90.36 ms\tPhase: {}\tStatus: error\tError Type: Runtime.ImportModuleError\n"
    log = (
        run
        + ended.format("init")
        + run
        + ended.format("invoke")
        + f"START RequestId: {records.REQUEST_ID} Version: $LATEST\n"
    )
    error = records.Error("Runtime.ImportModuleError", MODULE)
    assert [line.words for line in log_lines.own_lines_but(log, error)] == ["loading"]
    page = text_of(replace(records.FAILED_CALL, error=error, log=log))
    assert page.partition("Raw log")[0].count("Unable to import module") == 1
    assert page.partition("Raw log")[2].count("Unable to import module") >= 1


def test_what_caused_an_error_stays():
    log = "gone: E\nE: gone\n\tat F.go(F.java:2)\nCaused by: java.lang.Error: x\n\tat F.in(F.java:1)\n"
    lines = log_lines.own_lines_but(log, records.Error("E", "gone"))
    assert [line.words for line in lines] == ["Caused by: java.lang.Error: x", "\tat F.in(F.java:1)"]


def test_the_frames_of_javas_libraries_are_counted_and_those_of_the_function_stay():
    cause = "Caused by: com.amazonaws.lambda.thirdparty.E: Cannot deserialize value of type `java.lang.String`"
    foreign = (
        " at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 1]",
        "\tat com.amazonaws.lambda.thirdparty.com.fasterxml.Reader._bind(Reader.java:2131)",
        "\tat java.base/java.util.ArrayList.get(ArrayList.java:1)",
    )
    mine = "\tat shop.Orders.handleRequest(Orders.java:3)"
    lines = [line.words for line in log_lines.own_lines("\n".join([cause, *foreign, mine, foreign[1]]))]
    assert lines == [
        cause,
        "\t(3 lines of Java's and of AWS's client: see the raw log)",
        mine,
        "\t(1 line of Java's and of AWS's client: see the raw log)",
    ]


def test_lines_that_only_speak_of_the_error_stay():
    log = "[ERROR]\t2026-11-27T19:05:14.105Z\tx\tKeyError: 'price'\nKeyError: 'price' again\n"
    lines = log_lines.own_lines_but(log, records.Error("KeyError", "'price'"))
    assert [line.gutter + line.words for line in lines] == [
        "ERROR  KeyError: 'price'",
        "       KeyError: 'price' again",
    ]


def test_an_error_without_frames_has_all_its_text_folded():
    message = "Error: Cannot find module 'left-pad'\nRequire stack:\n- /var/task/index.js"
    failed = replace(records.FAILED_CALL, error=records.Error("Runtime.ImportModuleError", message))
    words = text_of(failed)
    assert "Full text of the error" in words and "- /var/task/index.js" in words.partition("Full text")[2]
