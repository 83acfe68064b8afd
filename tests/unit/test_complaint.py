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
        (
            b'{"a": "b\n',
            "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in "
            "string value",
            9,
        ),
        ("€".encode(), f"Unexpected character ('€' (code 8364 / 0x20ac)): expected a valid value {VALUE}", 1),
        (b'{"a": 1, }', "Unexpected character ('}' (code 125)): was expecting double-quote to start field name", 10),
        (b"[1, ]", f"Unexpected character (']' (code 93)): expected a valid value {VALUE}", 5),
        (rb'{"p": "C:\Users"}', "Unrecognized character escape 'U' (code 85)", 11),
        (
            rb'{"p": "\u12"}',
            "Unexpected character ('\"' (code 34)): expected a hex-digit for character escape sequence",
            12,
        ),
        (rb'"\u12', "Unexpected end-of-input in character escape sequence", 6),
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


CLOSE = (
    "Unexpected end-of-input: expected close marker for {} (start marker at [Source: REDACTED "
    "(`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {}, column: {}])"
)


@pytest.mark.parametrize(
    ("payload", "words", "place"),
    [
        (b'{"a": 1', CLOSE.format("Object", 1, 1), (1, 8)),
        (b"{", CLOSE.format("Object", 1, 1), (1, 2)),
        (b'{\n "a": [1, 2\n', CLOSE.format("Array", 2, 7), (3, 1)),
        (b"[", CLOSE.format("Array", 1, 1), (1, 2)),
        (b'{"a":', "Unexpected end-of-input within/between Object entries", (1, 6)),
        (b'{"a"', "Unexpected end-of-input within/between Object entries", (1, 5)),
        (b'{"a": 1, ', "Unexpected end-of-input within/between Object entries", (1, 10)),
        (b"[1,", "Unexpected end-of-input within/between Array entries", (1, 4)),
        (b'{"a', "Unexpected end-of-input in field name", (1, 4)),
        (b'{"a": "b', "Unexpected end-of-input in VALUE_STRING", (1, 9)),
        (b'"b', "Unexpected end-of-input in VALUE_STRING", (1, 3)),
        (b" ", "No content to map due to end-of-input", (1, 2)),
    ],
)
def test_a_text_that_ends_too_early_is_told_so_with_what_is_open(payload, words, place):
    with pytest.raises(ValueError) as caught:
        json.loads(payload.decode())
    said, _, where = complaint(caught.value, payload).rpartition("\n at [Source: REDACTED ")
    assert said == words
    assert where.partition("; ")[2].rstrip("]") == "line: {}, column: {}".format(*place)


@pytest.mark.parametrize(
    ("payload", "comma", "of", "place"),
    [('{"a": 1, }', 7, "object", "line: 1, column: 10"), ("[1,\n]", 2, "array", "line: 2, column: 1")],
)
def test_a_comma_too_many_is_told_alike_whatever_python_complains_of(payload, comma, of, place):
    as_of_3_13 = json.JSONDecodeError(f"Illegal trailing comma before end of {of}", payload, comma)
    said = complaint(as_of_3_13, payload.encode())
    assert said.startswith("Unexpected character") and place in said


def test_what_jackson_has_no_known_word_for_keeps_pythons():
    assert told(b"{} {}") == ("Extra data", "line: 1, column: 4")


@pytest.mark.parametrize("end", ['\x01"', "\\x"])
def test_a_long_string_that_goes_wrong_is_read_through_once(end):
    """Read again from each of its quotes, these would take an hour."""
    payload = '"' + '\\"' * 1_000_000 + end
    with pytest.raises(ValueError) as caught:
        json.loads(payload)
    assert complaint(caught.value, payload.encode()).endswith("]")
