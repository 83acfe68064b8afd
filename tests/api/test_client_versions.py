"""Versions, aliases, settings and concurrency through `lab["name"]`, against a real region."""

import re
from datetime import timedelta

import pytest

from lambdalab.client.cell import CellSource
from lambdalab.errors import AwsError, BadOption, ResourceConflict, ResourceNotFound

pytestmark = pytest.mark.toolchains
RUNTIME = "python3.12"


def returning(value):
    return f"def handler(event, context):\n    if event.get('fail'):\n        raise ValueError\n    return {value!r}\n"


@pytest.fixture
def function(lab, request):
    made = lab[request.node.name[-60:].replace("_", "-")]
    made.deploy(returning("one"), runtime=RUNTIME)
    yield made
    made.delete()


@pytest.fixture
def two(function):
    """A function with two versions."""
    function.publish("first")
    function.deploy(returning("two"), runtime=RUNTIME, memory=256)
    function.publish("second")
    return function


def test_publishing_twice_is_one_version(function):
    first, again = function.publish("first cut"), function.publish("other words")
    assert (first.version, first.new, first.configuration["Description"]) == ("1", True, "first cut")
    assert (again.version, again.new) == ("1", False)


def test_a_published_version_can_be_called_at_once(function):
    assert function.invoke(qualifier=function.publish().version).payload == "one"


def test_an_error_of_a_version_points_at_the_cell_that_it_was_published_from(function):
    failing = "def handler(event, context):\n    return 1 / 0\n"
    for number, source in enumerate([failing, f"# another\n\n{failing}"], 1):
        function.deploy(source, runtime=RUNTIME, cell=CellSource(f"Cell In[{number}]", source, 2))
        function.publish()
    for number, line in ((1, 3), (2, 5)):
        stream = function.stream(qualifier=str(number))
        b"".join(stream)
        for failed in (stream.invocation, function.invoke(qualifier=str(number))):
            assert failed.error.frames[-1].place.startswith(f"Cell In[{number}], line {line}, in handler")


def test_null_is_an_event(function):
    function.deploy("handler = lambda event, context: [event]", runtime=RUNTIME, handler="handler")
    assert [function.invoke(None).payload, function.invoke().payload] == [[None], [{}]]


def test_the_log_of_a_version_is_what_it_wrote(two):
    two.invoke(qualifier="1")
    two.invoke({"fail": True}, qualifier="2")
    two.alias("production", 2)
    whole, first, second = two.logs(), two.logs(qualifier="1"), two.logs(qualifier="production")
    assert {line for line in str(first).splitlines() if line.startswith("START")} < set(str(whole).splitlines())
    assert "ValueError" not in str(first)
    assert len(first) + len(second) == len(whole)
    # AWS's client ends a traceback's lines by carriage returns, which would write them over each other here.
    assert any("\r" in event.message for event in second)
    assert "\r" not in str(second) + two.invoke({"fail": True}).log


def test_a_log_since_before_there_was_time_is_the_whole_log(two):
    two.invoke({})
    assert two.logs(since=timedelta(days=99_999_999)).events == two.logs().events != []


def test_an_alias_is_made_moved_and_taken_back(two):
    made = two.alias("production", 1)
    assert (made.before, made.route.version) == (None, "1")
    canary = two.alias("production", 1, canary={"2": 0.25})
    assert canary.route.shares == (("1", 0.75), ("2", 0.25))
    assert two.rollback("production").route.shares == (("1", 1),)
    two.alias("production", 2)
    assert two.rollback("production").route.version == "1"
    with pytest.raises(BadOption, match="no earlier version"):
        two.rollback("production")


def test_a_description_alone_leaves_a_canary_as_it_is(two):
    two.alias("production", 1, canary={"2": 0.25})
    assert two.alias("production", description="live").route.weights == {"2": 0.25}


def test_a_new_alias_needs_a_version(function):
    with pytest.raises(BadOption, match="name the version that it shall point at"):
        function.alias("production", canary={"1": 0.5})


def test_what_was_observed_through_an_alias_is_told_by_version(two):
    two.alias("production", 1)
    two.invoke({}, qualifier="production")
    two.invoke({"fail": True}, qualifier="production")
    calls = two.versions().calls["production"]
    assert [(call.version, call.ok, call.cold) for call in calls] == [("1", True, True), ("1", False, False)]
    two.alias("production", 2)
    assert two.versions().calls["production"] == ()


