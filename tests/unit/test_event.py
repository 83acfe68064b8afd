"""The event of an invocation: where it comes from, and what is said when it is not JSON."""

import pytest

from lambdalab.errors import BadEvent, BadOption
from lambdalab.notebook import event


def build(body=None, source=None, assignments=(), **namespace):
    return event.build(body=body, source=source, assignments=assignments, namespace=namespace, cell="Cell In[4]")


def test_without_anything_the_event_is_an_empty_object():
    assert build() == {}


def test_the_body_of_the_cell_is_the_event():
    assert build('{"name": "Grace", "n": [1, null]}\n') == {"name": "Grace", "n": [1, None]}


def test_an_empty_body_is_no_body():
    assert build("\n", source="order", order={"a": 1}) == {"a": 1}


def test_a_body_that_is_not_json_is_pointed_at_as_the_editor_counts():
    with pytest.raises(BadEvent) as caught:
        build('{"name": "Grace"\n "n": 1}\n')
    said = str(caught.value).splitlines()
    assert "Cell In[4], line 3, column 2" in said[0]
    assert said[1] == '     "n": 1}'
    assert said[2].index("^") == said[1].index('"n"')


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"a": True}', "JSON writes true, not True."),
        ('{"a": [1, False]}', "JSON writes false, not False."),
        ('{"a": None}', "JSON writes null, not None."),
        ('{"a": undefined}', "JSON writes null, not undefined."),
        ("{'a': 1}", "in double quotes, not in single ones"),
        ("{\"a\": 'b'}", "in double quotes, not in single ones"),
        ("{a: 1}", 'JSON writes names in double quotes: "a".'),
        ('{"a": 1, b: 2}', 'JSON writes names in double quotes: "b".'),
        ('{"a": 1,}', "no comma after the last item"),
        ("[1, 2,\n]", "no comma after the last item"),
        ('{"a": 1 // one\n}', "JSON has no comments."),
        ('{"a": Ada}', 'JSON writes text in double quotes: "Ada".'),
        ("[Ada]", 'JSON writes text in double quotes: "Ada".'),
        ('{"a": \u201cb\u201d}', "JSON writes straight double quotes, not \u201c."),
        ('{"a": 1', "A closing } is missing at the end."),
        ('{"a": ["]", {"b": 1}\n', "A closing ]} is missing at the end."),
        ('{"a": 1}\n{"a": 2}', "An event is one JSON value; a list holds several: [..., ...]."),
        ("hello", "A Python variable is the event by its name on the line: --event hello."),
    ],
)
def test_a_value_in_another_languages_way_is_told_how_json_writes_it(body, words):
    with pytest.raises(BadEvent) as caught:
        build(body)
    assert words in str(caught.value).splitlines()[-1]


@pytest.mark.parametrize(
    ("value", "way_out"),
    [
        ("True", """JSON writes true: --set a=true; the text is --set a='"True"'."""),
        ("None", """JSON writes null: --set a=null; the text is --set a='"None"'."""),
        ("1e999", "Python has no numbers of that size"),
    ],
)
def test_pythons_constants_are_no_values_to_set(value, way_out):
    with pytest.raises(BadOption) as caught:
        build("", assignments=[f"a={value}"])
    assert way_out in str(caught.value)


def test_what_is_no_json_is_text_to_set():
    assert build("", assignments=["a=NaN", 'b="True"', "c=Infinity"]) == {"a": "NaN", "b": "True", "c": "Infinity"}


def test_null_is_an_event():
    assert build("null") is None
    assert build("", source="null") is None


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_what_python_alone_reads_as_json_is_refused_by_its_name(name):
    with pytest.raises(BadEvent, match=rf"the event in Cell In\[4\] is not JSON: JSON has no {name};"):
        build(f'{{"a": {name}}}')


@pytest.mark.parametrize("body", ['{"a" 1}', '{"a": 1]', '{"a": ', "hello there"])
def test_what_is_no_other_languages_way_gets_no_guess(body):
    with pytest.raises(BadEvent) as caught:
        build(body)
    assert str(caught.value).splitlines()[-1].strip() == "^"


