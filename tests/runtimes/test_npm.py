"""What npm brings into packages and layers, and Node.js functions that need it: npm itself, and real packages."""

import json

import pytest

from lambdalab.client.requirements import NotInstalled
from tests.runtimes.conftest import needs, needs_npm

pytestmark = pytest.mark.toolchains
RUNTIME = "nodejs22.x"
USES_PAD = """
const pad = require('left-pad');
exports.handler = async (event) => pad(event.text, 5, '*');
"""
LISTS_MACHINES = """
const { accessSync, constants, readdirSync } = require('fs');
exports.handler = async () => {
  const machines = readdirSync('node_modules/@esbuild');
  accessSync(`node_modules/@esbuild/${machines[0]}/bin/esbuild`, constants.X_OK);
  return machines;
};
"""


@pytest.fixture(autouse=True)
def here():
    """Every test needs npm, and what it gets packages from."""
    needs(RUNTIME)
    needs_npm()


def test_requirements_are_installed_by_npm_into_the_package(lab):
    deployed = lab["pads"].deploy(USES_PAD, runtime=RUNTIME, requirements=["left-pad@1.3.0"])
    assert deployed.notes == ()
    assert lab["pads"].invoke({"text": "abc"}).payload == "**abc"
    assert not lab["pads"].deploy(USES_PAD, runtime=RUNTIME, requirements=["left-pad@1.3.0"]).changes


def test_native_parts_are_those_of_the_functions_machine_and_stay_programs(lab):
    """esbuild's program is an optional package for each machine, and it has an install script, which is not run."""
    for architecture, name in (("x86_64", "linux-x64"), ("arm64", "linux-arm64")):
        deployed = lab["native"].deploy(
            LISTS_MACHINES, runtime=RUNTIME, requirements=["esbuild@0.25.0"], architecture=architecture, memory=512
        )
        assert "install scripts of npm's packages are not run: esbuild may lack" in deployed.notes[0]
        assert lab["native"].invoke().payload == [name]


def test_a_manifests_production_dependencies_go_with_a_folder_that_asks_for_them(lab, tmp_path):
    (tmp_path / "index.js").write_text(USES_PAD)
    (tmp_path / "package.json").write_text(
        json.dumps({"dependencies": {"left-pad": "1.3.0"}, "devDependencies": {"is-odd": "3.0.1"}})
    )
    bare = lab["folder"].deploy(path=tmp_path, runtime=RUNTIME, handler="index.handler")
    assert "nothing is installed for a folder unless it is asked for" in bare.notes[0]
    assert lab["folder"].invoke({"text": "abc"}).error.type == "Runtime.ImportModuleError"
    whole = lab["folder"].deploy(
        path=tmp_path, runtime=RUNTIME, handler="index.handler", requirements=[str(tmp_path / "package.json")]
    )
    assert whole.notes == ()
    assert lab["folder"].invoke({"text": "abc"}).payload == "**abc"


def test_a_lock_file_beside_the_manifest_decides_the_versions(lab, tmp_path):
    asked = {"dependencies": {"left-pad": "^1.1.0"}}
    locked = {"": asked, "node_modules/left-pad": {"version": "1.2.0"}}
    (tmp_path / "package.json").write_text(json.dumps(asked))
    (tmp_path / "package-lock.json").write_text(json.dumps({"lockfileVersion": 3, "packages": locked}))
    source = "exports.handler = async () => require('left-pad/package.json').version;\n"
    lab["locked"].deploy(source, runtime=RUNTIME, requirements=[str(tmp_path / "package.json")])
    assert lab["locked"].invoke().payload == "1.2.0"


def test_in_a_layer_npms_packages_are_found_by_node(lab):
    made = lab.layer("pads").publish_requirements("left-pad@1.3.0", runtime=RUNTIME)
    assert made.contents == ("left-pad 1.3.0",)
    lab["uses-layer"].deploy(USES_PAD, runtime=RUNTIME)
    lab["uses-layer"].configure(layers=["pads:1"])
    assert lab["uses-layer"].invoke({"text": "abc"}).payload == "**abc"


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("left-pad@99", "npm found no such version: No matching version found for left-pad@99"),
        ("lambdalab-has-no-such-package@1", "npm found no such package: .*lambdalab-has-no-such-package@1"),
    ],
)
def test_what_npm_cannot_have_is_its_own_line(lab, wanted, words):
    with pytest.raises(NotInstalled, match=words):
        lab["none"].deploy(USES_PAD, runtime=RUNTIME, requirements=[wanted])


def test_without_a_network_what_was_installed_before_is_there_and_the_rest_is_an_error(lab, monkeypatch):
    lab["offline"].deploy(USES_PAD, runtime=RUNTIME, requirements=["left-pad@1.3.0"])
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    lab["offline-too"].deploy(USES_PAD, runtime=RUNTIME, requirements=["left-pad@1.3.0"])
    assert lab["offline-too"].invoke({"text": "abc"}).payload == "**abc"
    with pytest.raises(NotInstalled, match=r"npm could not reach the place it gets packages from: .*ECONNREFUSED"):
        lab["offline"].deploy(USES_PAD, runtime=RUNTIME, requirements=["left-pad@1.2.0"])
