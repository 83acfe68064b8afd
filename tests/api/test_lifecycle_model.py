"""Any sequence of creating, updating, publishing, naming and deleting agrees with a model of a few lines."""

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambdalab import Lab
from tests.api.conftest import ROLE, RUNTIME, returning

NAMES = st.sampled_from(["f", "g"])
CODES = st.sampled_from(["1", "2"])
ALIASES = st.sampled_from(["a", "b"])
NUMBERS = st.sampled_from(["1", "2", "3", "0", "00", "01", "002"])
"""Versions that there may be, and numbers that none ever has."""
PACKAGES = {code: returning(code) for code in ("1", "2")}


class Model:
    """One function as the contract says it behaves."""

    def __init__(self, code):
        self.latest = (code, 128)
        self.versions = {}
        self.used = 0
        self.aliases = {}

    def publish(self):
        existing = max(self.versions, key=int, default=None)
        if existing is not None and self.versions[existing] == self.latest:
            return existing
        self.used += 1
        self.versions[str(self.used)] = self.latest
        return str(self.used)


class Lifecycle(RuleBasedStateMachine):
    lab = None

    def __init__(self):
        super().__init__()
        self.api = self.lab.client("lambda", config=Config(retries={"max_attempts": 0}))
        self.functions = {}
        for function in self.api.list_functions()["Functions"]:
            self.api.delete_function(FunctionName=function["FunctionName"])

    def call(self, operation, allowed, **params):
        """Do it; the model says whether it is allowed, and the region must say the same."""
        try:
            answer = getattr(self.api, operation)(**params)
        except ClientError as refused:
            assert not allowed, refused
            assert refused.response["ResponseMetadata"]["HTTPStatusCode"] in {400, 404, 409}
            return None
        assert allowed, f"{operation} {params} was not refused"
        return answer

    @rule(name=NAMES, code=CODES, publish=st.booleans())
    def create(self, name, code, publish):
        allowed = name not in self.functions
        package = {"Runtime": RUNTIME, "Handler": "app.handler", "Role": ROLE, "Code": {"ZipFile": PACKAGES[code]}}
        self.call("create_function", allowed, FunctionName=name, Publish=publish, **package)
        if allowed:
            self.functions[name] = Model(code)
            if publish:
                self.functions[name].publish()

    @rule(name=NAMES, code=CODES, publish=st.booleans())
    def update_code(self, name, code, publish):
        model = self.functions.get(name)
        answer = self.call(
            "update_function_code", model is not None, FunctionName=name, ZipFile=PACKAGES[code], Publish=publish
        )
        if model is not None:
            model.latest = (code, model.latest[1])
            assert answer["Version"] == (model.publish() if publish else "$LATEST")

    @rule(name=NAMES, memory=st.sampled_from([128, 256]))
    def update_configuration(self, name, memory):
        model = self.functions.get(name)
        self.call("update_function_configuration", model is not None, FunctionName=name, MemorySize=memory)
        if model is not None:
            model.latest = (model.latest[0], memory)

    @rule(name=NAMES)
    def publish(self, name):
        model = self.functions.get(name)
        answer = self.call("publish_version", model is not None, FunctionName=name)
        if model is not None:
            assert answer["Version"] == model.publish()

    @rule(name=NAMES, alias=ALIASES, version=NUMBERS)
    def create_alias(self, name, alias, version):
        model = self.functions.get(name)
        allowed = model is not None and alias not in model.aliases and version in model.versions
        self.call("create_alias", allowed, FunctionName=name, Name=alias, FunctionVersion=version)
        if allowed:
            model.aliases[alias] = version

    @rule(name=NAMES, alias=ALIASES, version=NUMBERS)
    def move_alias(self, name, alias, version):
        model = self.functions.get(name)
        allowed = model is not None and alias in model.aliases and version in model.versions
        self.call("update_alias", allowed, FunctionName=name, Name=alias, FunctionVersion=version)
        if allowed:
            model.aliases[alias] = version

    @rule(name=NAMES, alias=ALIASES)
    def delete_alias(self, name, alias):
        model = self.functions.get(name)
        self.call("delete_alias", model is not None, FunctionName=name, Name=alias)
        if model is not None:
            model.aliases.pop(alias, None)

    @rule(name=NAMES, qualifier=NUMBERS | ALIASES)
    def read(self, name, qualifier):
        model = self.functions.get(name)
        allowed = model is not None and (qualifier in model.versions or qualifier in model.aliases)
        answer = self.call("get_function_configuration", allowed, FunctionName=name, Qualifier=qualifier)
        self.call("invoke", allowed, FunctionName=name, Qualifier=qualifier, InvocationType="DryRun")
        if allowed:
            assert answer["Version"] == model.aliases.get(qualifier, qualifier)

    @rule(name=NAMES, alias=ALIASES, version=NUMBERS)
    def shift_weight(self, name, alias, version):
        model = self.functions.get(name)
        weights = {"AdditionalVersionWeights": {version: 0.5}}
        there = model is not None and alias in model.aliases
        allowed = there and version in model.versions and version != model.aliases[alias]
        self.call("update_alias", allowed, FunctionName=name, Name=alias, RoutingConfig=weights)
        if allowed:
            self.call("update_alias", True, FunctionName=name, Name=alias, RoutingConfig={})

    @rule(name=NAMES, version=NUMBERS)
    def permit(self, name, version):
        model = self.functions.get(name)
        allowed = model is not None and version in model.versions
        grant = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"}
        self.call("add_permission", allowed, FunctionName=name, Qualifier=version, **grant)
        if allowed:
            self.call("remove_permission", True, FunctionName=name, Qualifier=version, StatementId="s")

    @rule(name=NAMES, version=NUMBERS)
    def delete_version(self, name, version):
        model = self.functions.get(name)
        allowed = model is not None and version not in model.aliases.values()
        self.call("delete_function", allowed, FunctionName=name, Qualifier=version)
        if allowed:
            model.versions.pop(version, None)

    @precondition(lambda self: self.functions)
    @rule(name=NAMES)
    def delete(self, name):
        self.call("delete_function", name in self.functions, FunctionName=name)
        self.functions.pop(name, None)

    @invariant()
    def the_region_shows_what_the_model_has(self):
        listed = {f["FunctionName"] for f in self.api.list_functions()["Functions"]}
        assert listed == set(self.functions)
        for name, model in self.functions.items():
            versions = self.api.list_versions_by_function(FunctionName=name)["Versions"]
            seen = {version["Version"]: (version["CodeSha256"], version["MemorySize"]) for version in versions}
            assert set(seen) == {"$LATEST", *model.versions}
            wanted = {**model.versions, "$LATEST": model.latest}
            assert {number: memory for number, (_, memory) in seen.items()} == {n: m for n, (_, m) in wanted.items()}
            for one in seen:
                for other in seen:
                    same = wanted[one][0] == wanted[other][0]
                    assert (seen[one][0] == seen[other][0]) == same
            aliases = self.api.list_aliases(FunctionName=name)["Aliases"]
            assert {alias["Name"]: alias["FunctionVersion"] for alias in aliases} == model.aliases


@pytest.fixture(scope="module", autouse=True)
def region():
    with Lab(isolated=True) as lab:
        Lifecycle.lab = lab
        yield
        Lifecycle.lab = None


TestLifecycle = Lifecycle.TestCase
TestLifecycle.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