@pytest.mark.parametrize(
    ("body", "way_out"),
    [
        ("name=Ada", 'An event is JSON: {"name": "Ada"}. On the line: --set name=Ada.'),
        ("name='Ada'", 'An event is JSON: {"name": "Ada"}. On the line: --set name=Ada.'),
        ("\nn = 3\nname = Ada\n", 'An event is JSON: {"n": 3}. On the line: --set n=3.'),
        ("name = Ada L.", 'An event is JSON: {"name": "Ada L."}. On the line: --set name="Ada L.".'),
        ("name=", 'An event is JSON: {"name": "Ada"}. On the line: --set name=Ada.'),
        ('event = {"a": 1}', "An event is JSON alone: leave out `event =`."),
    ],
)
def test_an_assignment_is_told_what_an_event_is(body, way_out):
    with pytest.raises(BadEvent) as caught:
        build(body)
    assert str(caught.value).splitlines()[-1] == way_out


def test_a_variable_is_the_event():
    assert build(source="order", order={"id": 7, "items": (1, 2)}) == {"id": 7, "items": [1, 2]}


def test_a_variable_that_json_cannot_hold_is_refused():
    with pytest.raises(BadEvent, match="the variable order cannot be an event"):
        build(source="order", order={1, 2})


def test_an_unknown_variable_is_refused_with_the_nearest_name():
    with pytest.raises(BadOption, match=r"Did you mean order\?"):
        build(source="oder", order={})


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("[1, 2]", [1, 2]),
        ("{}", {}),
        ('"text"', "text"),
        ('"event.json"', "event.json"),
        ("5", 5),
        ("-1.5e3", -1500.0),
        ("true", True),
        ("null", None),
    ],
)
def test_json_is_the_event(words, value):
    assert build(source=words) == value


def test_a_variable_goes_before_json_of_the_same_name():
    assert build(source="true", true={"a": 1}) == {"a": 1}


@pytest.mark.parametrize("source", ["NaN", "Infinity", "text"])
def test_a_bare_name_is_a_variables_and_is_told_how_json_writes_text(source):
    with pytest.raises(BadOption, match="no Python variable of that name") as caught:
        build(source=source, exit=print, items=[])
    assert f"""JSON writes text in double quotes: --event '"{source}"'.""" in str(caught.value)
    assert "exit" not in str(caught.value)


def test_an_assignment_given_as_the_event_is_told_to_be_set():
    with pytest.raises(BadOption, match=r"On the line: --set name=Ada\."):
        build(source="name=Ada")


def test_json_on_the_line_that_python_does_not_read_is_refused_in_a_sentence():
    for written, why in ((DEEP, "nested deeper"), (LONG, "digits"), (f"[{LONG}]", "digits")):
        with pytest.raises(BadEvent, match=f"--event cannot be read: .*{why}"):
            build(source=written)


def test_a_list_of_a_json_file_is_not_taken_for_its_name():
    assert build(source='["event.json"]') == ["event.json"]


def test_json_that_is_none_is_pointed_at():
    with pytest.raises(BadEvent, match=r"the event is not JSON: .* at --event, column 2") as caught:
        build(source="{'a': 1}")
    assert str(caught.value).endswith("JSON writes text and names in double quotes, not in single ones.")


def test_a_name_in_braces_that_is_no_variables_is_told_so():
    with pytest.raises(BadOption, match=r"--event \{order\}: there is no Python variable order\."):
        build(source="{order}", other={})


def test_a_file_is_the_event(tmp_path):
    path = tmp_path / "event.json"
    path.write_text('{"a": 1}')
    assert build(source=str(path)) == {"a": 1}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadOption, match=r"nothing\.json: the file cannot be read"):
        build(source=str(tmp_path / "nothing.json"))


