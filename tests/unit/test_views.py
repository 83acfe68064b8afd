"""What the displays say, and that they are readable everywhere: plain, escaped, small, without outside help."""

import json
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from importlib.resources import files

import pytest
import view_records as records
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.client.versions import AliasChange, AliasRoute, FileChange, VersionDifference, Versions
from lambdalab.model import runtime
from lambdalab.notebook.actions.functions import Deleted
from lambdalab.notebook.commands import COMMANDS
from lambdalab.notebook.hints import Raised, hint
from lambdalab.notebook.views import (
    blocks,
    concurrency,
    css,
    deleted,
    doctor,
    figures,
    function_card,
    function_list,
    help,
    invocation,
    layers,
    log_lines,
    logs,
    observed,
    settings,
    versions,
)
from lambdalab.notebook.views.html import with_code
from lambdalab.runtimes import catalogue

CLOSED = "user namespaces are closed"
NO_RUNTIME = {**records.DOCTOR, "runtimes": records.DOCTOR["runtimes"][1:], "problems": [CLOSED], "notes": [CLOSED]}
DISPLAYS = {
    "cold": invocation.html(records.COLD_CALL),
    "restored": invocation.html(records.RESTORED_CALL),
    "streamed": invocation.html(records.STREAMED_CALL),
    "warm": invocation.html(records.WARM_CALL),
    "failed": invocation.html(records.FAILED_CALL),
    "timed out": invocation.html(records.TIMED_OUT),
    "out of memory": invocation.html(records.OUT_OF_MEMORY),
    "exited": invocation.html(records.EXITED),
    "crashed": invocation.html(records.CRASHED),
    "too large": invocation.html(records.TOO_LARGE),
    "elsewhere": invocation.html(records.ELSEWHERE),
    "created": function_card.html(records.CREATED),
    "unchanged": function_card.html(records.UNCHANGED),
    "changed": function_card.html(records.CHANGED),
    "list": function_list.html([records.CONFIGURATION] * 50),
    "empty list": function_list.html([]),
    "logs": logs.html(records.LOGS),
    "no logs": logs.html(records.Logs("hello", ())),
    "doctor": doctor.html(records.DOCTOR),
    "doctor without runtimes": doctor.html(NO_RUNTIME),
    "versions": versions.html(records.VERSIONS),
    "no versions": versions.html(records.NO_VERSIONS),
    "many versions": versions.html(records.MANY_VERSIONS),
    "alias canary": versions.alias_html(records.CANARY),
    "alias created": versions.alias_html(replace(records.CANARY, before=None)),
    "alias unchanged": versions.alias_html(replace(records.CANARY, before=records.CANARY.route)),
    "alias deleted": versions.alias_html(replace(records.CANARY, route=None)),
    "published": versions.publication_html(records.PUBLISHED),
    "not published": versions.publication_html(records.NOT_PUBLISHED),
    "layer published": layers.publication_html(records.LAYER_PUBLISHED),
    "layer not published": layers.publication_html(replace(records.LAYER_PUBLISHED, new=False)),
    "layer of many": layers.publication_html(
        replace(records.LAYER_PUBLISHED, contents=tuple(f"package-{place} 1.{place}" for place in range(400)))
    ),
    "layer": layers.versions_html(records.LAYER),
    "long layer": layers.versions_html(replace(records.LAYER, versions=records.LAYER.versions * 40)),
    "no layer": layers.versions_html(replace(records.LAYER, versions=())),
    "layers": layers.list_html(records.LAYERS * 30),
    "no layers": layers.list_html(()),
    "settings": settings.html(records.SETTINGS),
    "concurrency": concurrency.html(records.CONCURRENCY),
    "concurrency shared": concurrency.html(records.SHARED),
    "concurrency stopped": concurrency.html(replace(records.SHARED, reserved=0)),
    "deleted": deleted.html(Deleted("hello")),
    "version deleted": deleted.html(Deleted("hello", "1")),
    "help": help.html(help.Help()),
    **{f"help {name}": help.html(help.Help(command)) for name, command in COMMANDS.items()},
}
every_display = pytest.mark.parametrize("shown", DISPLAYS.values(), ids=DISPLAYS)


