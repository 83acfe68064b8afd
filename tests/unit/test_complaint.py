"""What is wrong with an event that is not JSON: Jackson's words where they are known, and always the place."""

import json

import pytest

from lambdalab.api.complaint import complaint, no_constant

VALUE = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


def told(payload):
    with pytest.raises(ValueError) as caught:
        json.loads(payload.decode(), parse_constant=no_constant)
    words, _, place = complaint(caught.value, payload).partition("\n at [Source: REDACTED ")
    return words, place.partition("; ")[2].rstrip("]")


@pytest.mark.parametrize(
    ("payload", "words", "column"),
    [
        (b"file://event.json", f"Unrecognized token 'file': was expecting {VALUE}", 1),
        (b"{'a': 1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name", 2),
        (b'{"a": }', f"Unexpected character ('}}' (code 125)): expected a valid value {VALUE}", 7),
        (b"0D", "Unexpected character ('D' (code 68)): Expected space separating root-level values", 2),
        (b'{"a" 1}', "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value", 6),
        (
            b'{"[": 1 "b": 2}',
            "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries",
            9,
        ),
        (b'{"a": [1 2]}', "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries", 10),
        (
            b'"a\nb"',
            "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in "
            "string value",
            3,
        ),
        ("€".encode(), f"Unexpected character ('€' (code 8364 / 0x20ac)): expected a valid value {VALUE}", 1),
        (b"\x7f", f"Unexpected character ((CTRL-CHAR, code 127)): expected a valid value {VALUE}", 1),
    ],
)
def test_the_usual_mistakes_are_told_in_the_words_of_lambdas_parser(payload, words, column):
    assert told(payload) == (words, f"line: 1, column: {column}")


@pytest.mark.parametrize(
    ("payload", "name", "place"),
    [
        (b"NaN", "NaN", "line: 1, column: 1"),
        (b'{"a": NaN}', "NaN", "line: 1, column: 7"),
        (b'{"NaN": "a \\" NaN",\n "b": -Infinity}', "-Infinity", "line: 2, column: 7"),
    ],
)
def test_what_is_no_number_is_told_with_its_place(payload, name, place):
    words, where = told(payload)
    assert words.startswith(f"Non-standard token '{name}'")
    assert where == place


def test_a_byte_that_is_no_utf8_is_told_with_its_place():
    assert told(b'{"a":\n "\x87"}') == ("Invalid UTF-8 start byte 0x87", "line: 2, column: 3")


def test_what_jackson_has_no_known_word_for_keeps_pythons():
    assert told(b'{"a": 1') == ("Expecting ',' delimiter", "line: 1, column: 8")
