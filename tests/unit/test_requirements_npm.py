"""Requirements of Node.js: what npm is asked for and what becomes of its answers, with an npm that only writes down."""

import json
import re
import subprocess
import zipfile
from io import BytesIO

import pytest

from lambdalab.client import requirements
from lambdalab.client.requirements import NotInstalled, npm
from lambdalab.client.requirements.npm import Npm, Ran
from lambdalab.errors import BadOption

PAD = {"node_modules/left-pad/package.json": json.dumps({"name": "left-pad", "version": "1.3.0"})}


class FakeNpm:
    """Stands for npm's process: writes down its commands and the files beside it, and makes the files that it is told.

    `said` and `status` are what it answers, `version` what it answers to `--version`, `raises` what running it raises.
    """

    def __init__(self):
        self.commands, self.found = [], []
        self.makes, self.said, self.status = PAD, "", 0
        self.version, self.raises = "11.0.0", None

    def __call__(self, command, directory, variables):
        if self.raises is not None:
            raise self.raises
        if command[1:] == ["--version"]:
            return Ran(0, f"{self.version}\n")
        self.commands.append(command)
        self.found.append({path.name: path.read_text() for path in directory.iterdir()})
        for path, text in self.makes.items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text)
        return Ran(self.status, self.said)


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setenv("LAMBDALAB_NPM", "/usr/bin/npm-of-this-test")
    made = FakeNpm()
    monkeypatch.setitem(requirements._INSTALLERS, "nodejs", Npm(made))
    return made


@pytest.fixture
def install(tmp_path):
    def run(*words, runtime="nodejs22.x", architecture="x86_64", **more):
        return requirements.install(words, runtime=runtime, architecture=architecture, cache=tmp_path / "cache", **more)

    return run


@pytest.fixture
def project(tmp_path):
    """A package.json with these members, and files beside it; its path."""

    def make(manifest, **beside):
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        (folder / "package.json").write_text(json.dumps(manifest))
        for name, text in beside.items():
            (folder / name.replace("_", "-").replace("dot-", ".").replace("-json", ".json")).write_text(text)
        return str(folder / "package.json")

    return make


def names(installed):
    return zipfile.ZipFile(BytesIO(installed.package.data)).namelist()


# -- what is asked for


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["left-pad@1.3.0"], ("left-pad@1.3.0",)),
        (["left-pad@1.3.0 uuid"], ("left-pad@1.3.0", "uuid")),
        (["@aws-sdk/client-s3@^3 @types/node"], ("@aws-sdk/client-s3@^3", "@types/node")),
        (["uuid@>=9 <12 left-pad", "qs"], ("uuid@>=9 <12", "left-pad", "qs")),
    ],
)
def test_one_word_is_one_package_or_several_with_spaces_between(words, lines):
    assert Npm().read(words).lines == lines


def test_a_path_is_seen_from_where_the_notebook_is(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert Npm().read(["./mine", "file:../other"]).lines == (str(tmp_path / "mine"), str(tmp_path / "../other"))


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("--save-dev x", "not options of npm"),
        ("missing/package.json", "cannot be read"),
        ("tsconfig.json", "a file of requirements is a package.json"),
        ("requirements.txt", "a file of requirements is a package.json"),
        ("  ", "names nothing to install"),
    ],
)
def test_what_is_no_requirement_is_refused_before_npm_runs(word, said):
    with pytest.raises(BadOption, match=re.escape(said)):
        Npm().read([word])


def test_a_manifest_and_names_do_not_go_together(project):
    with pytest.raises(BadOption, match="not both"):
        Npm().read([project({"dependencies": {"qs": "1"}}), "uuid"])


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({}, "names no dependencies"),
        ({"devDependencies": {"jest": "1"}}, "names no dependencies"),
        ({"dependencies": {"mine": "file:../mine"}}, "mine would come from folders beside it"),
        ({"dependencies": {"mine": "workspace:*"}}, "mine would come from folders beside it"),
        ({"dependencies": {"qs": "1"}, "workspaces": ["a"]}, "workspaces would come from folders beside it"),
    ],
)
def test_a_manifest_that_cannot_be_installed_elsewhere_is_refused(project, manifest, said):
    with pytest.raises(BadOption, match=said):
        Npm().read([project(manifest)])