class Page(HTMLParser):
    """The elements, attributes and text of a display, with the style sheet and pictures stripped as GitHub does."""

    VOID = frozenset({"br", "wbr"})
    STRIPPED = frozenset({"style", "svg"})

    def __init__(self, markup):
        super().__init__()
        self.elements, self.words, self.open = [], [], []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.STRIPPED & set(self.open):
            self.words.append(data)

    @property
    def text(self):
        return "".join(self.words).replace("\u00a0", " ")

    def attributes(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def text_of(name):
    return Page(DISPLAYS[name]).text


# -- every display


@every_display
def test_a_display_is_well_formed_and_one_kind_of_card(shown):
    page = Page(shown)
    assert page.open == []
    assert all(attrs["class"].split()[0] == "ll1" and attrs["aria-label"] for attrs in page.attributes("section"))


@every_display
def test_mathjax_leaves_a_display_alone(shown):
    for attrs in Page(shown).attributes("section"):
        assert {"mathjax_ignore", "tex2jax_ignore"} <= set(attrs["class"].split())


@every_display
def test_a_display_has_no_script_no_id_no_heading_and_nothing_from_outside(shown):
    page = Page(shown)
    assert not {tag for tag, _ in page.elements} & {"script", "iframe", "img", "link", "h1", "h2", "h3", "h4", "a"}
    names = {name for _, attrs in page.elements for name in attrs}
    assert not {name for name in names if name == "id" or name.startswith("on")} | (names & {"src", "href"})
    assert "url(" not in shown and "@import" not in shown


@every_display
def test_a_display_is_at_most_20_kb(shown):
    assert len(shown.encode()) <= 20_000


@every_display
def test_tables_have_captions_and_headers_with_a_scope(shown):
    page = Page(shown)
    tags = [tag for tag, _ in page.elements]
    assert tags.count("caption") == tags.count("table")
    assert all(attrs.get("scope") in ("row", "col") for attrs in page.attributes("th"))


@every_display
def test_pictures_have_words_and_icons_are_hidden(shown):
    page = Page(shown)
    for attrs in page.attributes("svg"):
        assert attrs.get("aria-hidden") == "true" or (attrs["role"], bool(attrs["aria-label"])) == ("img", True)
    assert all(attrs.get("aria-label") for _, attrs in page.elements if attrs.get("role") == "img")


@every_display
def test_a_display_brings_no_colour_of_its_own(shown):
    body = shown.partition("</style>")[2]
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b", "".join(re.findall(r'style="[^"]*"', body)))


def test_the_style_sheet_has_hex_colours_only_as_last_resort():
    sheet = css.stylesheet()
    assert len(sheet.encode()) <= 8_000
    outside = re.sub(r"var\([^()]*(\([^()]*\))?[^()]*#[0-9a-f]{3,6}\)+", "", sheet)
    assert set(re.findall(r"#[0-9a-fA-F]{3,8}\b", outside)) <= {"#4f7fe0", "#0f9d8a", "#8a8f98", "#fff"}


def test_minifying_keeps_the_rules():
    assert css.minified("/* why */ .a , .b {\n  color : red ;\n  margin: 0 1px;\n}") == ".a,.b{color :red;margin:0 1px}"
    assert files("lambdalab.notebook.views").joinpath("ll.css").is_file()


# -- invocations


def test_a_cold_call_shows_its_figures_its_reason_and_its_cost():
    words = text_of("cold")
    assert "Duration 22 ms" in words and "Billed 156 ms init + duration" in words
    assert "Cold init 134 ms" in words and "58 of 256 MB, 23 %" in words
    assert "Cold because no environment had been started for this code." in words
    assert "$0.85 per million calls" in words and "when warm" in words
    assert "Queue 1.4 ms" in words and "total 157 ms" in words


def test_a_restored_call_shows_its_restore_what_is_not_as_on_aws_and_what_a_snapshot_costs():
    words = text_of("restored")
    assert "Restored restore 53 ms" in words and "Billed 75 ms restore + duration" in words
    assert "Restore 53 ms" in words and "Init " not in words.partition("Raw log")[0]
    assert "SnapStart: a snapshot of the version was restored. Here each restored environment had an init" in words
    assert "Restore of the snapshot$34.95" in words
    assert "Keeping the version's snapshot costs another $0.97 in thirty days" in words


def test_a_streamed_call_shows_what_held_it_up_and_what_its_bytes_cost():
    words = text_of("streamed")
    assert "5.00 s held up by the bandwidth of streams" in words
    # 10 MB beyond the first 6, of $0.008 for 1024, a million times; when warm the same.
    assert "Response streamed beyond 6 MB$78.13$78.13" in words
    assert "Response streamed" not in text_of("cold")


def test_a_warm_call_says_which_call_of_its_environment_it_was():
    words = text_of("warm")
    assert "Warm call 2 here" in words and "Billed 8 ms" in words
    assert "prod → version 3" in words
    card, _, _ = words.partition("Raw log")
    assert "Cold" not in card and "Init" not in card


def test_a_deployed_function_says_what_its_package_may_lack():
    noted = replace(records.CREATED, notes=("install scripts are not run: esbuild may lack something",))
    assert "Install scripts are not run: esbuild may lack something." in Page(function_card.html(noted)).text


def test_a_card_names_what_was_installed_into_the_package():
    words = Page(function_card.html(replace(records.CREATED, packages=("greeter 1.0", "idna 3.10")))).text
    assert "Installed: greeter 1.0, idna 3.10" in words
    many = Page(function_card.html(replace(records.CREATED, packages=tuple(f"p{n} 1" for n in range(20))))).text
    assert "p11 1 and 8 more" in many and "p12" not in many


def test_a_call_says_how_much_of_its_duration_the_bandwidth_of_streams_was():
    held = replace(records.WARM_CALL, record=replace(records.WARM, duration_ms=2310.0, held_ms=1987.2))
    assert "1.99 s held up by the bandwidth of streams" in Page(invocation.html(held)).text
    assert "bandwidth" not in text_of("warm")


def test_a_card_names_where_it_ran_and_everything_that_was_enforced():
    page = Page(DISPLAYS["cold"])
    assert "sandbox isolation 2 of 3" in page.text
    (title,) = [attrs["title"] for _, attrs in page.elements if "Memory:" in attrs.get("title", "")]
    for how in ("watched every 5 ms", "cgroup quota", "own root, read-only", "the machine's", "by signal"):
        assert how in title


def test_the_log_shows_the_functions_lines_and_folds_the_platforms():
    words = text_of("cold")
    assert "2 lines from your code" in words
    assert "greeting Ada" in words and records.REQUEST_ID not in words.partition("Raw log")[0]
    assert words.index("it costs $5 and $6") < words.index("Raw log, 5 lines") < words.index("REPORT RequestId")


def logged(log):
    """What the card of a call with this log says of its lines, and shows of them."""
    shown, _, _ = Page(invocation.html(replace(records.WARM_CALL, log=log))).text.partition("Raw log")
    return shown.rpartition("Logs")[2]


def tail(lines):
    """The end of a log as the region cuts it: bytes, and of a character cut in two nothing."""
    return "".join(f"{line}\n" for line in lines).encode()[-log_lines.TAIL_BYTES :].decode("utf-8", "ignore")


@pytest.mark.parametrize("word", ["line", "Zeile ü€😀"])
def test_the_end_of_a_log_begins_with_a_whole_line(word):
    lines = [f"{word} {number:05}" for number in range(1000)]
    for more in range(1, 30):  # the cut falls in every place of a line, and within its characters
        *shown, last = log_lines.own_lines(tail([*lines, "e" * more]))
        assert last.words == "e" * more
        assert [line.words for line in shown] == lines[-len(shown) :]


def test_the_lines_of_a_log_that_was_cut_are_said_to_be_the_last():
    log = tail([*(f"line {number:05}" for number in range(43_000)), f"END RequestId: {records.REQUEST_ID}"])
    assert f"the last {len(log_lines.own_lines(log))} lines from your code" in logged(log)


def test_the_only_line_of_a_log_that_was_cut_is_shown_as_its_end():
    said = logged(tail(["x" * 5000, f"END RequestId: {records.REQUEST_ID}"]))
    assert "the last line from your code" in said and "…xxx" in said


@pytest.mark.parametrize("size", [4090, 4095])
def test_a_whole_log_is_not_told_as_the_end_of_one(size):
    start = f"START RequestId: {records.REQUEST_ID} Version: $LATEST\n"
    said = logged(start + "x" * (size - len(start) - 3) + "\ny\n")
    assert "2 lines from your code" in said and "the last" not in said


def test_short_code_in_a_sentence_is_not_broken_and_long_code_may_be():
    short, long = with_code("Raise it with `--memory 256`."), with_code(f"Write `{'x' * 60}`.")
    assert '<span class="m nb">--memory 256</span>' in short and "nb" not in long
    assert '<span class="m nb">--timeout 10</span>' in DISPLAYS["timed out"]
    assert '<span class="m nb">--memory 256</span>' in DISPLAYS["out of memory"]


def test_an_error_shows_the_line_of_the_cell_first():
    words = text_of("failed")
    order = [
        "Function error",
        "KeyError: 'price'",
        "Cell In[12], line 6, in handler",
        '6 >     return order["price"]',
        "A dictionary had no key price.",
        "Duration",
        "X-Amz-Function-Error: Unhandled",
        "What AWS would do.",
    ]
    positions = [words.index(piece) for piece in order]
    assert positions == sorted(positions)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "timed out",
            "Task timed out after 3.00 seconds. The environment is reset: the next call initialises it again.",
        ),
        ("timed out", "--timeout 10"),
        ("out of memory", "The process passed 128 MB and was killed"),
        ("out of memory", "--memory 256"),
        ("exited", "Runtime exited with error: exit status 3 (Runtime.ExitError)"),
        ("exited", "sys.exit"),
        ("crashed", "signal: segmentation fault"),
        ("too large", "Response payload size exceeded"),
    ],
)
def test_what_the_platform_ended_is_told_in_awss_words_with_one_way_out(name, said):
    assert said in text_of(name)


