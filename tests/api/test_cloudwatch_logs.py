"""CloudWatch Logs is one service to a client: functions' groups and all others, by the same calls."""

import json
import re
import time

import pytest
from botocore.config import Config

from tests.api.conftest import refusal, zipped

SAYING = zipped({"app.py": "def handler(event, context):\n    print(event['say'])\n"})
DAY = 86_400_000


@pytest.fixture
def logs(lab):
    return lab.client("logs", config=Config(retries={"max_attempts": 0}))


@pytest.fixture
def said(make, lab):
    """A function that said one, two and three; the answer is its group and its stream."""

    def say(*words, **more):
        name = make(SAYING, **more)
        for word in words:
            lab[name].invoke({"say": word})
        return more.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{name}")

    return say


def names(found):
    return [group["logGroupName"] for group in found]


def messages(answer):
    return [event["message"] for event in answer["events"]]


def printed(answer):
    return [m for m in messages(answer) if not m.startswith(("INIT_START", "START", "END", "REPORT"))]


def stream_of(logs, group):
    (found,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
    return found


def test_groups_of_functions_and_of_others_are_listed_together_page_by_page(logs, said):
    ours = [said("x", FunctionName=f"listed-{letter}") for letter in "ac"]
    others = [f"/aws/lambda-like/{n}" for n in range(3)] + ["/listed/b", "zz-listed"]
    for name in others:
        logs.create_log_group(logGroupName=name)
    pages = list(logs.get_paginator("describe_log_groups").paginate(PaginationConfig={"PageSize": 2}))
    found = [name for page in pages for name in names(page["logGroups"])]
    assert all(len(page["logGroups"]) == 2 for page in pages[:-1])
    assert found == sorted(found)
    assert set(ours) | set(others) <= set(found)
    assert len(found) == len(set(found))
    assert names(logs.describe_log_groups(logGroupNamePrefix="/aws/lambda-like/")["logGroups"]) == others[:3]
    assert names(logs.describe_log_groups(logGroupNamePattern="listed-")["logGroups"]) == ours
    by_arn = logs.describe_log_groups(logGroupIdentifiers=[f"arn:aws:logs:us-east-1:123456789012:log-group:{ours[0]}"])
    assert names(by_arn["logGroups"]) == ours[:1]


def test_a_functions_group_is_described_as_awss_are(logs, said):
    before = int(time.time() * 1000)
    group = said("x")
    (found,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{group}"
    assert before <= found.pop("creationTime") <= int(time.time() * 1000)
    assert found.pop("storedBytes") > 100
    assert found == {
        "logGroupName": group, "arn": f"{arn}:*", "logGroupArn": arn, "metricFilterCount": 0, "logGroupClass": "STANDARD",
    }  # fmt: skip


def test_other_groups_are_whole_groups(logs):
    logs.create_log_group(logGroupName="/mine")
    logs.create_log_stream(logGroupName="/mine", logStreamName="s")
    now = int(time.time() * 1000)
    logs.put_log_events(logGroupName="/mine", logStreamName="s", logEvents=[{"timestamp": now, "message": "of my own"}])
    assert messages(logs.filter_log_events(logGroupName="/mine")) == ["of my own"]
    assert messages(logs.get_log_events(logGroupName="/mine", logStreamName="s")) == ["of my own"]
    logs.put_retention_policy(logGroupName="/mine", retentionInDays=7)
    (found,) = logs.describe_log_groups(logGroupNamePrefix="/mine")["logGroups"]
    assert found["retentionInDays"] == 7
    assert refusal(logs.create_log_group, logGroupName="/mine")[1] == "ResourceAlreadyExistsException"
    logs.delete_log_group(logGroupName="/mine")
    assert refusal(logs.filter_log_events, logGroupName="/mine")[1] == "ResourceNotFoundException"


def test_a_stream_of_a_function_is_described_with_its_times(logs, said, lab):
    group = said("one", "two")
    stream = stream_of(logs, group)
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream["logStreamName"])
    events = logs.filter_log_events(logGroupName=group)["events"]
    assert stream["firstEventTimestamp"] == events[0]["timestamp"]
    assert stream["lastEventTimestamp"] == events[-1]["timestamp"] == stream["lastIngestionTime"]
    assert stream["arn"].endswith(f":log-group:{group}:log-stream:{stream['logStreamName']}")


def test_streams_come_by_name_or_by_their_last_event_page_by_page(logs, said):
    group = said("x", FunctionName="many-streams")
    made = [f"client/{n}" for n in range(5)] + ["client/ü 6"]
    now = int(time.time() * 1000)
    for place, name in enumerate(made):
        logs.create_log_stream(logGroupName=group, logStreamName=name)
        event = {"timestamp": now - 1000 * place, "message": name}
        logs.put_log_events(logGroupName=group, logStreamName=name, logEvents=[event])

    def listed(**how):
        pages = logs.get_paginator("describe_log_streams").paginate(
            logGroupName=group, PaginationConfig={"PageSize": 2}, **how
        )
        return [s["logStreamName"] for page in pages for s in page["logStreams"] if s["logStreamName"] in made]

    assert listed() == listed(logStreamNamePrefix="client/") == made
    assert listed(descending=True) == made[::-1]
    assert listed(orderBy="LastEventTime", descending=True) == made
    refused = refusal(
        logs.describe_log_streams, logGroupName=group, orderBy="LastEventTime", logStreamNamePrefix="client"
    )
    assert refused[1:] == (
        "InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.",
    )  # fmt: skip
    mixed = logs.filter_log_events(logGroupName=group, logStreamNamePrefix="client/")["events"]
    assert [event["logStreamName"] for event in mixed] == made[::-1], "interleaved by their times"
    only = logs.filter_log_events(logGroupName=group, logStreamNames=[made[1], made[3]])
    assert messages(only) == [made[3], made[1]]


def test_a_stream_is_read_from_its_end_and_back_and_forth(logs, said, lab):
    words = [f"word-{n}" for n in range(6)]
    group = said(*words)
    at = {"logGroupName": group, "logStreamName": stream_of(logs, group)["logStreamName"]}
    whole = messages(logs.get_log_events(**at, startFromHead=True))
    assert [word for word in whole if word in words] == words
    newest = logs.get_log_events(**at, limit=4)
    assert messages(newest) == whole[-4:]
    before = logs.get_log_events(**at, limit=4, nextToken=newest["nextBackwardToken"])
    assert messages(before) == whole[-8:-4]
    again = logs.get_log_events(**at, limit=4, nextToken=before["nextForwardToken"], startFromHead=True)
    assert messages(again) == whole[-4:]
    end = logs.get_log_events(**at, nextToken=again["nextForwardToken"], startFromHead=True)
    assert (messages(end), end["nextForwardToken"]) == ([], again["nextForwardToken"]), "the end: the same token"
    assert messages(logs.get_log_events(**at, nextToken=end["nextBackwardToken"], limit=2)) == whole[-2:]
    start = logs.get_log_events(**at, limit=2, startFromHead=True)
    nothing = logs.get_log_events(**at, nextToken=start["nextBackwardToken"])
    assert (messages(nothing), nothing["nextBackwardToken"]) == ([], start["nextBackwardToken"])
    assert messages(logs.get_log_events(**at, nextToken=nothing["nextForwardToken"], limit=1)) == whole[:1]
    lab[group.rpartition("/")[2]].invoke({"say": "later"})
    assert "later" in messages(logs.get_log_events(**at, nextToken=end["nextForwardToken"], startFromHead=True))
    assert refusal(logs.get_log_events, **at, nextToken="f/1/s")[1] == "InvalidParameterException"


def test_the_end_time_of_a_stream_is_not_of_it_and_that_of_a_search_is(logs, said):
    group = said("x")
    stream = stream_of(logs, group)["logStreamName"]
    now = int(time.time() * 1000)
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[{"timestamp": now, "message": "edge"}])
    search = logs.filter_log_events(logGroupName=group, startTime=now, endTime=now)
    assert "edge" in messages(search)
    read = logs.get_log_events(logGroupName=group, logStreamName=stream, startTime=now, endTime=now)
    assert messages(read) == []