@pytest.mark.parametrize(
    ("line", "elsewhere"),
    [
        ("qs", False),
        ("qs@^6.1 || 7", False),
        ("@a/b@1", False),
        ("pad@npm:left-pad@1", False),
        ("pad@npm:@a/b@1", False),
        ("owner/repository", True),
        ("qs@git+ssh://git@host/qs.git", True),
        ("./local", True),
        ("file:/somewhere", True),
    ],
)
def test_only_packages_by_their_names_are_what_they_are_tomorrow(line, elsewhere):
    assert Npm().read([line]).elsewhere is elsewhere


# -- how npm is called


@pytest.mark.parametrize(("architecture", "cpu"), [("x86_64", "x64"), ("arm64", "arm64")])
def test_npm_installs_for_the_functions_machine_and_runs_no_scripts(fake, install, architecture, cpu):
    install("left-pad@1.3.0", "uuid", architecture=architecture)
    (command,) = fake.commands
    assert command[:2] == ["/usr/bin/npm-of-this-test", "install"]
    assert command[-3:] == ["--", "left-pad@1.3.0", "uuid"]
    assert {"--os=linux", f"--cpu={cpu}", "--libc=glibc", "--ignore-scripts", "--omit=dev"} <= set(command)
    assert not [word for word in command if "registry" in word]


def test_a_manifest_is_installed_as_it_stands_without_its_lock_where_there_is_none(fake, install, project):
    manifest = {"dependencies": {"left-pad": "^1"}, "devDependencies": {"jest": "1"}}
    install(project(manifest, dot_npmrc="legacy-peer-deps=true\n"))
    assert fake.commands[0][1] == "install" and fake.commands[0][-1] == "--"
    assert json.loads(fake.found[0]["package.json"]) == manifest
    assert fake.found[0][".npmrc"] == "legacy-peer-deps=true\n"


def test_a_lock_file_beside_the_manifest_is_what_is_installed(fake, install, project):
    install(project({"dependencies": {"left-pad": "^1"}}, package_lock_json='{"lockfileVersion": 3}'))
    assert fake.commands[0][1] == "ci"
    assert fake.found[0]["package-lock.json"] == '{"lockfileVersion": 3}'


def test_names_are_installed_beside_an_empty_manifest_so_that_no_other_is_taken(fake, install):
    install("left-pad")
    assert json.loads(fake.found[0]["package.json"]) == {"private": True}


@pytest.mark.parametrize("version", ["6.14.18", "9.2.0", "10.3.0"])
def test_an_npm_that_cannot_choose_by_another_machine_is_not_asked_to(fake, install, monkeypatch, version):
    fake.version = version
    monkeypatch.setattr(npm.platform, "machine", lambda: "x86_64")
    with pytest.raises(NotInstalled, match=rf"npm {version} .* on arm64\. npm 10\.4 and newer can do it"):
        install("left-pad", architecture="arm64")
    assert fake.commands == []


# -- what is made of it


def test_the_package_has_node_modules_and_says_what_is_in_it(fake, install):
    fake.makes = {
        **PAD,
        "node_modules/@a/b/package.json": '{"name": "@a/b", "version": "2.0.0"}',
        "node_modules/@a/b/node_modules/left-pad/package.json": '{"name": "left-pad", "version": "1.0.0"}',
        "node_modules/@a/b/test/package.json": '{"name": "no-package"}',
        "node_modules/.package-lock.json": '{"resolved": "an address"}',
    }
    made = install("left-pad", "@a/b")
    assert made.distributions == (("@a/b", "2.0.0"), ("left-pad", "1.0.0"), ("left-pad", "1.3.0"))
    assert not made.kept and not made.notes
    assert "node_modules/left-pad/package.json" in names(made)
    assert not [name for name in names(made) if "lock" in name or name == "package.json"]


def test_in_a_layer_they_are_where_every_node_looks(fake, install):
    assert names(install("left-pad", layer=True)) == ["nodejs/node_modules/left-pad/package.json"]