def test_a_crash_is_not_blamed_on_sys_exit():
    assert "sys.exit" not in text_of("crashed")


def test_no_figure_is_shown_that_was_not_measured():
    card, _, _ = text_of("elsewhere").partition("Response")
    assert not [label for label in ("Duration", "Billed", "Max memory", "Cost", "Timeline", "Warm") if label in card]
    unmeasured = invocation.html(records.Call(replace(records.WARM, max_memory_mb=0)))
    assert "not measured" in Page(unmeasured).text


# -- other views


def test_an_unchanged_function_is_one_row():
    assert re.sub(r"\s+", " ", text_of("unchanged")).strip() == (
        "hello Unchanged same code and settings, nothing deployed"
    )


def test_a_changed_function_shows_before_and_now_and_the_lines():
    words = text_of("changed")
    assert "Memory128 MB256 MB" in words and "STAGEnot setdev" in words
    assert "1be07a +1 −1 lines" in words
    assert '-     return order["price"]' in words and '+     return order["total"]' in words


def test_a_long_list_says_how_many_are_not_shown():
    assert "50 functions" in text_of("list") and "10 more are not shown" in text_of("list")


def test_the_doctor_says_what_cannot_run_and_how_to_get_it():
    assert "that is missing: python3.9" in text_of("doctor") and "pyenv install 3.9" in text_of("doctor")
    assert text_of("doctor").startswith("Ready")
    resting = dict.fromkeys(("starting", "idle", "busy"), 0)
    assert "Environments 0" in Page(doctor.html({**records.DOCTOR, "environments": resting})).text
    words = text_of("doctor without runtimes")
    assert (
        "Not ready" in words
        and "How to get the one that is missing: python3.9" in words
        and "pyenv install 3.9" in words
    )
    assert CLOSED in words