def test_a_file_that_is_not_json_is_pointed_at(tmp_path):
    path = tmp_path / "event.json"
    path.write_text("{\n  nope\n}")
    with pytest.raises(BadEvent, match=r"event\.json, line 2, column 3"):
        build(source=str(path))


def test_the_event_is_given_once():
    with pytest.raises(BadOption, match="given twice"):
        build("{}", source="order", order={})


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        (["name=Ada"], {"name": "Ada"}),
        (["n=3", "ok=true", "none=null"], {"n": 3, "ok": True, "none": None}),
        (['quoted="3"'], {"quoted": "3"}),
        (["user.name=Ada", "user.age=36"], {"user": {"name": "Ada", "age": 36}}),
        (['user={"name": "Ada"}', "user.name=Grace"], {"user": {"name": "Grace"}}),
        (["list=[1, 2]", "list.1=5", "list.2=6"], {"list": [1, 5, 6]}),
        (["items[0]=5", "items[1]=6", "items[0]=7"], {"items": [7, 6]}),
        (["orders[0].lines[0].id=7"], {"orders": [{"lines": [{"id": 7}]}]}),
        (["grid[0][0]=1", "grid[0][1]=2"], {"grid": [[1, 2]]}),
        (["list=[1, 2]", "list[1]=5"], {"list": [1, 5]}),
        (["equation=a=b"], {"equation": "a=b"}),
        (["empty="], {"empty": ""}),
    ],
)
def test_single_values_are_set_by_their_path(assignments, expected):
    assert build(assignments=assignments) == expected


def test_setting_a_value_leaves_the_variable_alone():
    order = {"id": 7, "to": {"city": "Bern"}}
    assert build(source="order", assignments=["to.city=Basel"], order=order)["to"] == {"city": "Basel"}
    assert order["to"] == {"city": "Bern"}


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("name", "write --set path.to.value=VALUE"),
        ("=1", "write --set"),
        ("a.b=1", "which is not an object"),
        ("l.9=1", "not the index"),
        ("l[9]=1", "not the index"),
        ("a[0]=1", "which is not a list"),
        ("l[x]=1", r"'l\[x\]' is no step of a path"),
        ("l[]=1", r"--set orders\[0\].id=7"),
        ("l[0=1", "is no step"),
        ("l.[0]=1", "is no step"),
    ],
)
def test_a_path_that_cannot_be_set_is_refused(assignment, said):
    with pytest.raises(BadOption, match=said):
        build('{"a": 5, "l": []}', assignments=[assignment])


DEEP = "[" * 200_000 + "]" * 200_000
LONG = "1" * 5000
"""JSON, and beyond the limits of Python's own reader."""


@pytest.mark.parametrize(("written", "why"), [(DEEP, "nested deeper"), (LONG, "more than 4,300 digits")])
def test_json_that_python_does_not_read_is_refused_in_a_sentence(tmp_path, written, why):
    with pytest.raises(BadEvent, match=f"Cell In.4. cannot be read.*{why}"):
        build(f'{{"a": {written}}}')
    file = tmp_path / "event.json"
    file.write_text(written)
    with pytest.raises(BadEvent, match=f"event.json cannot be read.*{why}"):
        build(source=str(file))
    with pytest.raises(BadOption, match=why) as refused:
        build(assignments=[f"a={written}"])
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("assignment", "why"), [(f"a[{LONG}]=1", "digits"), (".".join("a" * 200_000) + "=1", "nested deeper")]
)
def test_a_path_that_python_does_not_follow_is_refused_in_a_sentence(assignment, why):
    with pytest.raises(BadOption, match=why):
        build(assignments=[assignment])


def test_a_variable_that_is_nested_too_deep_is_refused_in_a_sentence():
    deep = []
    for _ in range(200_000):
        deep = [deep]
    with pytest.raises(BadEvent, match=r"the variable deep cannot be an event: .*nested deeper"):
        build(source="deep", deep=deep)


def test_a_variable_with_a_number_that_is_too_long_is_refused():
    with pytest.raises(BadEvent, match="the variable order cannot be an event"):
        build(source="order", order={"n": 10**5000})
