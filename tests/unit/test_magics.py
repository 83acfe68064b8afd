"""`%lambda` in an IPython shell, with a fake lab behind it: what is asked of the lab, and what comes back."""

import atexit
import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets import TraitError
from traitlets.config import Config

from lambdalab.errors import BadEvent, BadOption, ResourceNotFound
from lambdalab.notebook.actions.functions import Deleted
from lambdalab.notebook.commands import DEPLOY
from lambdalab.notebook.magics import LambdaLab
from lambdalab.notebook.views.help import Help

ENVIRONMENT = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "LKIA",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
}
ARN = "arn:aws:lambda:us-east-1:123456789012:function:hello"


class Result:
    """What the fake lab answers."""

    versions = ("one",)

    def __repr__(self):
        return "a result"


class FakeFunction:
    def __init__(self, name, lab):
        self._name, self._lab = name, lab

    def _record(self, what, *args, **options):
        self._lab.asked.append((what, self._name, *args, options))
        if self._name == "missing":
            raise ResourceNotFound("Function not found: missing")
        return self._lab.result

    def deploy(self, source, **options):
        return self._record("deploy", source, **options)

    def invoke(self, event, **options):
        return self._record("invoke", event, **options)

    def logs(self, **options):
        return self._record("logs", **options)

    def delete(self, qualifier):
        self._record("delete", qualifier)

    def publish(self, description):
        return self._record("publish", description)

    def alias(self, name, version, **options):
        return self._record("alias", name, version, **options)

    def versions(self, compare):
        return self._record("versions", compare)

    def rollback(self, alias):
        return self._record("rollback", alias)

    def settings(self):
        return self._record("settings")

    def configure(self, *, waiting, **settings):
        waiting("60 s for something, simulated")
        return self._record("configure", **settings)

    def concurrency(self):
        return self._record("concurrency")

    def reserve(self, count):
        return self._record("reserve", count)

    def provision(self, count, **options):
        return self._record("provision", count, **options)


class FakeLayer:
    def __init__(self, name, lab):
        self._name, self._lab = name, lab

    def __getattr__(self, what):
        def record(*args, **options):
            self._lab.asked.append((what, self._name, *args, options))
            return self._lab.result

        return record


class FakeLab:
    """A lab that remembers what it was asked."""

    def __init__(self):
        self.asked, self.result = [], Result()

    def __getitem__(self, name):
        return FakeFunction(name, self)

    def functions(self):
        return ["hello"]

    def layer(self, name):
        return FakeLayer(name, self)

    def layers(self):
        return ["common"]

    @property
    def names(self):
        return self

    def doctor(self):
        return "well"

    def environment(self):
        return ENVIRONMENT