def test_the_doctor_keeps_what_is_said_of_a_command():
    missing = {
        **records.DOCTOR["runtimes"][-1],
        "name": "java21",
        "problem": "none",
        "advice": catalogue.how_to_get("java21"),
    }
    words = Page(doctor.html({**records.DOCTOR, "runtimes": [missing]})).text
    assert "apt install openjdk-21-jdk-headless (where your release has it)" in words


def test_the_doctor_counts_what_there_is_to_look_at_and_nothing_that_is_well():
    assert "1 thing to look at" in text_of("doctor without runtimes")
    assert "to look at" not in text_of("doctor") and "not started, it starts when something" in text_of("doctor")


def test_the_doctor_has_what_a_runtime_is_made_of_as_a_note_after_its_version():
    provided = {**records.DOCTOR["runtimes"][0], "name": "provided.al2023", "version": "al2023 (this machine's system)"}
    page = Page(doctor.html({**records.DOCTOR, "runtimes": [provided]}))
    assert "provided.al2023 al2023 this machine's system" in page.text


def test_a_list_of_functions_breaks_long_names_only_where_they_have_parts():
    handler = "Shop.Orders::Shop.Orders.Function::FunctionHandler"
    shown = function_list.html([{**records.CONFIGURATION, "Handler": handler}])
    assert "Shop.<wbr>Orders::<wbr>Shop.<wbr>Orders.<wbr>Function::<wbr>FunctionHandler" in shown
    assert handler in Page(shown).text and "2026-11-23 07:02" in Page(shown).text