def test_packages_with_install_scripts_are_named_for_theirs_were_not_run(fake, install):
    fake.makes = {
        **PAD,
        "node_modules/esbuild/package.json": '{"name": "esbuild", "scripts": {"postinstall": "node install.js"}}',
        "node_modules/native/package.json": '{"name": "native", "scripts": {"test": "x"}}',
        "node_modules/native/binding.gyp": "{}",
    }
    made = install("esbuild", "native", "left-pad")
    assert made.contents.unscripted == ("esbuild", "native")
    assert "not run: esbuild, native may lack" in made.notes[0]
    assert install("esbuild", "native", "left-pad").notes == made.notes


def test_programs_of_packages_stay_programs(fake, install):
    made = install("left-pad")
    assert made.programs == frozenset()

    def run(command, directory, variables):
        done = fake(command, directory, variables)
        (directory / "node_modules/left-pad/package.json").chmod(0o755)
        return done

    requirements._INSTALLERS["nodejs"] = Npm(run)
    assert install("left-pad", refresh=True).programs == {"node_modules/left-pad/package.json"}


def test_the_same_requirements_are_installed_once_and_kept(fake, install):
    first = install("left-pad", "uuid")
    again = install("uuid", "left-pad")
    assert again.kept and again.package == first.package
    assert len(fake.commands) == 1
    for other in ({"runtime": "nodejs20.x"}, {"architecture": "arm64"}, {"refresh": True}, {"layer": True}):
        assert not install("left-pad", "uuid", **other).kept


def test_a_manifest_is_kept_by_its_content_and_its_locks(fake, install, project):
    asked = {"dependencies": {"left-pad": "^1"}}
    install(project(asked))
    assert install(project(asked)).kept
    assert not install(project(asked, package_lock_json="{}")).kept
    assert not install(project({**asked, "overrides": {"qs": "1"}}, package_lock_json="{}")).kept


def test_what_refers_elsewhere_is_never_kept(fake, install):
    install("owner/repository")
    assert not install("owner/repository").kept


# -- what goes wrong

GONE = """npm error code E404
npm error 404 Not Found - GET an-address/lef-pad - not_found
npm error 404
npm error 404  'lef-pad@1' is not in this registry.
npm error 404
npm error 404 Note that you can also install from a
npm error A complete log of this run can be found in: /somewhere
"""
NO_VERSION = """npm ERR! code ETARGET
npm ERR! notarget No matching version found for left-pad@99.
npm ERR! notarget In most cases you or one of your dependencies are requesting
"""
REFUSED = """npm error code ECONNREFUSED
npm error syscall connect
npm error errno ECONNREFUSED
npm error FetchError: request to an-address failed, reason: connect ECONNREFUSED
npm error     at ClientRequest.<anonymous> (/usr/lib/index.js:130:14)
npm error   code: 'ECONNREFUSED',
"""
UNKNOWN_HOST = (
    "npm error code ENOTFOUND\nnpm error network request to an-address failed, reason: getaddrinfo ENOTFOUND\n"
)
OUT_OF_STEP = """npm error code EUSAGE
npm error
npm error `npm ci` can only install packages when your package.json and package-lock.json are in sync.
npm error
npm error Invalid: lock file's left-pad@1.3.0 does not satisfy left-pad@1.2.0
npm error
npm error Clean install a project
"""
CONFLICT = """npm error code ERESOLVE
npm error ERESOLVE unable to resolve dependency tree
npm error
npm error While resolving: undefined@undefined
npm error Found: react@19.0.0
npm error Could not resolve dependency:
"""
PLATFORM = 'npm error code EBADPLATFORM\nnpm error notsup Unsupported platform for fsevents@2: wanted {"os":"darwin"}\n'


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (GONE, r"npm found no such package: 'lef-pad@1' is not in this registry\. Check the name"),
        (NO_VERSION, r"npm found no such version: No matching version found for left-pad@99\. `!npm view"),
        (REFUSED, r"npm could not reach the place it gets packages from: FetchError: .*ECONNREFUSED\n.*npm config list"),
        (UNKNOWN_HOST, r"npm could not reach .*: request to an-address failed, reason: getaddrinfo"),
        (OUT_OF_STEP, r"does not go by this lock file: `npm ci` can only .* in sync\. Invalid: lock file's left-pad"),
        (CONFLICT, r"no versions that go together: unable to resolve .*Found: react@19\.0\.0"),
        (PLATFORM, r"npm has nothing for Linux on x86_64 here: Unsupported platform for fsevents@2"),
        ("npm error code E401\nnpm error Incorrect or missing password.\n", r"refused: Incorrect .*\n.*npm login"),
        ("npm error code EODD\nnpm error something odd\n", r"could not install the requirements: something odd$"),
        ("Segmentation fault\n", r"could not install the requirements: Segmentation fault$"),
        ("", r"could not install the requirements: it said nothing$"),
    ],
)  # fmt: skip
def test_a_failure_is_npms_essential_line_and_what_helps(fake, install, said, words):
    fake.status, fake.said = 1, said
    with pytest.raises(NotInstalled, match=words) as refused:
        install("left-pad")
    assert "complete log" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_nonsense_is_told_from_what_is_missing(fake, install):
    fake.status = 1
    fake.said = 'npm error code EINVALIDPACKAGENAME\nnpm error Invalid package name "a b": it has a space.\n'
    with pytest.raises(BadOption, match=r'cannot read that: Invalid package name "a b": it has a space\. Write'):
        install("left-pad")