@pytest.fixture
def shell(monkeypatch, tmp_path):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    for name in (*ENVIRONMENT, "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "VIRTUAL_ENV"):
        monkeypatch.delenv(name, raising=False)
    config = Config()
    config.HistoryManager.enabled = False
    made = InteractiveShell(config=config)
    made.lab = FakeLab()
    made.magics = LambdaLab(made, lambda: made.lab)
    made.register_magics(made.magics)
    yield made
    made.magics.environment.restore()
    atexit.unregister(made.atexit_operations)
    made.atexit_operations()
    made.restore_sys_module_state()


def test_a_cell_deploys_with_its_body_verbatim(shell):
    body = "def handler(event, context):\n    return '{event}' + \"$HOME\"\n\n"
    ran = shell.run_cell("%%lambda hello --memory 256 --env A1=1 --env B1=2\n" + body, store_history=True)
    assert ran.result is shell.lab.result
    ((what, name, source, options),) = shell.lab.asked
    assert (what, name, source) == ("deploy", "hello", body)
    assert (options["memory"], options["timeout"], options["env"]) == (256, 3, {"A1": "1", "B1": "2"})
    assert options["runtime"] == f"python3.{sys.version_info.minor}"
    assert options["cell"].label == f"Cell In[{ran.execution_count}]"
    assert (options["cell"].text, options["cell"].first_line) == (body, 2)


def test_blank_lines_above_the_magic_count_as_the_editor_counts_them(shell):
    shell.run_cell("\n\n\n%%lambda hello\ndef handler(event, context):\n    return 1\n", store_history=True)
    shell.run_cell("\n\n%%lambda layer tools\nX = 1\n", store_history=True)
    (_, _, _, function), (_, _, _, layer) = shell.lab.asked
    assert (function["cell"].first_line, layer["first_line"]) == (5, 4)
    refused = shell.run_cell("\n\n\n%%lambda invoke hello\n{'a': 1}\n", store_history=True)
    assert "line 5, column 2" in str(refused.error_in_exec)


def test_an_invocation_returns_the_result_to_the_name_it_is_given(shell):
    assert shell.run_cell("r = %lambda invoke hello --set name=Ada").success
    assert shell.user_ns["r"] is shell.lab.result
    assert shell.lab.asked == [("invoke", "hello", {"name": "Ada"}, {"qualifier": None})]


def test_the_cells_body_is_the_event(shell):
    shell.run_cell_magic("lambda", "invoke hello:prod", '{"name": "Grace"}\n')
    assert shell.lab.asked == [("invoke", "hello", {"name": "Grace"}, {"qualifier": "prod"})]


def test_a_variable_is_the_event(shell):
    shell.user_ns["order"] = {"id": 7}
    shell.run_line_magic("lambda", "invoke hello --event order --set id=8 --qualifier 2")
    assert shell.lab.asked == [("invoke", "hello", {"id": 8}, {"qualifier": "2"})]


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("text={name}", {"text": "Ada L."}),
        ("text=$name", {"text": "Ada L."}),
        ("text='Dear {name}!'", {"text": "Dear Ada L.!"}),
        ("n={n + 1}", {"n": 42}),
        ("order={order}", {"order": {"id": 7, "ok": True}}),
        ("id={order['id']}", {"id": 7}),
        ('user={"n":10}', {"user": {"n": 10}}),
        ('user={"name": {}}', {"user": {"name": {}}}),
        ("path=/items/{id}/{proxy+}", {"path": "/items/{id}/{proxy+}"}),
        ("price=$5", {"price": "$5"}),
        ("text={{name}}", {"text": "{name}"}),
        ("text=$$name", {"text": "$name"}),
        ("text={nosuch}", {"text": "{nosuch}"}),
    ],
)
def test_a_variables_value_stands_for_its_name_and_json_stays_as_it_is(shell, written, sent):
    shell.user_ns.update(name="Ada L.", n=41, order={"id": 7, "ok": True})
    shell.run_cell(f"%lambda invoke hello --set {written}")
    assert shell.lab.asked == [("invoke", "hello", sent, {"qualifier": None})]


def test_variables_name_functions_on_lines_cells_and_in_functions_of_the_notebook(shell):
    shell.user_ns["name"] = "hello"
    shell.run_cell("%lambda invoke {name}")
    shell.run_cell("%%lambda $name-2\ndef handler(event, context):\n    return '{name} $name'\n")
    shell.run_cell("def call(one, sent):\n    %lambda invoke $one --event sent\ncall('other', [1])")
    assert [asked[:3] for asked in shell.lab.asked] == [
        ("invoke", "hello", {}),
        ("deploy", "hello-2", "def handler(event, context):\n    return '{name} $name'\n"),
        ("invoke", "other", [1]),
    ]


def test_an_expression_that_fails_is_refused_with_its_reason(shell):
    shell.user_ns["order"] = {}
    with pytest.raises(BadOption, match=r"\{order\['id'\]\} cannot be had: KeyError: 'id'"):
        shell.run_line_magic("lambda", "invoke hello --set id={order['id']}")