@pytest.mark.parametrize(("missing", "is_open"), [(3, True), (4, False)])
def test_the_doctor_has_the_command_lines_commands_for_what_is_missing(missing, is_open):
    names = [f"java{release}" for release in (25, 21, 17, 11)][:missing]
    lacking = [
        {"name": name, "path": None, "version": None, "problem": "no", "advice": catalogue.how_to_get(name)}
        for name in names
    ]
    page = Page(doctor.html({**records.DOCTOR, "runtimes": [records.DOCTOR["runtimes"][0], *lacking]}))
    for name in names:
        commands = ["".join(found) for found in re.findall(r"`(.*?)`( \(.*?\))?", catalogue.how_to_get(name))]
        assert commands and f"{name}{' '.join(commands)}" in page.text
    assert f"How to get the {missing} that are missing: {', '.join(names)}" in page.text
    (folded,) = [attrs for tag, attrs in page.elements if tag == "details"]
    assert ("open" in folded) == is_open


def test_the_doctors_card_of_a_bare_machine_is_small_enough():
    lacking = [
        {"name": name, "path": None, "version": None, "problem": "no", "advice": catalogue.how_to_get(name)}
        for name, one in runtime.known().items()
        if one.family not in {"provided", "go"} and not one.refused(date(2026, 11, 27), updating=False)
    ]
    assert len(lacking) > 20
    assert len(doctor.html({**records.DOCTOR, "runtimes": lacking}).encode()) <= 20_000


def test_the_doctor_marks_what_is_not_enforced_by_shape_and_word():
    assert "not enforced" in text_of("doctor") and "sandbox, in use" in text_of("doctor")


# -- versions and aliases


def test_the_picture_of_aliases_says_in_words_what_it_draws():
    (picture,) = [attrs for attrs in Page(DISPLAYS["versions"]).attributes("svg") if "aria-label" in attrs]
    assert picture["aria-label"].replace("\u00a0", " ") == (
        "production sends 90 % to version 3 and 10 % to version 4. staging points at version 4. dev points at $LATEST"
    )


def test_the_line_counts_the_same_versions_as_the_card():
    assert "4 versions, 3 aliases" in text_of("versions")
    assert repr(records.VERSIONS).startswith("hello: 4 versions; production ")
    assert repr(records.NO_VERSIONS) == "hello: 0 versions"


def test_a_function_that_is_taken_for_the_handler_is_told_in_one_line_of_the_card():
    made = replace(records.CREATED, notes=("no `handler` in the cell: `handeler` is called",))
    assert "No handler in the cell: handeler is called." in re.sub(r"<[^>]+>", "", function_card.html(made))


def test_a_failed_call_is_not_said_to_be_counted():
    assert "errors are billed, too" in text_of("failed") and "errors count" not in text_of("failed")


def test_the_table_of_versions_says_all_that_the_picture_does():
    words = text_of("versions")
    assert "4 versions, 3 aliases" in words
    assert "41be07acut 42026-11-23 07:02:11production 10 %, staging" in words
    assert "31be07acut 32026-11-23 07:02:11production 90 %" in words


def test_the_observed_split_stands_beside_the_weights():
    words = text_of("versions")
    assert "Where the last 200 calls through production went" in words
    assert "version 3 178 89 %, set 90 %" in words and "version 4 22 11 %, set 10 %" in words
    assert "within chance of the weights (180 ± 8)" in words
    assert "production3178 0".replace(" ", "") in words.replace(" ", "")


def test_a_canary_that_fails_more_often_is_warned_of_with_the_way_back():
    assert "Version 4 failed 3 of its 22 calls (14 %); version 3 failed none." in text_of("versions")
    assert "%lambda rollback hello production" in text_of("versions")


@pytest.mark.parametrize(
    ("primary", "canary", "warned"),
    [((100, 10), (10, 1), False), ((100, 0), (10, 0), False), ((100, 10), (10, 2), True)],
)
def test_a_canary_that_fails_no_more_often_is_not_warned_of(primary, canary, warned):
    made = records.calls(primary[0], version="3", failed=primary[1])
    made += records.calls(canary[0], version="4", failed=canary[1])
    shown = versions.html(replace(records.VERSIONS, calls={"production": made}))
    assert ("Send everything back" in Page(shown).text) is warned


