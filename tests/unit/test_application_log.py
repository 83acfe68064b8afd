"""Which lines of its own a function's JSON log leaves out."""

import json

import pytest

from lambdalab.engine.application_log import line_filter
from lambdalab.model.function import CodeReference, FunctionKey, FunctionVersion

WHEN = "2024-11-02T16:51:31.587199Z"
KEY = FunctionKey("123456789012", "us-east-1", "f")


def filter_for(**logging):
    settings = {"LoggingConfig": logging} if logging else {}
    code = CodeReference("00", 1, 1)
    return line_filter(FunctionVersion(KEY, "$LATEST", "role", code, "r", "now", settings=settings))


def keeps(least, line):
    chosen = filter_for(LogFormat="JSON", ApplicationLogLevel=least)
    return chosen is None or chosen(line if isinstance(line, bytes) else json.dumps(line).encode())


@pytest.mark.parametrize(
    "logging",
    [{}, {"LogFormat": "Text"}, {"LogFormat": "JSON"}, {"LogFormat": "JSON", "ApplicationLogLevel": "TRACE"}],
)
def test_a_log_of_text_or_of_every_level_is_not_looked_at(logging):
    assert filter_for(**logging) is None


@pytest.mark.parametrize("least", ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"])
def test_what_lies_below_the_level_is_left_out(least):
    levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]
    kept = [level for level in levels if keeps(least, {"level": level, "timestamp": WHEN})]
    assert kept == levels[levels.index(least) :]


@pytest.mark.parametrize(
    ("least", "level", "kept"),
    [
        ("INFO", "debug", False),
        ("INFO", "Info", True),
        ("WARN", "warning", True),
        ("ERROR", "WARNING", False),
        ("FATAL", "critical", True),
        ("FATAL", "error", False),
    ],
)
def test_levels_may_have_any_capitals_and_be_pythons_words(least, level, kept):
    assert keeps(least, {"msg": "m", "level": level, "timestamp": WHEN}) is kept


@pytest.mark.parametrize(
    "line",
    [
        b"plain",
        b"",
        b'"level" "timestamp"',
        b'{"level": "DEBUG", "timestamp": "2024-11-02T16:51:31Z"',
        b'\xff{"level": "DEBUG", "timestamp": "2024-11-02T16:51:31Z"}',
        b'{"level": "DEBUG", "timestamp": ' + b"[" * 100_000,
        [{"level": "DEBUG", "timestamp": WHEN}],
        {"log": {"level": "DEBUG", "timestamp": WHEN}},
        {"level": "DEBUG"},
        {"timestamp": WHEN},
        {"level": "chatty", "timestamp": WHEN},
        {"level": 10, "timestamp": WHEN},
        {"level": None, "timestamp": WHEN},
        {"level": "DEBUG", "timestamp": 1730566291},
        {"level": "DEBUG", "timestamp": "2024-11-02 16:51:31,587+0000"},
    ],
    ids=lambda line: str(line)[:60],
)
def test_a_line_without_a_level_that_can_be_read_is_kept(line):
    assert keeps("FATAL", line)


@pytest.mark.parametrize("moment", ["2024-11-02T16:51:31Z", "2024-11-02t16:51:31.5z", "2024-11-02 16:51:31+01:00"])
def test_a_timestamp_has_any_of_the_forms_of_rfc_3339(moment):
    assert not keeps("INFO", {"level": "DEBUG", "timestamp": moment})