@pytest.mark.parametrize("line", ["", "--help", "help"])
def test_help_asks_the_lab_for_no_function(shell, line):
    assert shell.run_line_magic("lambda", line) == Help()
    assert shell.lab.asked == []


def test_a_cell_without_a_name_is_refused_and_an_empty_one_gets_help(shell):
    with pytest.raises(BadOption, match="needs a function's name"):
        shell.run_cell_magic("lambda", "", "def handler(event, context):\n    return 1\n")
    assert isinstance(shell.run_cell_magic("lambda", "", "\n"), Help)
    assert shell.run_cell_magic("lambda", "--help", "def handler(event, context): ...\n") == Help(DEPLOY)


@pytest.mark.parametrize("asked", ["help %%lambda", "help deploy", "deploy --help"])
def test_the_cells_own_options_are_found_however_one_asks(shell, asked):
    assert shell.run_line_magic("lambda", asked) == Help(DEPLOY)
    assert shell.run_cell_magic("lambda", "--help", "\n") == Help(DEPLOY)
    assert shell.run_line_magic("lambda", "help %lambda") == Help()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("hello", "the cell is empty: write the function's code below its %%lambda hello line"),
        ("hello --image", "write a Dockerfile below"),
        ("layer common", "write the module's code below its %%lambda layer common line"),
    ],
)
def test_an_empty_cell_is_told_what_to_write_in_it(shell, line, said):
    with pytest.raises(BadOption, match=said):
        shell.run_cell_magic("lambda", line, "\n")
    assert shell.lab.asked == []


def test_an_empty_cell_of_a_command_without_a_body_is_the_command(shell):
    assert shell.run_cell_magic("lambda", "list", "\n") == ["hello"]


def test_help_for_a_sub_command_is_found_both_ways(shell):
    assert shell.run_line_magic("lambda", "help invoke") == shell.run_line_magic("lambda", "invoke --help")
    with pytest.raises(BadOption, match=r"Did you mean invoke\?"):
        shell.run_line_magic("lambda", "help invok")


