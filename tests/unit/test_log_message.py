"""A pane of a log begins with the person's words: the forms are those that the runtimes wrote, word for word."""

import json

import pytest
import view_records as records
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.notebook.views import log_lines, log_message, logs

ID = records.REQUEST_ID
LINES = {
    "Python": (f"[INFO]\t2026-11-27T20:03:59.295Z\t{ID}\tgreeting Ada", "INFO"),
    "Python before a request": ("[WARNING]\t2026-11-27T20:03:59.295Z\t\tgreeting Ada", "WARNING"),
    "Node.js": (f"2026-11-27T20:03:59.493Z\t{ID}\tINFO\tgreeting Ada", "INFO"),
    "Node.js before a request": ("2026-11-27T20:03:59.493Z\tundefined\tWARN\tgreeting Ada", "WARN"),
    "C#": (f"2026-11-27T20:04:09.036Z\t{ID}\tinfo\tgreeting Ada", "INFO"),
    "C# before a request": ("2026-11-27T20:04:09.036Z\t\tfail\tgreeting Ada", "ERROR"),
    "C# without a level": (f"2026-11-27T20:04:09.036Z\t{ID}\tgreeting Ada", ""),
    "Java": ("[WARN] greeting Ada", "WARN"),
    "Ruby": (f"W, [2026-11-27T20:04:04.053934 #2]  WARN {ID} -- : greeting Ada", "WARN"),
    "Ruby before a request": ("I, [2026-11-27T20:04:04.053934 #2]  INFO  -- : greeting Ada", "INFO"),
    "Python, JSON": (
        f'{{"timestamp": "2026-11-27T20:03:59Z", "level": "INFO", "message": "greeting Ada", "requestId": "{ID}"}}',
        "INFO",
    ),
    "Node.js, JSON": (
        f'{{"timestamp":"2026-11-27T20:03:59.638Z","level":"WARN","requestId":"{ID}","message":"greeting Ada"}}',
        "WARN",
    ),
    "Java, JSON": (
        f'{{"timestamp":"2026-11-27T20:04:03.935Z","message":"greeting Ada\\n","level":"UNDEFINED","AWSRequestId":"{ID}"}}',
        "",
    ),
    "Ruby, JSON": (
        f'{{"timestamp":"2026-11-27T20:04:04.08Z","level":"INFO","message":"greeting Ada","requestId":"{ID}"}}',
        "INFO",
    ),
    "C#, JSON": (
        f'{{"timestamp":"2026-11-27T20:04:09.275Z","level":"Warning","requestId":"{ID}","traceId":"Root=1-6b09e239",'
        '"message":"greeting Ada"}',
        "WARN",
    ),
    "a print": ("greeting Ada", ""),
}


@pytest.mark.parametrize(("line", "level"), LINES.values(), ids=LINES)
def test_a_line_of_any_language_begins_with_the_persons_words(line, level):
    assert log_message.read(line) == log_message.Message(("greeting Ada",), level, said=line.startswith("[WARN] "))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            f'{{"timestamp": "2026-11-27T20:03:59Z", "level": "WARNING", "message": "low", "logger": "shop", "left": 3, "requestId": "{ID}"}}',
            ("low  logger=shop  left=3",),
        ),
        (
            '{"timestamp": "x", "level": "ERROR", "message": "sum", "stackTrace": ["  File \\"a.py\\"\\n    1/0\\n"], "errorType": "E"}',
            ("sum  errorType=E", '  File "a.py"', "    1/0"),
        ),
        ('{"timestamp":"x","level":"INFO","message":{"a":1}}', ('{"a": 1}',)),
        ('{"timestamp":"x","level":"INFO","message":"two\\nlines"}', ("two", "lines")),
        (f"I, [2026-11-27T20:04:04.05 #2]  INFO {ID} -- shop: with a name", ("shop: with a name",)),
    ],
)
def test_what_the_person_added_to_a_message_follows_it(line, said):
    assert log_message.read(line).lines == said


@pytest.mark.parametrize(
    "line",
    [
        '{"timestamp": "x", "level": "INFO", "mess',
        '{"timestamp": 1, "level": 2, "message": 3}',
        "[x] y",
        "{}",
        "2026-11-27",
    ],
)
def test_a_line_in_no_runtimes_form_stands_as_it_is(line):
    assert log_message.read(line) == log_message.Message((line,))


@given(st.text())
def test_whatever_a_function_writes_has_a_message(words):
    assert log_message.read(words).lines
    assert log_message.read(json.dumps({"timestamp": "x", "level": words, "message": words})).lines


def shown(*lines):
    return [line.gutter + line.words for line in log_lines.own_lines("\n".join(lines))]


def test_levels_stand_in_a_column_only_where_one_is_not_info():
    plain, warned = LINES["Node.js"][0], LINES["Node.js before a request"][0]
    assert shown(plain, "printed") == ["greeting Ada", "printed"]
    assert shown(plain, "printed", warned) == ["INFO  greeting Ada", "      printed", "WARN  greeting Ada"]


def test_a_level_that_the_person_may_have_written_is_always_shown():
    assert shown("[INFO] mine") == ["INFO  mine"]


def test_the_platforms_lines_of_a_json_log_are_not_the_functions():
    record = '{"requestId":"x","status":"success","metrics":{"durationMs":2.48}}'
    assert shown(f'{{"time":"2026-11-27T20:03:59.361Z","type":"platform.report","record":{record}}}', "mine") == [
        "mine"
    ]


def test_the_log_of_a_function_has_times_levels_and_messages_in_columns():
    event = records.LOGS.events[1]
    page = logs.html(
        records.Logs("hello", (event, records.Event(event.time, LINES["C# before a request"][0] + "\rat F")))
    )
    text = page.partition("</style>")[2].replace('<span class="gu">', "").replace("</span>", "")
    assert "07:02:11.318  INFO   greeting Ada" in text
    assert "07:02:11.318  ERROR  greeting Ada" in text
    assert f"{' ' * 21}at F" in text
