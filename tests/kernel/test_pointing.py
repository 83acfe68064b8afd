"""Where the kernel's AWS tools go: to the region, from the first line or call on, whatever became of it."""

import subprocess
import sys

import pytest

from tests.kernel.conftest import Kernel

REAL = "import os; os.environ['AWS_ACCESS_KEY_ID'] = 'AKIAREALSTUDENT'"
KEY = "__import__('os').environ.get('AWS_ACCESS_KEY_ID')"
ENDPOINT = "__import__('os').environ.get('AWS_ENDPOINT_URL')"
LAB = "__import__('lambdalab').lab.endpoint"


@pytest.fixture
def real_account(kernel):
    """The kernel of a person with an account of their own, the extension just loaded."""
    kernel.run("%unload_ext lambdalab")
    kernel.run(REAL)
    assert kernel.run("%load_ext lambdalab").outputs == []
    assert kernel.value(KEY) == "'AKIAREALSTUDENT'"
    yield kernel
    kernel.run("%unload_ext lambdalab")
    assert kernel.value(KEY) == "'AKIAREALSTUDENT'"
    kernel.run("del os.environ['AWS_ACCESS_KEY_ID']")
    kernel.run("%load_ext lambdalab")


@pytest.mark.parametrize(
    "line",
    [
        "%lambda invoke nosuch",
        "%%lambda x --memery 5\ndef handler(event, context): ...",
        "%%lambda x\ndef handler(event, context)",
        "%lambda nosuch",
        "%lambda help",
        "%lambda list",
        "from lambdalab import lab; lab.functions()",
        "from lambdalab import lab; lab['nosuch'].invoke({})",
    ],
)
def test_the_first_line_sets_real_keys_aside_whatever_became_of_it(real_account, line):
    shown = real_account.run(line)
    assert real_account.value(ENDPOINT) == real_account.value(LAB)
    assert real_account.value(KEY) != "'AKIAREALSTUDENT'"
    (said,) = [one for one in shown.outputs if "set aside" in one.get("data", {}).get("text/plain", "")]
    assert said["data"]["text/plain"].startswith("AWS_ACCESS_KEY_ID set aside: AWS calls from this notebook go to")


@pytest.mark.parametrize("again", ["%reload_ext lambdalab", "%unload_ext lambdalab\n%load_ext lambdalab"])
def test_after_a_reload_the_kernel_is_where_it_was_and_says_what_is_set_aside(real_account, again):
    assert real_account.run(again).outputs == []
    assert real_account.value(KEY) == "'AKIAREALSTUDENT'"  # nothing had pointed it to the region
    real_account.run("import boto3\n%lambda list")
    pointed = real_account.value(ENDPOINT), real_account.value(KEY)
    for _ in range(2):
        (said,) = real_account.run(again).outputs
        assert said["data"]["text/plain"].startswith("AWS_ACCESS_KEY_ID set aside: AWS calls from this notebook go to")
        assert (real_account.value(ENDPOINT), real_account.value(KEY)) == pointed
        assert real_account.value("boto3.client('lambda').meta.endpoint_url") == pointed[0]


def test_a_load_long_after_an_unload_points_nowhere(real_account):
    real_account.run("%lambda list")
    real_account.run("%unload_ext lambdalab")
    assert real_account.value(KEY) == "'AKIAREALSTUDENT'"
    assert real_account.run("%load_ext lambdalab").outputs == []
    assert real_account.value(KEY) == "'AKIAREALSTUDENT'"


def test_a_lab_of_another_home_leaves_the_kernels_account_alone(real_account):
    assert real_account.run("from lambdalab import lab\nwith lab(isolated=True) as own: own.functions()").status == "ok"
    assert real_account.value(KEY) == "'AKIAREALSTUDENT'"


def test_boto3_that_was_used_before_goes_to_the_region_and_back(real_account):
    keys = "__import__('boto3').client('sts')._request_signer._credentials.access_key"
    real_account.run(
        "import os; os.environ['AWS_SECRET_ACCESS_KEY'] = 'real'; os.environ['AWS_DEFAULT_REGION'] = 'eu-west-1'"
    )
    assert real_account.value(keys) == "'AKIAREALSTUDENT'"
    real_account.run("%lambda nosuch")
    assert real_account.value(keys) == real_account.value(KEY) != "'AKIAREALSTUDENT'"
    real_account.run("%unload_ext lambdalab")
    assert real_account.value(keys) == "'AKIAREALSTUDENT'"
    real_account.run("del os.environ['AWS_SECRET_ACCESS_KEY'], os.environ['AWS_DEFAULT_REGION']\n%load_ext lambdalab")


def lambdalab(*words):
    subprocess.run([sys.executable, "-m", "lambdalab.cli", *words], check=True, timeout=60, capture_output=True)


@pytest.fixture
def own_home(region_home, tmp_path, monkeypatch):
    """A home that no region has served yet, and a kernel that has loaded the extension and done nothing else."""
    monkeypatch.setenv("LAMBDALAB_HOME", str(tmp_path / "home"))
    running = Kernel()
    assert running.run("%load_ext lambdalab").outputs == []
    yield running
    running.close()
    lambdalab("stop")


def test_loading_alone_starts_no_region(own_home, tmp_path):
    assert own_home.value(ENDPOINT) == "None"
    assert not (tmp_path / "home").exists()


def test_a_region_with_another_port_and_other_keys_is_followed_by_the_next_line_or_call(own_home):
    own_home.run("from lambdalab import lab\nimport boto3")
    own_home.run("%lambda list")
    for line in ("%lambda invoke nosuch", "%lambda nosuch", "lab.functions()", "lab.client()"):
        before = own_home.value(ENDPOINT)
        lambdalab("reset", "--yes")
        own_home.run(line)
        assert own_home.value(ENDPOINT) != before, line
        listed = own_home.run("print(boto3.client('lambda').list_functions()['Functions'])")
        assert listed.text == "[]\n", line


def test_a_region_that_was_stopped_is_back_where_it_was_for_boto3_once_the_shell_has_started_it(own_home):
    own_home.run("import boto3\n%lambda list")
    functions = "print(boto3.client('lambda').list_functions()['Functions'])"
    lambdalab("stop")
    assert own_home.run(functions).error["ename"] == "EndpointConnectionError"
    lambdalab("env")
    assert own_home.run(functions).text == "[]\n"