def test_the_other_sub_commands_ask_the_lab(shell):
    assert shell.run_line_magic("lambda", "list") == ["hello"]
    assert shell.run_line_magic("lambda", "doctor") == "well"
    assert shell.run_line_magic("lambda", "delete hello") == Deleted("hello")
    shell.run_line_magic("lambda", "logs hello --since 5m --grep ERROR --limit 20")
    (_, (what, name, options)) = shell.lab.asked
    assert (what, name) == ("logs", "hello")
    assert (options["since"].total_seconds(), options["grep"], options["limit"]) == (300, "ERROR", 20)


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ('publish hello -m "first cut"', ("publish", "hello", "first cut", {})),
        ("publish hello", ("publish", "hello", None, {})),
        ("alias hello production 1", ("alias", "hello", "production", "1", {"canary": None, "description": None})),
        (
            "alias hello production 1 --canary 2=10%",
            ("alias", "hello", "production", "1", {"canary": {"2": 0.1}, "description": None}),
        ),
        (
            "alias hello production --description live",
            ("alias", "hello", "production", None, {"canary": None, "description": "live"}),
        ),
        ("versions hello", ("versions", "hello", None, {})),
        ("versions hello --compare 1 production", ("versions", "hello", ("1", "production"), {})),
        ("rollback hello production", ("rollback", "hello", "production", {})),
        ("config hello", ("settings", "hello", {})),
        (
            "config hello --layer common:1 --memory 512 --env STAGE=prod --kms alias/lab --arch arm64"
            " --vpc subnet-1,subnet-2/sg-1",
            (
                "configure",
                "hello",
                {
                    "layers": ["common:1"],
                    "memory": 512,
                    "env": {"STAGE": "prod"},
                    "kms": "alias/lab",
                    "architecture": "arm64",
                    "vpc": (("subnet-1", "subnet-2"), ("sg-1",)),
                },
            ),
        ),
        (
            "config hello --layer none --kms none --vpc none --unset A --unset B --tmp 1024 --log-format JSON --snapstart none",
            (
                "configure",
                "hello",
                {
                    "layers": [],
                    "kms": "",
                    "vpc": ((), ()),
                    "env_remove": ["A", "B"],
                    "ephemeral": 1024,
                    "log_format": "JSON",
                    "snapstart": False,
                },
            ),
        ),
        ("concurrency hello", ("concurrency", "hello", {})),
        ("concurrency hello --reserved 5", ("reserve", "hello", 5, {})),
        ("concurrency hello --reserved 0", ("reserve", "hello", 0, {})),
        ("concurrency hello --reserved none", ("reserve", "hello", None, {})),
        ("concurrency hello:production --provisioned 2", ("provision", "hello", 2, {"qualifier": "production"})),
        ("concurrency hello:1 --provisioned none", ("provision", "hello", None, {"qualifier": "1"})),
        ("delete hello:1", ("delete", "hello", "1", {})),
        (f"invoke {ARN}", ("invoke", ARN, {}, {"qualifier": None})),
        (f"invoke {ARN}:production", ("invoke", ARN, {}, {"qualifier": "production"})),
        ("invoke 123456789012:hello:1", ("invoke", "123456789012:hello", {}, {"qualifier": "1"})),
        (f"logs {ARN}:1", ("logs", ARN, {"qualifier": "1"})),
        (f"delete {ARN}", ("delete", ARN, None, {})),
        (f"concurrency {ARN}:production --provisioned 2", ("provision", ARN, 2, {"qualifier": "production"})),
        (f"config {ARN}", ("settings", ARN, {})),
        ("layer common", ("versions", "common", {})),
        ("layer common --delete 2", ("delete", "common", 2, {})),
        (
            'layer common --requirements "requests==2.*" --requirements six --runtime python3.12 --refresh',
            (
                "publish_requirements",
                "common",
                "requests==2.*",
                "six",
                {"runtime": "python3.12", "architecture": "x86_64", "description": "", "refresh": True},
            ),
        ),
    ],
)
def test_a_line_asks_the_client_for_what_it_says(shell, line, asked):
    shell.run_line_magic("lambda", line)
    assert shell.lab.asked == [asked]


def test_deleting_a_version_says_so(shell):
    assert shell.run_line_magic("lambda", "delete hello:1") == Deleted("hello", "1")
    assert shell.run_line_magic("lambda", f"delete {ARN}:1") == Deleted("hello", "1")
    assert repr(Deleted("hello", "1")) == "hello:1 deleted"


def test_all_layers_are_listed_without_a_name(shell):
    assert shell.run_line_magic("lambda", "layer") == ["common"]


def test_a_cells_body_becomes_a_layers_module(shell):
    shell.run_cell_magic("lambda", "layer my-tools --module tools --runtime python3.12 -d helpers", "X = 1\n")
    ((what, name, source, options),) = shell.lab.asked
    assert (what, name, source) == ("publish_module", "my-tools", "X = 1\n")
    assert options["label"].startswith("Cell In[") and options["first_line"] == 2
    assert (options["module"], options["runtimes"], options["description"]) == ("tools", ["python3.12"], "helpers")


@pytest.mark.parametrize(
    ("line", "body", "said"),
    [
        ("alias hello production", None, "says nothing to change: add a version"),
        ("concurrency hello:1 --reserved 5", None, "%lambda concurrency hello --reserved 5"),
        ("concurrency hello --provisioned 2", None, "%lambda concurrency hello:production --provisioned 2"),
        ("config hello --layer none --layer common:1", None, "--layer none takes all layers away"),
        ("layer --requirements requests", None, "needs the layer's name"),
        ("layer", "X = 1\n", "needs the layer's name"),
        ("layer common --runtime python3.12", None, "--runtime goes with --requirements or a cell's body"),
        ("layer common --module tools", None, "--module goes with a cell's body"),
        ("layer common --requirements six --module tools", None, "--module goes with a cell's body"),
        ("layer common --refresh", "X = 1\n", "--refresh goes with --requirements"),
        ("layer common --requirements six", "X = 1\n", "--requirements goes without a cell's body"),
        ("layer common --delete 1 --requirements six", None, "--delete goes alone"),
    ],
)
def test_what_does_not_go_together_is_refused_before_the_lab_is_asked(shell, line, body, said):
    with pytest.raises(BadOption) as caught:
        if body is None:
            shell.run_line_magic("lambda", line)
        else:
            shell.run_cell_magic("lambda", line, body)
    assert said in str(caught.value)
    assert shell.lab.asked == []


