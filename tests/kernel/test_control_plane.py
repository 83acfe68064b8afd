"""Versions, aliases, layers, settings and concurrency as a person would try them: one notebook, run from top to bottom."""

import pytest

from lambdalab.client import region
from lambdalab.config import load
from tests.wheels import only_from, wheel

pytestmark = pytest.mark.toolchains
HELLO = """%%lambda hello --runtime python3.12
def handler(event, context):
    return {"greeting": "hello " + event["name"]}
"""
SECOND = """%%lambda hello --runtime python3.12
def handler(event, context):
    if event["name"] == "nobody":
        raise ValueError("nobody is there")
    return {"greeting": "good day " + event["name"]}
"""
REST_OF_AWS = """
import boto3
kms, ec2 = boto3.client("kms"), boto3.client("ec2")
kms.create_alias(AliasName="alias/lab", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
group = ec2.create_security_group(VpcId=vpc, GroupName="g", Description="d")["GroupId"]
settings = "--layer common:1 --memory 512 --env STAGE=prod --kms alias/lab --arch arm64"
configured = get_ipython().run_line_magic("lambda", f"config hello {settings} --vpc {subnet}/{group}")
"""
CALLS = """
from lambdalab import lab
for _ in range(40):
    lab["hello"].invoke({"name": "nobody"}, qualifier="production")
"""
USES_LAYERS = """%%lambda uses-layers --runtime python3.12
import common, requests
def handler(event, context):
    return [common.greeting(event["name"]), requests.__version__]
"""
NOTEBOOK = (
    "%load_ext lambdalab",
    HELLO,
    '%lambda publish hello -m "first cut"',
    "%lambda publish hello",
    "%lambda alias hello production 1",
    SECOND,
    "%lambda publish hello -m 'polite'",
    "%lambda alias hello production 1 --canary 2=10%",
    CALLS,
    "%lambda versions hello",
    "%lambda versions hello --compare 1 2",
    "%lambda rollback hello production",
    '%lambda layer common --requirements "requests==2.*" --runtime python3.12',
    "%%lambda layer common\ndef greeting(name):\n    return 'hello ' + name\n",
    "%lambda layer common",
    "%lambda layer",
    REST_OF_AWS,
    "configured",
    "%lambda config hello",
    "%lambda concurrency hello --reserved 5",
    "%lambda concurrency hello:production --provisioned 2",
    "%lambda concurrency hello",
    "%lambda concurrency hello:production --provisioned none",
    "%lambda concurrency hello --reserved none",
    "%lambda delete hello:2",
    "%lambda delete hello:production",
    "%lambda delete hello",
)


@pytest.fixture
def own_home(region_home, monkeypatch, tmp_path):
    """A region in a home of its own, where what AWS takes a minute for takes a hundredth of a second."""
    monkeypatch.setenv("LAMBDALAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LAMBDALAB_CLOCK_RATE", "6000")
    wheel(tmp_path / "wheels", "requests", "2.99.0")
    only_from(monkeypatch, tmp_path / "wheels")
    yield tmp_path / "home"
    region.stop(load())


def shown(notebook, source):
    """The one output of the cell that is `source`."""
    (cell,) = [cell for cell in notebook.cells if cell.source == source]
    (output,) = cell.outputs
    return output["data"]


def test_a_notebook_publishes_names_shifts_configures_and_deletes(own_home, run_notebook):
    done = run_notebook(*NOTEBOOK)
    for cell in done.cells[1:]:
        kinds = [output["output_type"] for output in cell.outputs]
        if cell.source in (CALLS, REST_OF_AWS):  # a slow region leaves its emptied status line in a cell of code
            assert set(kinds) <= {"display_data"}, cell.outputs
        else:
            assert kinds == ["execute_result"], cell.source

    def words(source):
        return shown(done, source)["text/plain"]

    assert words('%lambda publish hello -m "first cut"').startswith("hello:1 published in ")
    assert words("%lambda publish hello") == "hello:1 is $LATEST already, nothing published"
    assert words("%lambda alias hello production 1") == "hello:production -> 1"
    assert words("%lambda alias hello production 1 --canary 2=10%") == "hello:production -> 1 90% + 2 10% (was 1)"
    assert words("%lambda versions hello") == "hello: 2 versions; production 1 90% + 2 10%"
    assert words("%lambda rollback hello production") == "hello:production -> 1 (was 1 90% + 2 10%)"
    assert words("%lambda layer common") == "layer common: 2 versions, newest common:2"
    assert words("%lambda layer") == "1 layer: common:2"
    for change in ("architecture", "memory", "layers", "KMS key", "VPC", "STAGE"):
        assert change in words("configured")
    assert words("%lambda config hello") == "hello: python3.12, 512 MB, timeout 3 s"
    assert words("%lambda concurrency hello --reserved 5") == "hello concurrency: reserved 5 of 1000"
    assert words("%lambda concurrency hello:production --provisioned 2").endswith("provisioned production 2/2 READY")
    assert words("%lambda concurrency hello:production --provisioned none") == "hello concurrency: reserved 5 of 1000"
    assert words("%lambda concurrency hello --reserved none") == "hello concurrency: shares 1000 of 1000"
    assert words("%lambda delete hello:2") == "hello:2 deleted"
    assert words("%lambda delete hello:production") == "hello:production deleted"
    assert words("%lambda delete hello") == "hello deleted; its log stays, as on AWS"


def test_the_picture_of_versions_shows_what_was_observed(own_home, run_notebook):
    done = run_notebook(*NOTEBOOK[:11])
    page = shown(done, "%lambda versions hello")["text/html"]
    assert "production sends 90\u00a0% to version 1 and 10\u00a0% to version 2" in page
    assert "Where the last 40 calls through production went" in page
    compared = shown(done, "%lambda versions hello --compare 1 2")["text/html"]
    assert "Version 1 → Version 2" in compared and "nobody is there" in compared


def test_a_function_imports_what_its_layers_bring(own_home, run_notebook):
    done = run_notebook(
        "%load_ext lambdalab",
        '%lambda layer packages --requirements "requests==2.*" --runtime python3.12',
        "%%lambda layer common\ndef greeting(name):\n    return 'hello ' + name\n",
        USES_LAYERS,
        "%lambda config uses-layers --layer packages:1 --layer common:1",
        "r = %lambda invoke uses-layers --set name=Ada",
        "print(r.payload)",
    )
    assert done.cells[-1].outputs[0]["text"] == "['hello Ada', '2.99.0']\n"


def test_running_all_twice_publishes_no_layer_and_no_version_again(own_home, run_notebook):
    cells = (
        "%load_ext lambdalab",
        HELLO,
        "%lambda publish hello",
        '%lambda layer common --requirements "requests==2.*" --runtime python3.12',
        "%%lambda layer common\nX = 1\n",
    )
    run_notebook(*cells)
    again = run_notebook(*cells)
    assert "nothing published" in shown(again, cells[2])["text/plain"]
    assert "nothing published" in shown(again, cells[3])["text/plain"]
    assert "common:2 has this content already" in shown(again, cells[4])["text/plain"]


def test_what_pip_cannot_have_is_one_clean_error(own_home, run_notebook):
    done = run_notebook(
        "%load_ext lambdalab", "%lambda layer common --requirements numpy --runtime python3.12", allow_errors=True
    )
    (output,) = done.cells[1].outputs
    assert output["ename"] == "NotInstalled"
    assert output["evalue"].startswith("pip found no wheel of numpy for python3.12 on x86_64.")
