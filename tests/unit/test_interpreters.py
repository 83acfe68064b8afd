"""Finding the interpreter of exactly the version that a runtime names."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from lambdalab.errors import RuntimeUnavailable
from lambdalab.runtimes import catalogue
from lambdalab.runtimes.interpreters import Interpreters, candidates

HERE = f"python{sys.version_info[0]}.{sys.version_info[1]}"


def find(runtime):
    return asyncio.run(Interpreters().find(runtime))


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_an_interpreter_on_the_search_path_is_found_with_its_version(monkeypatch, tmp_path):
    (tmp_path / HERE).symlink_to(Path(sys.executable).resolve())
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find(HERE)
    assert found.version == ".".join(map(str, sys.version_info[:3]))
    assert Path(found.path).exists()


def test_the_python_that_runs_the_region_comes_before_another_of_its_version(monkeypatch, tmp_path):
    monkeypatch.delenv(catalogue.variable(HERE), raising=False)
    script(tmp_path / HERE, f"echo 'python {HERE.removeprefix('python')}.99|/usr|{tmp_path / HERE}'")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find(HERE)
    assert found.version == ".".join(map(str, sys.version_info[:3]))
    assert found.path == str(Path(sys._base_executable).resolve())


def test_a_named_interpreter_is_the_only_candidate(monkeypatch, tmp_path):
    monkeypatch.setenv("LAMBDALAB_RUNTIME_PYTHON3_12", str(tmp_path / "mine"))
    assert list(candidates("python3.12")) == [tmp_path / "mine"]


def test_an_interpreter_of_another_version_is_never_taken(monkeypatch, tmp_path):
    other = "python3.9" if HERE != "python3.9" else "python3.10"
    monkeypatch.setenv(f"LAMBDALAB_RUNTIME_{other.upper().replace('.', '_')}", sys.executable)
    with pytest.raises(RuntimeUnavailable, match=rf"{other} is not on this machine\. {HERE} is here\. Looked for"):
        find(other)


@pytest.mark.parametrize("text", ["exit 1", "echo no json", "echo '[1]'"], ids=["fails", "chatters", "lies"])
def test_a_program_that_is_no_interpreter_is_passed_over(monkeypatch, tmp_path, text):
    monkeypatch.setenv("LAMBDALAB_RUNTIME_PYTHON3_12", str(script(tmp_path / "python3.12", text)))
    with pytest.raises(RuntimeUnavailable):
        find("python3.12")


def test_a_place_is_looked_at_once_however_often_it_is_named(monkeypatch, tmp_path):
    tries = tmp_path / "tries"
    script(tmp_path / "python3.12", f"echo tried >> {tries}; exit 1")
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path)] * 3))
    with pytest.raises(RuntimeUnavailable) as missing:
        _find_only_there("python3.12", monkeypatch)
    assert str(missing.value).count(str(tmp_path / "python3.12")) == 1
    assert len(tries.read_text().splitlines()) <= 2  # without and with a library path


def _find_only_there(runtime, monkeypatch):
    monkeypatch.setattr("lambdalab.runtimes.interpreters._directories", lambda pattern: iter(()))
    return find(runtime)


def test_a_missing_runtime_says_where_it_was_looked_for_and_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("LAMBDALAB_RUNTIME_PYTHON3_12", str(tmp_path / "nowhere"))
    with pytest.raises(RuntimeUnavailable) as missing:
        find("python3.12")
    text = str(missing.value)
    assert str(tmp_path / "nowhere") in text
    assert "uv python install 3.12" in text
    assert "LAMBDALAB_RUNTIME_PYTHON3_12=" in text


def test_pyenvs_shims_are_no_interpreters(monkeypatch, tmp_path):
    shims = tmp_path / "shims"
    monkeypatch.setenv("PATH", str(shims))
    assert all(shims not in path.parents for path in candidates("python3.12"))


@pytest.mark.parametrize(
    ("runtime", "image"),
    [("java8.al2", "java:8.al2"), ("java21", "java:21"), ("python3.12", "python:3.12"), ("nodejs22.x", "nodejs:22"),
     ("dotnet8", "dotnet:8"), ("provided.al2023", "provided:al2023")],
)  # fmt: skip
def test_images_are_called_what_aws_calls_them(runtime, image):
    assert catalogue.image(runtime, "public.ecr.aws/lambda") == f"public.ecr.aws/lambda/{image}"


@pytest.mark.parametrize("runtime", ["nodejs16.x", "nodejs18.x", "java8.al2"])
def test_a_package_is_not_offered_for_a_version_that_it_does_not_carry(runtime):
    said = catalogue.how_to_get(runtime)
    assert "pip install" not in said and "`conda create -n " in said


@pytest.mark.parametrize("runtime", ["java21", "dotnet8", "ruby3.4"])
def test_of_apt_it_is_said_that_not_every_release_has_every_version(runtime):
    assert re.search(r"`apt install [^`]+` \(where your release has it\), `conda create", catalogue.how_to_get(runtime))


@pytest.mark.parametrize("runtime", ["nodejs22.x", "java21"])
def test_a_package_that_carries_an_interpreter_is_for_the_python_that_looks_for_it(runtime):
    assert f"`{sys.executable} -m pip install '" in catalogue.how_to_get(runtime)