@pytest.mark.parametrize(
    ("primary", "canary", "said"),
    [
        (180, 20, "within chance"),
        (100, 100, "outside chance"),
        (9, 1, "too few calls to judge"),
    ],
)
def test_a_split_is_judged_by_chance_and_only_with_enough_calls(primary, canary, said):
    made = records.calls(primary, version="3") + records.calls(canary, version="4")
    (split, _) = observed.sections(replace(records.VERSIONS, calls={"production": made}))
    assert said in Page(split).text


def test_a_difference_shows_the_lines_and_the_settings():
    words = text_of("versions")
    assert "Version 3 → Version 4 +1 −1 lines, 1 setting differs" in words
    assert '-     return order["price"]' in words and "memory128 MB256 MB" in words


def test_nothing_different_is_said():
    same = replace(records.VERSIONS, difference=VersionDifference("1", "2", (), ()))
    assert "Nothing differs: same code, same settings." in Page(versions.html(same)).text


def test_what_is_left_out_of_a_long_list_of_versions_is_counted():
    words = text_of("many versions")
    assert "55 older versions not shown" in words
    assert "17 more aliases not drawn" in words
    assert "7 more files changed" in words and "35 more settings" in words


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("alias created", "hello:production Created 90 % to 3, 10 % to 4"),
        ("alias canary", "Moved 90 % to 3, 10 % to 4; before, all to version 3"),
        ("alias unchanged", "Unchanged 90 % to 3, 10 % to 4"),
        ("alias deleted", "Deleted it had all to version 3"),
        ("published", "hello:4 Published in 12 ms"),
        ("not published", "hello:4 Unchanged same code and settings as $LATEST, nothing published"),
        ("layer published", "common:2 Published in 1.51 s"),
        ("layer published", "requests 2.32.3"),
        ("layer published", "%lambda config NAME --layer common:2"),
        ("layer of many", "Contains 400 packages"),
        ("layer", "hello orders"),
        ("no layer", "There is no version of this layer. Publish one with"),
        ("long layer", "60 older versions not shown"),
        ("layers", "60 layers"),
        ("settings", "subnet-1, sg-1"),
        ("settings", "STAGEprod"),
        ("concurrency", "up to 5 calls at once, its own"),
        ("concurrency", "reserved for others 100"),
        ("concurrency", "hello:production22 READY"),
        ("concurrency", "2: no init"),
        ("concurrency", "%lambda concurrency hello:production --provisioned none"),
        ("concurrency shared", "up to 1,000 calls at once, if others leave them"),
        ("concurrency stopped", "stopped: every call is throttled"),
        ("version deleted", "hello:1 Deleted its number is not used again"),
    ],
)
def test_each_card_says_what_happened(name, said):
    assert said in re.sub(r"\s+", " ", text_of(name))


# -- whatever people write

HOSTILE = st.one_of(
    st.text(),
    st.sampled_from(["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</pre></section>", "$a$ \\(b\\)"]),
)


def assert_only_ours(markup):
    page = Page(markup)
    assert page.open == []
    allowed = {
        "style",
        "section",
        "header",
        "div",
        "p",
        "span",
        "strong",
        "b",
        "i",
        "small",
        "code",
        "pre",
        "br",
        "wbr",
        "svg",
    }
    allowed |= {
        "path",
        "circle",
        "rect",
        "text",
        "dl",
        "dt",
        "dd",
        "ul",
        "li",
        "details",
        "summary",
        "table",
        "caption",
    }
    allowed |= {"thead", "tbody", "tfoot", "tr", "th", "td", "ins", "del"}
    assert {tag for tag, _ in page.elements} <= allowed
    assert len(markup.encode("utf-8", "replace")) <= 20_000


@given(name=HOSTILE, message=HOSTILE, log=HOSTILE, payload=HOSTILE, cell=HOSTILE)
def test_whatever_a_function_says_stays_text(name, message, log, payload, cell):
    error = records.Error(name, message, (records.Frame(f"Cell In[1], line 2, in {name}", 2, records.Source(cell)),))
    for failed in (None, error):
        call = records.Call(records.RECORD, {payload: payload}, message.encode("utf-8", "replace"), log, failed, name)
        assert_only_ours(invocation.html(call))