def test_a_search_goes_on_where_its_page_ended(logs, said):
    words = [f"word-{n}" for n in range(7)]
    group = said(*words)
    pages = list(
        logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, filterPattern="word", PaginationConfig={"PageSize": 3}
        )
    )
    assert [len(page["events"]) for page in pages] == [3, 3, 1]
    assert [message for page in pages for message in messages(page)] == words
    ids = [event["eventId"] for page in pages for event in page["events"]]
    assert ids == sorted(set(ids))


def test_a_page_of_events_is_a_megabyte_at_most(logs, said):
    group = said("x")
    stream, now = stream_of(logs, group)["logStreamName"], int(time.time() * 1000)
    for _ in range(3):
        event = {"timestamp": now, "message": "y" * 700_000}
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])
    page = logs.filter_log_events(logGroupName=group, filterPattern="yyy")
    assert len(page["events"]) == 1
    assert page["nextToken"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("red", ["red apple", "red pear"]),
        ("red pear", ["red pear"]),
        ('"red apple"', ["red apple"]),
        ("?apple ?plum", ["red apple", "blue plum"]),
        ("red -pear", ["red apple"]),
    ],
)
def test_patterns_of_words(logs, said, pattern, found):
    group = said("red apple", "red pear", "blue plum")
    assert printed(logs.filter_log_events(logGroupName=group, filterPattern=pattern)) == found


