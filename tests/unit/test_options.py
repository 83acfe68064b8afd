"""What may be written on a `%lambda` line, and what the line's errors say."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab import cli
from lambdalab.errors import BadOption
from lambdalab.notebook import words
from lambdalab.notebook.commands import COMMANDS, DEPLOY, SUBCOMMANDS
from lambdalab.notebook.options import parse
from lambdalab.notebook.views.help import Help


def refusal(line: str, *, has_body: bool = False) -> str:
    with pytest.raises(BadOption) as caught:
        parse(line, has_body=has_body)
    return str(caught.value)


def test_a_cell_with_a_new_word_deploys_a_function_of_that_name():
    request = parse("hello --memory 256 --timeout 30 --env STAGE=dev --env AB=b=c -d 'says hello'", has_body=True)
    assert request.command is DEPLOY
    assert request.argument == "hello"
    assert request.options == {
        "memory": 256,
        "timeout": 30,
        "env": [("STAGE", "dev"), ("AB", "b=c")],
        "description": "says hello",
    }


def test_options_that_are_not_given_are_absent():
    assert parse("hello", has_body=True).options == {}


def test_options_may_stand_before_the_name():
    request = parse("invoke --set a=1 hello", has_body=False)
    assert (request.argument, request.options) == ("hello", {"set": ["a=1"]})


def test_an_option_may_be_joined_to_its_value_by_an_equals_sign():
    assert parse("hello --memory=512", has_body=True).options == {"memory": 512}


def test_arguments_stand_in_their_places_and_options_anywhere():
    request = parse("alias --canary 2=33.3% hello production $LATEST", has_body=False)
    assert request.arguments == ("hello", "production", "$LATEST")
    assert request.options == {"canary": ("2", 0.333)}


@pytest.mark.parametrize(("share", "value"), [("10%", 0.1), ("0.1", 0.1), ("0%", 0.0), ("100%", 1.0), ("1", 1.0)])
def test_a_share_is_percent_or_a_fraction(share, value):
    assert parse(f"alias f a 1 --canary 2={share}", has_body=False).options == {"canary": ("2", value)}


def test_an_option_may_take_two_words():
    request = parse("versions --compare 1 2 hello", has_body=False)
    assert (request.argument, request.options) == ("hello", {"compare": ["1", "2"]})


@pytest.mark.parametrize("line", ["", "-h", "--help"])
def test_the_magic_alone_asks_for_help(line):
    assert parse(line, has_body=False).command.name == "help"


def test_a_body_without_a_name_is_refused_and_without_a_body_gets_help():
    assert refusal("", has_body=True).startswith("%%lambda needs a function's name, and the cell's body becomes")
    assert parse("", has_body=True, blank=True).command.name == "help"
    asked = parse("--help", has_body=True)
    assert (asked.command, asked.help) == (DEPLOY, True)


@pytest.mark.parametrize("name", [name for name in SUBCOMMANDS if name != "help"])
def test_every_sub_command_has_help_whatever_else_is_on_the_line(name):
    assert parse(f"{name} --nonsense -h", has_body=False).help


@pytest.mark.parametrize(
    ("line", "has_body", "words_of_the_error"),
    [
        ("lst", False, "Did you mean list?"),
        ("hello", False, "begin a cell with %%lambda hello"),
        ("invoke hello --sett a=1", False, "Did you mean --set?"),
        ("hello --memry 256", True, "Did you mean --memory?"),
        ("hello --arch arm46", True, "Did you mean arm64?"),
        ("invoke", False, "needs a function's name: %lambda invoke NAME"),
        ("hello extra", True, "does not take 'extra' here"),
        ("list hello", False, "does not take 'hello' here"),
        ("invoke hello name=Ada", False, "A value of the event is set with --set: --set name=Ada."),
        ("invoke hello --set name Ada", False, "with an equals sign: --set name=Ada."),
        ("invoke hello Ada", False, """goes behind an option: --event '"Ada"' for that text, or --event Ada for the"""),
        ("invoke hello \u2014set a=1", False, "Options begin with two hyphens: --set."),
        ("hello \\", True, "A cell's first line is not continued by a backslash: all options go on it."),
        ("status", False, "That is a command of the shell: !lambdalab status"),
        ("config hello --environment STAGE=dev", False, "That is --env STAGE=dev."),
        ("hello STAGE=dev", True, "A variable is set with --env: --env STAGE=dev."),
        ("config hello STAGE=dev", False, "A variable is set with --env: --env STAGE=dev."),
        ('publish hello "first cut"', False, 'A line about the version goes behind -m: -m "first cut".'),
        ("publish hello first cut", False, 'goes behind -m: -m "first cut".'),
        (
            "hello --layer common",
            True,
            "It is set when the function is there: %lambda config hello --layer common:1.",
        ),
        ("hello --vpc subnet-1/sg-1", True, "%lambda config hello --vpc SUBNETS/GROUPS."),
        ("hello --env A1=1,B2=2", True, "for several repeat it: --env A1=1 --env B2=2."),
        ("config hello --env A1=1,B2=2", False, "lab[NAME].configure(env={'A1': '1,B2=2'})"),
        ("invoke $name", False, "the function is '$name'; $name and {name} stand for the value of a Python variable"),
        ("invoke {name}", False, "and there is none of that name"),
        ("hello-{n}", True, "the function is 'hello-{n}'"),
        ("hello --memory", True, "--memory is incomplete; write --memory MB: 128 to 10240"),
        ("hello --memory lots", True, "--memory is 'lots'; it takes a whole number of MB"),
        ("hello --env STAGE", True, "write --env NAME=VALUE"),
        ("hello --env A=1", True, "'A' has a name that AWS does not take: at least two characters, a letter first"),
        ("hello --env MY-NAME=1", True, "MY_NAME would do"),
        ("hello --env 2ND=1", True, "VAR_2ND would do"),
        ("logs hello --since 5", False, "--since is '5'; write a number and s, m, h or d"),
        ('hello -d "half', True, "is not closed"),
        ('invoke hello --set a={"b": 1', False, "has no closing '}'"),
        ("publsh hello", False, "Did you mean publish?"),
        ("publish", False, "%lambda publish needs a function's name: %lambda publish NAME"),
        ("alias hello", False, "%lambda alias needs an alias's name: %lambda alias NAME ALIAS [VERSION]"),
        ("rollback", False, "needs a function's name and an alias's name"),
        ("alias hello 1 production", False, "The order is %lambda alias FUNCTION ALIAS VERSION."),
        ("alias hello production one", False, "the version is 'one'; it is a number"),
        ("alias hello production latest", False, "Did you mean $LATEST?"),
        ("alias hello production 1 2", False, "does not take '2' here"),
        ("alias hello production 1 --canary 2", False, "write a version's number and its share: --canary 2=10%"),
        ("alias hello production 1 --canary 2=10", False, "the share is 0% to 100%, or a number from 0 to 1"),
        ("alias hello production 1 --canary 2=ten%", False, "the share is 0% to 100%"),
        ("alias hello production 1 --canari 2=10%", False, "Did you mean --canary?"),
        ("versions hello --compare 1", False, "--compare is incomplete; write --compare BEFORE NOW: two versions"),
        ("layer a.b", False, "the layer is 'a.b'; AWS has letters"),
        ("layer common:1", False, "%lambda layer common --delete 1"),
        ("layer common --delete first", False, "--delete is 'first'; it takes the number of a version"),
        ("layer common --module a.py", True, "--module is 'a.py'; it is what `import` would say"),
        ("config hello --layer common", False, "--layer is 'common'; a function has one version of a layer"),
        ("config hello --kms lab", False, "--kms is 'lab'; write alias/NAME"),
        ("config hello --vpc subnet-1", False, "write subnets, a slash, security groups"),
        ("config hello --vpc sg-1/subnet-1", False, "write subnets, a slash, security groups"),
        ("config hello --log-format Jason", False, "choose Text or JSON"),
        ("config hello --snapstart on", False, "--snapstart is 'on'; SnapStart is for published versions, or none"),
        ("config hello --memry 5", False, "Did you mean --memory?"),
        ("concurrency hello --reserved few", False, "it takes a whole number from 0, or none"),
        ("config hello --env", False, "%lambda config: --env is incomplete; write --env NAME=VALUE: "),
        ("config hello --env --memory 5", False, "--env is incomplete; write --env NAME=VALUE: "),
        ("my function", True, "letters, digits, - and _ only. %%lambda my-function would do."),
        ("my own function! --memory 256", True, "%%lambda my-own-function would do."),
        ("hello -d says hello", True, "Quote values that have spaces"),
        ('"my function"', True, "letters, digits, - and _ only. my-function would do."),
        ("Hello!", True, "letters, digits, - and _ only. Hello would do."),
        ("invoke a/b:1", False, "the function is 'a/b:1'. A function's name has letters, digits, - and _ only."),
        ("alias hello prod --version 1", False, "goes without an option: %lambda alias hello prod 1."),
        ("alias --version 1 hello prod", False, "goes without an option: %lambda alias hello prod 1."),
        ("alias hello prod --version=1", False, "goes without an option: %lambda alias hello prod 1."),
        ("alias hello prod --version", False, "goes without an option: %lambda alias hello prod VERSION."),
        ("alias --alias prod hello 1", False, "The alias goes without an option: %lambda alias hello prod 1."),
        ("update hello --memory 512", False, "That is %lambda config hello --memory 512."),
        ("run hello", False, "That is %lambda invoke hello."),
        (
            "config pi --requirements numpy",
            False,
            "line of the cell with the function's code: %%lambda pi --requirements numpy.",
        ),
        ("config --file", False, "%%lambda NAME --file PATH."),
        ('invoke hello {"a": 1}', False, 'behind an option: --event {"a": 1}.'),
        ("concurrency hello:1 --provisioned 0", False, "it takes a whole number from 1, or none"),
        ("invoke hello --set name = Ada", False, "no spaces around the equals sign: --set name=Ada."),
        ("invoke hello --set name =Ada", False, "no spaces around the equals sign: --set name=Ada."),
        ("invoke hello --set name = Ada Lovelace", False, '--set name="Ada Lovelace".'),
        ("invoke hello --set name = Ada Lovelace --stream", False, '--set name="Ada Lovelace".'),
        ("invoke hello --set a = --set b=1", False, "--set a=VALUE."),
        ("invoke hello --set name=Ada Lovelace", False, 'stands in quotes: --set name="Ada Lovelace".'),
        ("invoke --set name=Ada hello more", False, "does not take 'more' here. Quote values that have spaces."),
        ("invoke hello --set name == Ada", False, "no spaces around the equals sign: --set name=Ada."),
        ("invoke hello --set name= Ada", False, "No spaces around the equals sign: --set name=Ada."),
        ("invoke --set name = Ada hello", False, "no spaces around the equals sign: --set name=Ada."),
        ("invoke hello --set name = 'Ada L.'", False, '--set name="Ada L.".'),
        ('invoke hello --set n = {"a": 1}', False, '--set n={"a": 1}.'),
        ("invoke hello --set=name = Ada", False, "with an equals sign: --set name=Ada."),
        ("hello --env STAGE = dev", True, "no spaces around the equals sign: --env STAGE=dev."),
        ("hello --env STAGE =dev", True, "no spaces around the equals sign: --env STAGE=dev."),
        ("hello --env STAGE= dev", True, "No spaces around the equals sign: --env STAGE=dev."),
        ("config hello --env STAGE =", False, "no spaces around the equals sign: --env STAGE=VALUE."),
        ("alias hello prod 1 --canary 2 = 10%", False, "no spaces around the equals sign: --canary 2=10%."),
        ("invoke hello --payload '{\"a\": 1}'", False, 'That is --event {"a": 1}.'),
        ("invoke hello --payload=file://one.json", False, "That is --event one.json."),
        ("invoke hello --payload", False, "That is --event SOURCE."),
        (
            "invoke hello --payload Ada",
            False,
            """That is --event '"Ada"' for that text, or --event Ada for the Python""",
        ),
        ("invoke hello --payload true", False, "That is --event true."),
        ("invoke hello --payload=name=Ada", False, "That is --set name=Ada."),
        ("invoke hello -d @one.json", False, "That is --event one.json."),
        ("hello -m256", True, "no option -m256. That is --memory 256."),
        ("hello -t10", True, "no option -t10. That is --timeout 10."),
        ("hello -m 256", True, "That is --memory 256."),
        ("config hello -m 256", False, "That is --memory 256."),
        ("hello -t 10", True, "That is --timeout 10."),
        ("hello -r python3.12", True, "That is --runtime python3.12."),
        ("hello -r requirements.txt", True, "That is --requirements requirements.txt."),
        ("hello --runtime python 3.12", True, "A runtime's name has no space: --runtime python3.12."),
        ("--runtime node 22 hello", True, "A runtime's name has no space: --runtime nodejs22.x."),
        ("config hello --runtime Java 21", False, "A runtime's name has no space: --runtime java21."),
        ("hello --runtime python 3.99", True, "does not take '3.99' here. Quote values that have spaces."),
    ],
)
def test_an_error_names_the_value_the_rule_and_the_way_out(line, has_body, words_of_the_error):
    assert words_of_the_error in refusal(line, has_body=has_body)


def test_every_command_of_the_shell_alone_is_told_as_one():
    for name in cli.main.commands.keys() - set(SUBCOMMANDS):
        assert f"a command of the shell: !lambdalab {name}" in refusal(name, has_body=False)


@pytest.mark.parametrize(
    ("line", "in_cell", "way_out"),
    [
        ("invoke hello --set name=Ada  # with a name", False, "put '# with a name' in a line above."),
        ("list #all of them", False, "put '#all of them' in a line above."),
        ("# all of them", False, "put '# all of them' in a line above."),
        ("invoke # call it with --set", False, "put '# call it with --set' in a line above."),
        ("hello # a comment", True, "put '# a comment' in the cell's body, as its language writes comments."),
        ("layer tools # mine", True, "put '# mine' in the cell's body, as its language writes comments."),
        ("invoke hello # a comment", True, "leave '# a comment' out, for JSON has no comments either."),
    ],
)
def test_a_comment_behind_a_line_is_told_where_it_goes(line, in_cell, way_out):
    said = refusal(line, has_body=in_cell)
    assert said.endswith(f"a comment does not go behind a magic's line; {way_out}")


def test_an_apostrophe_in_a_comment_is_not_told_to_be_closed():
    said = refusal("invoke hello # don't")
    assert "a comment: that does not go behind a magic's line" in said and "Add a" not in said


@pytest.mark.parametrize(
    ("line", "value"),
    [('publish hello -m "#1 of them"', "#1 of them"), ("publish hello -m #1", "#1")],
)
def test_a_value_may_begin_with_the_sign_of_a_comment(line, value):
    assert parse(line, has_body=False).options == {"message": value}


def test_a_value_may_begin_with_an_equals_sign_and_be_empty():
    assert parse("invoke --set name= hello --set sum==1+1", has_body=False).options == {"set": ["name=", "sum==1+1"]}


def test_a_slip_of_the_pen_is_not_taken_for_a_new_functions_name():
    assert refusal("invok hello").endswith("To deploy a function, begin a cell with %%lambda NAME.")
    assert refusal("greeter").endswith("To deploy a function, begin a cell with %%lambda greeter.")


def test_a_name_of_no_letters_is_told_the_rule_alone():
    assert refusal("delete *") == "the function is '*'. A function's name has letters, digits, - and _ only."


@pytest.mark.parametrize(
    "name",
    ["hello", "hello:prod", "123456789012:hello", "arn:aws:lambda:us-east-1:123456789012:function:hello:$LATEST"],
)
def test_a_function_may_be_named_in_every_form_of_awss(name):
    assert parse(f"invoke {name}", has_body=False).argument == name


def test_another_tools_word_is_not_taken_for_a_new_functions_name():
    assert "%%lambda update" not in refusal("update hello --memory 512")


@pytest.mark.parametrize(
    "written", ["RUST_LOG=info,hyper=debug", "DSN=host=a,port=5", "LIST=a,b", "LIST=a,b=c", "OPTS=A=1,B2=2"]
)
def test_a_value_may_have_commas(written):
    name, _, value = written.partition("=")
    assert parse(f"hello --env {written}", has_body=True).options == {"env": [(name, value)]}


def test_a_qualifier_may_be_latest():
    assert parse("invoke hello:$LATEST", has_body=False).argument == "hello:$LATEST"


def test_a_functions_name_alone_tells_what_one_can_do_with_it():
    with pytest.raises(BadOption, match="%lambda invoke hello calls it") as caught:
        parse("hello", has_body=False, functions=lambda: ["hello"])
    assert "Did you mean" not in str(caught.value)
    with pytest.raises(BadOption, match=r"Did you mean hello\?"):
        parse("helo", has_body=False, functions=lambda: ["hello"])


@pytest.mark.parametrize(
    ("option", "value", "bound"),
    [
        ("--memory", 127, "greater than or equal to 128"),
        ("--memory", 10241, "less than or equal to 10240"),
        ("--timeout", 0, "greater than or equal to 1"),
        ("--timeout", 901, "less than or equal to 900"),
        ("--tmp", 511, "greater than or equal to 512"),
        ("--tmp", 10241, "less than or equal to 10240"),
    ],
)
def test_a_number_outside_lambdas_range_is_refused_in_awss_words(option, value, bound):
    said = refusal(f"hello {option} {value}", has_body=True)
    assert f"{option} is {value}" in said
    assert f"value failed to satisfy constraint: Member must have value {bound}" in said


@pytest.mark.parametrize(("option", "low", "high"), [("memory", 128, 10240), ("timeout", 1, 900), ("tmp", 512, 10240)])
def test_the_ends_of_a_range_are_allowed(option, low, high):
    for value in (low, high):
        assert parse(f"hello --{option} {value}", has_body=True).options == {option: value}


def test_a_runtime_of_another_language_is_left_to_awss_own_check():
    assert parse("hello --runtime nodejs22.x", has_body=True).options == {"runtime": "nodejs22.x"}


@pytest.mark.parametrize("name", ["list", "logs", "delete", "doctor", "help", "publish", "versions", "config"])
def test_a_cell_cannot_deploy_a_function_named_like_a_sub_command(name):
    assert f"a function named {name}" in refusal(name, has_body=True)


def test_parsing_never_exits_and_never_prints(capsys):
    for line in ("hello --nope", "hello --memory", "list --version", "nonsense"):
        refusal(line)
    assert capsys.readouterr() == ("", "")


# -- words


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('--env "GREETING=hello world"', ["--env", "GREETING=hello world"]),
        ("--env GREETING='hello world'", ["--env", "GREETING=hello world"]),
        ('--set user={"name": "Ada", "tags": ["}"]} x', ["--set", 'user={"name": "Ada", "tags": ["}"]}', "x"]),
        ("""--set 'a={"b": 1}'""", ["--set", 'a={"b": 1}']),
        ('{"a": 1}', ['{"a": 1}']),
        (r"a\ b", ["a b"]),
        (r'"say \"hi\""', ['say "hi"']),
        ("$HOME {x}", ["$HOME", "{x}"]),
        ("''", [""]),
        ("  ", []),
    ],
)
def test_words_are_split_as_in_a_shell_but_json_keeps_its_quotes(line, expected):
    assert words.split(line) == expected


@given(st.lists(st.text(st.characters(blacklist_characters="'", blacklist_categories=("Cs",)))))
def test_any_words_in_single_quotes_come_back_as_they_were(given_words):
    assert words.split(" ".join(f"'{word}'" for word in given_words)) == given_words


@given(st.text())
def test_splitting_any_line_gives_words_or_a_refusal(line):
    try:
        words.split(line)
    except BadOption as refused:
        assert str(refused)


# -- help


@pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda command: command.name)
def test_help_names_usage_every_option_and_an_example(command):
    shown = repr(Help(command))
    assert shown.startswith(command.usage)
    assert command.example.splitlines()[0] in shown
    for option in command.options:
        assert all(flag in shown for flag in option.flags)
        assert option.help in shown


def test_help_names_every_sub_command():
    shown = repr(Help())
    assert all(f"%lambda {name}" in shown for name in SUBCOMMANDS)
    assert "%%lambda NAME" in shown and "%lambda deploy" in shown


@pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda command: command.name)
def test_the_example_of_each_help_parses(command):
    line = command.example.splitlines()[0]
    _, _, rest = line.partition("lambda ")
    assert parse(rest, has_body=line.startswith("%%")).command.name == command.name


@pytest.mark.parametrize("words", ["99999999999d", "9" * 5000 + "s"])
def test_a_time_longer_than_python_counts_is_all_time(words):
    assert parse(f"logs hello --since {words}", has_body=False).options == {"since": timedelta.max}