@given(name=HOSTILE, before=HOSTILE, now=HOSTILE)
def test_whatever_a_cell_contains_stays_text(name, before, now):
    change = records.Change(name, before, now)
    shown = records.Deployment(name, False, (change,), 0.1, records.CONFIGURATION, before, now)
    assert_only_ours(function_card.html(shown))


@given(name=HOSTILE, before=HOSTILE, now=HOSTILE, words=HOSTILE)
def test_whatever_versions_and_aliases_are_called_stays_text(name, before, now, words):
    route = AliasRoute(name, "1", {"2": 0.5}, words)
    shown = Versions(
        name,
        tuple(records.version(number, Description=words[:256]) for number in ("$LATEST", "2", "1")),
        (route,),
        {name: records.calls(20, version="1")},
        VersionDifference("1", name, (FileChange(name, before, now),), (records.Change(words, before, now),)),
    )
    assert_only_ours(versions.html(shown))
    assert_only_ours(versions.alias_html(AliasChange(name, name, route, None, shown)))


@given(name=HOSTILE, words=HOSTILE)
def test_whatever_layers_and_settings_hold_stays_text(name, words):
    listed = {**records.LAYER_VERSION, "Description": words}
    document = {**listed, "Content": records.LAYER_PUBLISHED.document["Content"]}
    assert_only_ours(
        layers.publication_html(replace(records.LAYER_PUBLISHED, layer=name, contents=(words,), document=document))
    )
    assert_only_ours(layers.versions_html(replace(records.LAYER, layer=name, versions=(listed,), users={2: (words,)})))
    held = {**records.CONFIGURATION, "Description": words, "Environment": {"Variables": {name: words}}}
    assert_only_ours(settings.html(replace(records.SETTINGS, name=name, configuration=held)))


@pytest.mark.parametrize("line", ["x" * 100_000, "<&" * 5000, "a\n" * 20_000, '"\u2603' * 3000, "\U0001f600" * 5000])
def test_a_heavy_answer_and_log_keep_the_display_small_and_say_so(line):
    failed = records.Error("ValueError", line, tuple(records.Frame(line, 2, records.Source(line)) for _ in range(50)))
    for error in (None, failed):
        payload = {"lines": [line] * 3, "numbers": list(range(500))}
        shown = invocation.html(records.Call(records.RECORD, payload, json.dumps(payload).encode()[:5000], line, error))
        assert_only_ours(shown)
        assert "left out of this display" in Page(shown).text or "more characters" in Page(shown).text


def test_an_answer_nested_too_deep_for_indents_is_shown_as_it_came():
    payload = []
    for _ in range(5000):
        payload = [payload]
    shown = invocation.html(records.Call(records.RECORD, payload, b"[" * 5001 + b"]" * 5001, "", None))
    assert "[" * 100 in Page(shown).text


@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(), st.lists, max_leaves=10))
def test_a_json_block_reads_as_the_same_json(value):
    shown = Page(blocks.json_block(value, budget=10**9)).text
    if (
        "more characters" not in shown
        and "more line" not in shown
        and "\u00a0" not in json.dumps(value, ensure_ascii=False)
    ):
        assert json.loads(shown) == value


def test_a_long_line_says_where_all_of_it_is():
    line = "x" * 2000
    shown = logs.html(records.Logs("f", (replace(records.LOGS.events[2], message=line),)))
    assert "… (1,500 more characters; print(_) shows them)" in Page(shown).text
    answered = invocation.html(records.Call(records.RECORD, None, b"null", line, None))
    assert "… (1,500 more characters; .log has them)" in Page(answered).text


def test_a_long_log_keeps_its_newest_lines():
    shown = logs.html(
        records.Logs("f", tuple(replace(records.LOGS.events[2], message=f"line {n}") for n in range(5000)))
    )
    words = Page(shown).text
    assert "line 4999" in words and "line 0\n" not in words and "older lines left out" in words
    assert len(shown.encode()) <= 20_000


# -- figures


@pytest.mark.parametrize(
    ("ms", "written"),
    [
        (0.042, "0.04 ms"),
        (0.42, "0.42 ms"),
        (0.999, "1.0 ms"),
        (7.61, "7.6 ms"),
        (9.96, "10 ms"),
        (134.2, "134 ms"),
        (999.7, "1.00 s"),
        (1514, "1.51 s"),
        (12_340, "12.3 s"),
        (59_960, "1 min 0 s"),
        (180_000, "3 min 0 s"),
    ],
)
def test_a_time_is_written_as_short_as_it_is_precise(ms, written):
    assert figures.duration(ms) == written.replace(" ms", "\u00a0ms").replace(" s", "\u00a0s").replace(
        " min\u00a0", " "
    ).replace(" min", "\u00a0min")