def test_an_error_is_raised_and_shown_as_one_line_without_internals(shell, capsys):
    outcome = shell.run_cell("%lambda delete missing")
    assert isinstance(outcome.error_in_exec, ResourceNotFound)
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "ResourceNotFoundException: Function not found: missing" in shown.out
    assert "Traceback" not in shown.out and "magics.py" not in shown.out


def test_the_whole_traceback_can_be_asked_for(shell, capsys):
    shell.run_cell("%config LambdaLab.full_traceback = True")
    shell.run_cell("%lambda delete missing")
    shown = capsys.readouterr().out
    assert "Traceback" in shown and "actions" in shown


def test_a_body_that_is_not_json_names_the_cell(shell):
    with pytest.raises(BadEvent, match=r"Cell In\[\d+\], line 2, column 1"):
        shell.run_cell_magic("lambda", "invoke hello", "nope\n")
    assert shell.lab.asked == []


def test_settings_are_defaults_for_new_functions(shell):
    shell.run_cell("%config LambdaLab.memory = 512")
    shell.run_cell_magic("lambda", "hello", "x\n")
    shell.run_cell_magic("lambda", "hello --memory 256", "x\n")
    assert [asked[3]["memory"] for asked in shell.lab.asked] == [512, 256]


def test_a_runtime_can_be_a_setting_and_is_said_by_nobody(shell, capsys, caplog):
    shell.run_cell('%config LambdaLab.runtime = "python3.9"')
    shell.run_cell_magic("lambda", "hello", "x\n")
    assert shell.lab.asked[-1][3]["runtime"] == "python3.9"
    assert not "".join(capsys.readouterr()) and not caplog.records


def test_a_setting_that_is_no_runtime_is_refused_and_not_kept(shell):
    before = shell.magics.runtime
    with pytest.raises(TraitError, match=r"'python3\.99', which Lambda does not have\. Did you mean python3"):
        shell.magics.runtime = "python3.99"
    assert shell.magics.runtime == before


def test_a_setting_outside_lambdas_range_is_refused(shell):
    with pytest.raises(TraitError, match="less than or equal to 10240"):
        shell.magics.memory = 20_000
    assert shell.magics.memory == 128


def test_every_setting_has_help():
    assert all(trait.help for trait in LambdaLab.class_traits(config=True).values())


def test_the_magic_has_documentation_that_names_its_forms():
    assert "%%lambda NAME" in LambdaLab.lambda_.__doc__ and "%lambda invoke NAME" in LambdaLab.lambda_.__doc__


def test_the_aws_tools_of_the_kernel_are_pointed_at_the_region(shell, monkeypatch):
    import os

    shell.run_line_magic("lambda", "list")
    assert {name: os.environ[name] for name in ENVIRONMENT} == ENVIRONMENT
    shell.magics.environment.restore()
    assert not set(ENVIRONMENT) & set(os.environ)


def test_real_aws_settings_are_set_aside_with_a_word(shell, monkeypatch, capsys):
    monkeypatch.setenv("AWS_PROFILE", "work")
    shell.run_line_magic("lambda", "list")
    assert "AWS_PROFILE set aside: AWS calls from this notebook go to the local region." in capsys.readouterr().out
    shell.run_line_magic("lambda", "list")
    assert capsys.readouterr().out == ""
