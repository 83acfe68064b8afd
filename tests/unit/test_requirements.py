"""Requirements: what pip is asked for, with pip itself and wheels made by hand; no network is touched."""

import re
import zipfile
from io import BytesIO

import pytest

from lambdalab.client import requirements
from lambdalab.client.requirements import NotInstalled
from lambdalab.client.requirements.pip import Pip, platform_tags
from lambdalab.errors import BadOption
from tests.wheels import only_from, wheel


@pytest.fixture
def wheels(monkeypatch, tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    only_from(monkeypatch, folder)
    return folder


@pytest.fixture
def install(tmp_path):
    def run(*words, runtime="python3.12", architecture="x86_64", **more):
        return requirements.install(
            words, runtime=runtime, architecture=architecture, layer=True, cache=tmp_path / "cache", **more
        )

    return run


def names(installed):
    return zipfile.ZipFile(BytesIO(installed.package.data)).namelist()


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["requests==2.*"], ("requests==2.*",)),
        (["requests == 2.*"], ("requests == 2.*",)),
        (["requests six>=1,<2"], ("requests", "six>=1,<2")),
        (["boto3 >=1, <2", "six"], ("boto3 >=1, <2", "six")),
        (["six; python_version < '4' and os_name == 'posix'"], ("six; python_version < '4' and os_name == 'posix'",)),
    ],
)
def test_one_word_is_one_requirement_or_several_with_spaces_between(words, lines):
    assert Pip().read(words).lines == lines


def test_a_file_gives_its_lines_without_comments(tmp_path):
    file = tmp_path / "requirements.txt"
    file.write_text("# ours\nrequests==2.*  # the newest\n\nsix\n")
    assert Pip().read([str(file)]).lines == ("requests==2.*", "six")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("-r other", "not options of pip"),
        ("--index-url x", "not options of pip"),
        ("missing.txt", "cannot be read"),
        ("  ", "names nothing to install"),
    ],
)
def test_what_is_no_requirement_is_refused_before_pip_runs(word, said):
    with pytest.raises(BadOption, match=re.escape(said)):
        Pip().read([word])


def test_the_package_has_the_modules_under_python_and_says_what_is_in_it(wheels, install):
    wheel(wheels, "greetings", "1.2")
    made = install("greetings==1.*")
    assert "python/greetings.py" in names(made)
    assert (made.distributions, made.kept) == ((("greetings", "1.2"),), False)


def test_the_same_requirements_are_installed_once_and_kept(wheels, install):
    wheel(wheels, "greetings", "1.2")
    first = install("greetings", "greetings>=1")
    wheel(wheels, "greetings", "1.3")
    again = install("greetings>=1", "greetings")
    assert again.kept and again.package == first.package
    fresh = install("greetings", "greetings>=1", refresh=True)
    assert fresh.distributions == (("greetings", "1.3"),)
    assert install("greetings", "greetings>=1").distributions == (("greetings", "1.3"),)


def test_the_same_files_give_the_same_bytes(wheels, install):
    wheel(wheels, "greetings", "1.2")
    assert install("greetings").package == install("greetings", refresh=True).package


def test_another_runtime_is_another_package(wheels, install):
    wheel(wheels, "fast", "1", "cp312-cp312-manylinux_2_28_x86_64")
    assert install("fast").distributions == (("fast", "1"),)
    with pytest.raises(NotInstalled, match=r"no wheel of fast for python3\.11 on x86_64"):
        install("fast", runtime="python3.11")
    with pytest.raises(NotInstalled, match=r"no wheel of fast for python3\.12 on arm64"):
        install("fast", architecture="arm64")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("cv2", r"cv2 is a module's name; pip calls its package opencv-python-headless: --requirements opencv-python-"),
        ("yaml==6", r"--requirements PyYAML\."),
        ("reqests", r"Did you mean requests\?"),
    ],
)
def test_a_module_that_pip_knows_by_another_name_is_told_with_that_name(install, wheels, asked, said):
    with pytest.raises(NotInstalled, match=said):
        install(asked)


def test_a_wheel_for_a_newer_linux_than_lambdas_is_not_taken(wheels, install):
    wheel(wheels, "new", "1", "cp312-cp312-manylinux_2_35_x86_64")
    wheel(wheels, "old", "1", "cp311-cp311-manylinux_2_28_x86_64")
    with pytest.raises(NotInstalled):
        install("new")
    with pytest.raises(NotInstalled):
        install("old", runtime="python3.11")


def test_a_wheel_of_this_machine_only_is_not_taken(wheels, install):
    wheel(wheels, "mine", "1", "cp312-cp312-linux_x86_64")
    with pytest.raises(NotInstalled):
        install("mine")


def test_the_platforms_are_those_of_amazon_linux():
    assert platform_tags("python3.11", "x86_64")[0] == "manylinux_2_26_x86_64"
    assert platform_tags("python3.12", "arm64")[0] == "manylinux_2_34_aarch64"
    assert "manylinux1_x86_64" in platform_tags("python3.12", "x86_64")
    assert not [tag for tag in platform_tags("python3.12", "arm64") if "x86" in tag or "2010" in tag]


def test_programs_are_left_out_for_they_name_this_machines_python(wheels, install):
    scripts = {"tool-1.dist-info/entry_points.txt": "[console_scripts]\ntool = tool:main\n"}
    wheel(wheels, "tool", "1", files=scripts)
    assert not [name for name in names(install("tool")) if name.startswith("python/bin/")]


def test_a_missing_version_tells_which_there_are(wheels, install):
    wheel(wheels, "greetings", "1.2")
    with pytest.raises(NotInstalled, match=r"no wheel of greetings==9 .* Versions it has: 1\.2\."):
        install("greetings==9")


def test_of_many_versions_the_last_are_told_and_that_there_are_more(wheels, install):
    for minor in range(14):
        wheel(wheels, "greetings", f"1.{minor}")
    with pytest.raises(NotInstalled, match=r"Versions it has: …, 1\.2, 1\.3, .*, 1\.13\."):
        install("greetings==9")


def test_nonsense_is_told_from_what_is_missing(wheels, install):
    with pytest.raises(BadOption, match=r"'gree&tings' is no requirement of python"):
        install("gree&tings")


def test_without_a_network_the_error_says_so(monkeypatch, install):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(NotInstalled, match=r"pip could not reach the place it gets packages from: .*greetings"):
        install("greetings")


@pytest.mark.parametrize(
    ("runtime", "instead"),
    [
        ("ruby3.3", "bundle config set --local path vendor/bundle"),
        ("java21", "--file target/dependency=lib"),
        ("dotnet8", "dotnet publish"),
        ("provided.al2023", "Go fetches what a cell imports by itself"),
        ("cobol1", "Try python3.12 or nodejs22.x"),
    ],
)
def test_for_other_languages_it_is_refused_with_what_to_do_instead(install, runtime, instead):
    with pytest.raises(
        BadOption,
        match=rf"pip for Python, with npm for Node.js and with NuGet for a cell of .NET; .*{runtime}.*{re.escape(instead)}",
    ):
        install("six", runtime=runtime)