def test_an_npm_that_hangs_or_cannot_run_is_said(fake, install):
    fake.raises = subprocess.TimeoutExpired("npm", 600)
    with pytest.raises(NotInstalled, match="not done after 600 s"):
        install("left-pad")
    fake.raises = PermissionError(13, "Permission denied")
    with pytest.raises(NotInstalled, match=r"npm did not run: .*Permission denied"):
        install("left-pad")


def test_an_npm_that_made_nothing_is_said(fake, install):
    fake.makes = {}
    with pytest.raises(NotInstalled, match="npm installed nothing"):
        install("fsevents")


def test_nothing_of_a_failure_is_kept(fake, install):
    fake.status, fake.said = 1, GONE
    with pytest.raises(NotInstalled):
        install("left-pad")
    fake.status = 0
    assert not install("left-pad").kept


# -- where npm is


def program(folder):
    folder.mkdir(parents=True)
    (folder / "npm").write_text("#!/bin/sh\n")
    (folder / "npm").chmod(0o755)
    return str(folder / "npm")


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    for name in ("LAMBDALAB_NPM", "LAMBDALAB_RUNTIME_NODEJS22_X"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(npm, "_NODES", tuple(one for one in npm._NODES if one.startswith("~")))


def test_without_npm_it_is_said_where_it_was_looked_for_and_how_to_get_it(nowhere):
    with pytest.raises(NotInstalled, match=r"not on the search path, .*nvm.*`apt install npm`.*LAMBDALAB_NPM="):
        npm.find("nodejs22.x")


def test_npm_is_the_named_one_then_that_beside_the_runtime_then_the_paths_then_nvms_newest(
    nowhere, monkeypatch, tmp_path
):
    program(tmp_path / "home/.nvm/versions/node/v9.11.2/bin")
    newest = program(tmp_path / "home/.nvm/versions/node/v22.4.0/bin")
    assert npm.find("nodejs22.x") == newest
    on_path = program(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert npm.find("nodejs22.x") == on_path
    beside = program(tmp_path / "node22")
    monkeypatch.setenv("LAMBDALAB_RUNTIME_NODEJS22_X", str(tmp_path / "node22" / "node"))
    assert npm.find("nodejs22.x") == beside
    assert npm.find("nodejs20.x") == on_path
    monkeypatch.setenv("LAMBDALAB_NPM", "/named/npm")
    assert npm.find("nodejs22.x") == "/named/npm"


# -- folders


def test_a_folder_lacks_modules_when_its_manifest_names_some_and_there_are_none(project, tmp_path):
    folder = tmp_path / "project"
    project({"devDependencies": {"jest": "1"}})
    assert not npm.missing_modules(folder)
    project({"dependencies": {"qs": "1"}})
    assert npm.missing_modules(folder)
    (folder / "node_modules").mkdir()
    assert not npm.missing_modules(folder)
    assert not npm.missing_modules(tmp_path)