def test_two_versions_are_compared_in_code_and_settings(two):
    found = two.versions(("1", "2")).difference
    assert [change.what for change in found.changes] == ["code", "memory", "description"]
    (file,) = found.files
    assert file.path == "lambda_function.py" and "'one'" in file.before and "'two'" in file.now
    assert two.versions(("2", "2")).difference.changes == ()


def test_a_version_is_deleted_unless_an_alias_has_it(two):
    two.alias("production", 1)
    with pytest.raises(ResourceConflict):
        two.delete("1")
    assert two.delete("2") is None
    with pytest.raises(ResourceNotFound):
        two.delete("2")
    assert repr(two.delete("production")).endswith(":production deleted")
    with pytest.raises(ResourceNotFound):
        two.delete("production")


def test_settings_are_changed_one_by_one_and_taken_away(function):
    done = function.configure(memory=512, env={"STAGE": "prod", "LEVEL": "1"})
    assert {change.what for change in done.changes} == {"memory", "STAGE", "LEVEL"}
    assert {change.what for change in function.configure(env_remove=["LEVEL"]).changes} == {"LEVEL"}
    assert function.configure(memory=512).changes == ()
    assert function.settings().configuration["Environment"] == {"Variables": {"STAGE": "prod"}}


@pytest.mark.parametrize("value", ["published", 1, "none"])
def test_snapstart_is_true_or_false_and_another_value_is_named(lab, value):
    with pytest.raises(BadOption, match=rf"^snapstart is {value!r}; it takes True .* or False\.$"):
        lab["no-matter"].configure(snapstart=value)


def test_a_function_is_the_same_by_name_and_by_arn(lab, two):
    for prefix in ("function:", "123456789012:", "arn:aws:lambda:us-east-1:123456789012:function:"):
        same = lab[f"{prefix}{two.name}"]
        assert (same.name, same.invoke().payload, b"".join(same.stream())) == (two.name, "two", b'"two"')
        assert lab[f"{prefix}{two.name}:1"].invoke().payload == "one"
        assert len(same.logs()) == len(two.logs()) > 0
        assert lab[f"{prefix}{two.name}:1"].logs().events == two.logs(qualifier="1").events
        assert same.deploy(returning("two"), runtime=RUNTIME, memory=256).changes == ()
        assert repr(same.versions()).startswith(f"{two.name}: 2 versions")
        assert repr(same.concurrency()).startswith(f"{two.name} concurrency")


def test_the_log_of_another_account_or_region_is_refused(lab, two):
    two.invoke()
    with pytest.raises(ResourceNotFound, match="Functions from 'eu-west-1' are not reachable"):
        lab[f"arn:aws:lambda:eu-west-1:123456789012:function:{two.name}"].logs()
    with pytest.raises(AwsError) as refused:
        lab[f"999999999999:{two.name}"].logs()
    assert refused.value.error_code == "AccessDeniedException"


def test_concurrency_is_reserved_provisioned_and_given_back(two):
    assert two.reserve(5).reserved == 5
    two.alias("production", 1)
    (ready,) = two.provision(2, qualifier="production").provisioned
    assert (ready.qualifier, ready.requested, ready.available, ready.status) == ("production", 2, 2, "READY")
    assert two.provision(None, qualifier="production").provisioned == ()
    assert two.reserve(None).reserved is None


@pytest.mark.parametrize(
    "ask",
    [
        lambda one: one.invoke({}),
        lambda one: one.stream({}),
        lambda one: one.logs(),
        lambda one: one.delete(),
        lambda one: one.publish(),
        lambda one: one.configure(memory=256),
    ],
    ids=["invoke", "stream", "logs", "delete", "publish", "configure"],
)
def test_a_name_that_is_not_there_is_answered_with_the_one_that_was_meant(lab, ask):
    lab["greeting"].deploy(returning("one"), runtime=RUNTIME)
    with pytest.raises(ResourceNotFound, match=r"Function not found: .*:greting.*\. Did you mean greeting\?"):
        ask(lab["greting"])
    with pytest.raises(ResourceNotFound) as missing:
        ask(lab["something-else-altogether"])
    assert str(missing.value).endswith(
        " %lambda list shows the functions there are; a cell that begins with %%lambda something-else-altogether"
        " makes this one."
    )
    assert re.fullmatch(r"Function not found: arn:\S+:something-else-altogether(:\$LATEST)?", missing.value.message)