def test_what_is_older_than_its_retention_is_gone(logs, said):
    group = said("young")
    stream, now = stream_of(logs, group)["logStreamName"], int(time.time() * 1000)
    old = {"timestamp": now - 3 * DAY, "message": "old"}
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[old])
    assert "old" in messages(logs.filter_log_events(logGroupName=group))
    assert stream_of(logs, group)["firstEventTimestamp"] == old["timestamp"]
    logs.put_retention_policy(logGroupName=group, retentionInDays=1)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 1
    refused = logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[old])
    assert refused["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    logs.delete_retention_policy(logGroupName=group)
    assert "retentionInDays" not in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
    assert printed(logs.filter_log_events(logGroupName=group)) == ["young"], "what was dropped does not come back"
    _, code, message = refusal(logs.put_retention_policy, logGroupName=group, retentionInDays=2)
    assert (code, message[:87]) == (
        "InvalidParameterException",
        "1 validation error detected: Value '2' at 'retentionInDays' failed to satisfy constrain",
    )


def test_a_deleted_group_is_made_again_by_the_next_call(logs, said, lab):
    group = said("before")
    logs.delete_log_group(logGroupName=group)
    assert refusal(logs.describe_log_streams, logGroupName=group) == (
        400, "ResourceNotFoundException", "The specified log group does not exist.",
    )  # fmt: skip
    assert refusal(logs.delete_log_group, logGroupName=group)[1] == "ResourceNotFoundException"
    assert group not in names(logs.describe_log_groups()["logGroups"])
    lab[group.rpartition("/")[2]].invoke({"say": "after"})
    assert printed(logs.filter_log_events(logGroupName=group)) == ["after"]


def test_a_deleted_stream_takes_its_events_with_it(logs, said):
    group = said("x")
    stream = stream_of(logs, group)["logStreamName"]
    logs.create_log_stream(logGroupName=group, logStreamName="kept")
    logs.put_log_events(
        logGroupName=group, logStreamName="kept", logEvents=[{"timestamp": int(time.time() * 1000), "message": "kept"}]
    )
    logs.delete_log_stream(logGroupName=group, logStreamName=stream)
    assert messages(logs.filter_log_events(logGroupName=group)) == ["kept"]
    assert refusal(logs.get_log_events, logGroupName=group, logStreamName=stream) == (
        400, "ResourceNotFoundException", "The specified log stream does not exist.",
    )  # fmt: skip


def test_a_group_can_be_made_with_its_tags_before_the_function_first_writes(logs, make, lab):
    group = "/aws/lambda/made-before"
    logs.create_log_group(logGroupName=group, tags={"team": "blue"})
    logs.put_retention_policy(logGroupName=group, retentionInDays=14)
    assert refusal(logs.create_log_group, logGroupName=group)[1:] == (
        "ResourceAlreadyExistsException", "The specified log group already exists",
    )  # fmt: skip
    lab[make(SAYING, FunctionName="made-before")].invoke({"say": "hello"})
    (found,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert found["retentionInDays"] == 14
    assert printed(logs.filter_log_events(logGroupName=group)) == ["hello"]
    logs.tag_resource(resourceArn=found["logGroupArn"], tags={"a": "b"})
    logs.untag_log_group(logGroupName=group, tags=["team"])
    assert logs.list_tags_for_resource(resourceArn=found["logGroupArn"])["tags"] == {"a": "b"}
    assert logs.list_tags_log_group(logGroupName=group)["tags"] == {"a": "b"}


def test_a_group_made_before_a_function_names_it_keeps_its_retention(logs, said):
    logs.create_log_group(logGroupName="/team/app", tags={"team": "blue"})
    logs.put_retention_policy(logGroupName="/team/app", retentionInDays=30)
    group = said("hello", LoggingConfig={"LogGroup": "/team/app"})
    (found,) = logs.describe_log_groups(logGroupNamePrefix="/team/app")["logGroups"]
    assert found["retentionInDays"] == 30
    assert logs.list_tags_log_group(logGroupName=group)["tags"] == {"team": "blue"}
    assert printed(logs.filter_log_events(logGroupName=group)) == ["hello"]
    logs.delete_log_group(logGroupName=group)
    assert names(logs.describe_log_groups(logGroupNamePrefix="/team/app")["logGroups"]) == []


def test_a_group_that_cloudformation_made_for_a_function_is_the_functions(logs, said, lab):
    group = {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {"LogGroupName": "/aws/lambda/in-stack", "RetentionInDays": 5},
    }
    stacks = lab.client("cloudformation")
    stacks.create_stack(StackName="logs", TemplateBody=json.dumps({"Resources": {"Group": group}}))
    stacks.get_waiter("stack_create_complete").wait(StackName="logs", WaiterConfig={"Delay": 1})
    assert logs.describe_log_streams(logGroupName="/aws/lambda/in-stack")["logStreams"] == []
    name = said("hello", FunctionName="in-stack")
    (found,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert found["retentionInDays"] == 5
    assert printed(logs.filter_log_events(logGroupName=name)) == ["hello"]


def test_a_group_with_the_longest_name_keeps_its_events(logs, said):
    group = said("hello", LoggingConfig={"LogGroup": "/team/" + "x/" * 250 + "end"})
    assert printed(logs.filter_log_events(logGroupName=group)) == ["hello"]
    assert group in names(logs.describe_log_groups(logGroupNamePrefix="/team/x")["logGroups"])


def test_puts_that_aws_refuses_are_refused(logs, said):
    group = said("x")
    stream, now = stream_of(logs, group)["logStreamName"], int(time.time() * 1000)

    def put(*times):
        return {
            "logGroupName": group, "logStreamName": stream,
            "logEvents": [{"timestamp": at, "message": "m"} for at in times],
        }  # fmt: skip

    assert refusal(logs.put_log_events, **put(now, now - 1))[2] == (
        "Log events in a single PutLogEvents request must be in chronological order."
    )
    assert "cannot span more than 24 hours" in refusal(logs.put_log_events, **put(now - 2 * DAY, now))[2]
    info = logs.put_log_events(**put(now - 15 * DAY))["rejectedLogEventsInfo"]
    assert info == {"tooOldLogEventEndIndex": 1}
    info = logs.put_log_events(**put(now, now + 3 * 3_600_000))["rejectedLogEventsInfo"]
    assert info == {"tooNewLogEventStartIndex": 1}


def test_what_a_functions_group_does_not_have_is_refused_by_name_and_other_groups_have_it(logs, said):
    group = said("x")
    logs.create_log_group(logGroupName="/filtered")
    metric = [{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}]
    put = {"filterName": "f", "filterPattern": "ERROR", "metricTransformations": metric}
    _, code, message = refusal(logs.put_metric_filter, logGroupName=group, **put)
    assert (code, "PutMetricFilter is not offered" in message) == ("NotImplementedException", True)
    logs.put_metric_filter(logGroupName="/filtered", **put)
    assert len(logs.describe_metric_filters(logGroupName="/filtered")["metricFilters"]) == 1
    assert logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"] == []
    _, code, message = refusal(logs.filter_log_events, logGroupName="no group")
    assert code == "InvalidParameterException", "the code that this service has for a broken constraint"


def test_what_a_follower_asks_gives_it_each_event_once(logs, said, lab):
    """The requests of `aws logs tail --follow`: all pages from a time on, then again from the last event's time."""
    group, seen, start = said("one"), {}, 0

    def look():
        nonlocal start
        query = {"logGroupIdentifier": group, "startTime": start, "interleaved": True}
        for page in logs.get_paginator("filter_log_events").paginate(**query, PaginationConfig={"PageSize": 3}):
            for event in page["events"]:
                seen.setdefault(event["eventId"], event["message"])
                start = event["timestamp"]

    look()
    lab[group.rpartition("/")[2]].invoke({"say": "two"})
    look()
    shown = [message for message in seen.values() if message in {"one", "two"}]
    assert shown == ["one", "two"]
    assert len(seen) == len(logs.filter_log_events(logGroupName=group)["events"]), json.dumps(seen)
