"""Terraform's AWS provider, unchanged: apply, a plan that reports nothing to do, an update, destroy."""

import itertools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lambdalab import Lab
from tests.api.conftest import returning, zipped

HERE = Path(__file__).parent


def mirror():
    """The directory that holds the AWS provider for machines that cannot download it; None when there is none."""
    homes = [Path.home() / ".terraform.d/plugins", Path.home() / ".local/share/terraform/plugins"]
    shared = [Path("/usr/local/share/terraform/plugins"), Path("/usr/share/terraform/plugins"), *Path("/opt").glob("*")]
    found = itertools.chain.from_iterable(place.glob("*/hashicorp/aws") for place in [*homes, *shared])
    return next((path.parent.parent.parent for path in found), None)


@pytest.fixture
def terraform(tmp_path):
    """Run one `terraform` command on the configuration beside this file; the answer is (exit status, output)."""
    if shutil.which("terraform") is None:
        pytest.skip("no terraform command")
    if mirror() is None:
        pytest.skip("Terraform's AWS provider is not on this machine")
    shutil.copy(HERE / "main.tf", tmp_path)
    (tmp_path / "layer.zip").write_bytes(zipped({"python/shared.py": "WORD = 'hello'"}))
    (tmp_path / "one.zip").write_bytes(returning("'one'"))
    (tmp_path / "two.zip").write_bytes(returning("'two'"))
    settings = tmp_path / "terraformrc"
    settings.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror()}"\n  }}\n}}\n')
    with Lab(isolated=True) as lab:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "TF_CLI_CONFIG_FILE": str(settings),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            **lab.environment(),
        }

        def run(*words, **variables):
            given = {f"TF_VAR_{name}": value for name, value in variables.items()}
            done = subprocess.run(
                ["terraform", *words, "-no-color"],
                cwd=tmp_path,
                env={**environment, **given},
                capture_output=True,
                text=True,
                timeout=240,
                check=False,
            )
            return done.returncode, done.stdout + done.stderr

        run.lab = lab
        yield run


def test_apply_then_plan_reports_no_changes_then_destroy(terraform):
    assert terraform("init")[0] == 0
    first = {"package": "one.zip"}
    status, said = terraform("apply", "-auto-approve", **first)
    assert (status, "7 added" in said) == (0, True), said
    assert terraform("plan", "-detailed-exitcode", **first)[0] == 0
    assert terraform.lab["tf-hello"].invoke(qualifier="live").payload == "one"

    second = {"package": "two.zip", "canary": '{"1": 0.1}'}
    status, said = terraform("apply", "-auto-approve", **second)
    assert status == 0, said
    status, said = terraform("plan", "-detailed-exitcode", **second)
    assert status == 0, said
    api = terraform.lab.client("lambda")
    alias = api.get_alias(FunctionName="tf-hello", Name="live")
    assert (alias["FunctionVersion"], alias["RoutingConfig"]["AdditionalVersionWeights"]) == ("2", {"1": 0.1})

    status, said = terraform("destroy", "-auto-approve", **second)
    assert (status, "7 destroyed" in said) == (0, True), said
    assert api.list_functions()["Functions"] == []