def hint(call):
    """What stands beside AWS's words, which are not changed."""
    with pytest.raises(AwsError) as refused:
        call()
    assert str(refused.value).startswith(refused.value.message)
    assert refused.value.hint not in refused.value.message
    return refused.value.hint


def test_a_version_of_nothing_published_is_answered_with_the_line_that_publishes(function):
    way = (
        f"{function.name} is there, and has no version 1. Nothing of it is published yet: "
        f"%lambda publish {function.name} makes a version."
    )
    assert hint(lambda: function.alias("live", 1)) == hint(lambda: function.invoke(qualifier="1")) == way
    assert hint(lambda: function.delete("1")) == way


def test_a_version_that_is_not_there_is_answered_with_those_that_are(lab, two):
    two.alias("production", 1)
    way = f"{two.name} is there, and has no version 7. Its versions: 2, 1. Its aliases: production."
    assert hint(lambda: two.invoke(qualifier="7")) == hint(lab[f"{two.name}:7"].invoke) == way
    assert hint(lambda: two.stream(qualifier="7")) == hint(lambda: two.alias("live", 7)) == way


def test_an_alias_that_is_not_there_is_answered_with_those_that_are(two):
    none = f"{two.name} is there, and has no alias prod: it has no aliases. %lambda alias {two.name} prod VERSION makes this one."
    assert hint(lambda: two.invoke(qualifier="prod")) == f"{none} Its versions: 2, 1."
    two.alias("production", 1)
    two.alias("staging", 2)
    way = none.replace(": it has no aliases.", ". Its aliases: production, staging.")
    assert hint(lambda: two.invoke(qualifier="prod")) == f"{way} Its versions: 2, 1."
    assert hint(lambda: two.delete("prod")) == hint(lambda: two.rollback("prod")) == f"{way} Its versions: 2, 1."


def test_only_the_newest_of_many_versions_are_told(function):
    for number in range(10):
        function.configure(description=str(number))
        function.publish()
    assert "Its versions: 10, 9, 8, 7, 6, 5, 4, 3 and 2 more." in hint(lambda: function.invoke(qualifier="99"))


def test_a_layers_version_that_is_not_there_is_answered_with_those_that_are(lab, function):
    for source in ("X = 1\n", "X = 2\n"):
        lab.layer("common").publish_module(source)
    assert hint(lambda: function.configure(layers=["common:3"])) == (
        "There is common:2, common:1. %lambda layer common shows what is in them."
    )
    assert hint(lambda: function.configure(layers=["comon:1"])) == "There is no layer comon. Did you mean common?"
    assert hint(lambda: function.configure(layers=["x:1"])) == "There is no layer x. %lambda layer lists all."


@pytest.mark.parametrize("name", ["my function", "Hello!"])
def test_a_name_that_awss_pattern_refuses_is_answered_with_the_rule(lab, name):
    rule = "A function's name has letters, digits, - and _ only."
    assert hint(lambda: lab[name].deploy(returning("one"), runtime=RUNTIME)) == rule


def test_a_version_that_is_not_there_is_no_other_function(function):
    with pytest.raises(ResourceNotFound) as missing:
        function.invoke(qualifier="77")
    assert "Did you mean" not in str(missing.value)


def test_a_variables_name_that_aws_does_not_take_is_refused_by_name(function):
    with pytest.raises(BadOption, match=r"'A' has a name that AWS does not take.* A_VALUE would do"):
        function.configure(env={"A": "1"})
    with pytest.raises(BadOption, match="'A' has a name"):
        function.deploy(returning("one"), runtime=RUNTIME, env={"A": "1"})


def test_a_function_of_pythons_is_no_source(function):
    def greet(event, context):
        return event

    with pytest.raises(TypeError, match=r"deploy takes the source as text.*inspect\.getsource\(greet\)"):
        function.deploy(greet)
    with pytest.raises(TypeError, match="not bytes"):
        function.deploy(b"x = 1")