@pytest.mark.parametrize(
    ("shown", "written"),
    [
        (figures.whole_ms(3000), "3,000\u00a0ms"),
        (figures.megabytes(1769), "1,769\u00a0MB"),
        (figures.percent(58, 256), "23\u00a0%"),
        (figures.size(612), "612\u00a0B"),
        (figures.size(1_250_000), "1.2\u00a0MB"),
        (figures.vcpu(1769), "1.00\u00a0vCPU"),
        (figures.dollars(Decimal("2.1")), "$2.10"),
        (figures.dollars(Decimal("1234.567")), "$1,234.57"),
        (figures.count(1, "line"), "1 line"),
        (figures.count(2000, "line"), "2,000 lines"),
    ],
)
def test_each_kind_of_figure_has_one_form(shown, written):
    assert shown == written


# -- hints


@pytest.mark.parametrize(
    ("error_type", "message", "said"),
    [
        ("KeyError", "'price'", "no key `price`"),
        ("TypeError", "handler() takes 1 positional argument but 2 were given", "two arguments"),
        ("TypeError", "'NoneType' object is not subscriptable", "is `None`"),
        ("NameError", "name 'json' is not defined", "`json` is not defined"),
        ("json.decoder.JSONDecodeError", "Expecting value", "should be JSON"),
        ("Runtime.ImportModuleError", "Unable to import module 'lambda_function': No module named 'numpy'", "`numpy`"),
        ("Runtime.ImportModuleError", "Error: Cannot find module 'left-pad'\nRequire stack:", "contain `left-pad`"),
        ("Runtime.ImportModuleError", "Error: Cannot find package '@a/b' imported from /var/task/index.mjs", "`@a/b`"),
        ("Runtime.MarshalError", "Unable to marshal response: Object of type set is not JSON serializable", "`set`"),
        ("OSError", "[Errno 30] Read-only file system: '/var/task/x'", "read-only"),
        ("NotImplementedError", "", "not written yet"),
        ("EOFError", "EOF when reading a line", "A function has no keyboard: `input()`"),
    ],
)
def test_a_common_error_gets_advice(error_type, message, said):
    found = hint(error_type, message)
    assert found is not None and said in found.happened
    assert found.advice


def test_what_was_only_simulated_is_on_the_functions_card():
    noted = replace(records.CHANGED, notes=("waited 60 s for its network interfaces, simulated",))
    assert "Waited 60 s for its network interfaces, simulated." in function_card.html(noted)


@pytest.mark.parametrize(
    ("error_type", "message"),
    [("PermissionError", "[Errno 13] Permission denied: '/tmp/x'"), ("OSError", "[Errno 30] Read-only file system")],
)
def test_where_a_function_may_write_is_said_for_the_isolation_it_ran_in(error_type, message):
    assert "`/tmp`" in hint(error_type, message).advice and "TMPDIR" not in hint(error_type, message).advice
    assert "`$TMPDIR`" in hint(error_type, message, Raised(backend="process")).advice
    failed = replace(records.FAILED_CALL, error=replace(records.FAILED_CALL.error, type=error_type, message=message))
    in_process = replace(failed, record=replace(failed.record, fidelity=records.PROCESS))
    assert "tempfile.gettempdir()" in invocation.html(in_process)
    assert "tempfile.gettempdir()" not in invocation.html(failed)


@given(st.text(), st.text())
def test_an_error_without_a_rule_gets_no_guess(error_type, message):
    assert hint(f"My{error_type}", message) is None


@given(st.text())
def test_a_message_never_breaks_a_hint(message):
    for kind in ("KeyError", "TypeError", "NameError", "Runtime.ImportModuleError", "Runtime.MarshalError"):
        hint(kind, message)


def test_what_ran_on_another_architecture_says_so_beside_its_price():
    here = replace(records.COLD_CALL, record=replace(records.RECORD, architecture="arm64", machine="x86_64"))
    assert "measured on this x86_64 machine" in invocation.html(here)
    assert "measured on this" not in invocation.html(records.COLD_CALL)
