"""Where Java's client comes from, and what is said when it cannot be had."""

import asyncio
import zipfile
from pathlib import Path

import pytest

from lambdalab.errors import RuntimeUnavailable
from lambdalab.runtimes.families import java_client
from lambdalab.runtimes.interpreters import Interpreter
from lambdalab.toolchains import maven
from lambdalab.toolchains.maven import Artifact, NoJars

JAVA = Interpreter("/jvm/bin/java", "17.0.9", "/jvm")
ONE = Artifact("org.example", "one", "1.2")


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine with no Maven, no compiler, and nothing in its local repository."""
    monkeypatch.setattr(maven, "repository", lambda: tmp_path / "repository")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LAMBDALAB_JAVAC", str(tmp_path / "javac"))
    for name in ("LAMBDALAB_MAVEN", "LAMBDALAB_JAVA_CLIENT", "JAVA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(java_client, "_native_library", lambda: "libaws.so")
    return tmp_path


def make(clients):
    return asyncio.run(java_client.make(clients, JAVA))


def program(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def jars_in(directory):
    directory.mkdir(parents=True)
    for one in java_client.ARTIFACTS:
        with zipfile.ZipFile(directory / one.file, "w") as jar:
            jar.writestr("jni/libaws.so", b"native")


def test_without_maven_and_without_a_compiler_both_ways_on_are_named(bare):
    with pytest.raises(RuntimeUnavailable) as refused:
        make(bare / "clients")
    for word in ("Maven (mvn) is not on", "no javac", "apt install maven", "LAMBDALAB_JAVA_CLIENT=/path/to/jars"):
        assert word in str(refused.value)
    assert list(Path(bare / "clients").iterdir()) == []


def test_jars_that_the_local_repository_has_need_no_maven(bare):
    found = bare / "repository" / "org" / "example" / "one" / "1.2" / "one-1.2.jar"
    found.parent.mkdir(parents=True)
    found.write_bytes(b"jar")
    maven.jars([ONE], bare / "lib")
    assert (bare / "lib" / "one-1.2.jar").read_bytes() == b"jar"


def test_mavens_own_reason_is_told(bare, monkeypatch):
    said = program(bare / "mvn", "echo '[INFO] x'; printf '[\\033[31mERROR\\033[m] Unknown host central\\n'; exit 1")
    monkeypatch.setenv("LAMBDALAB_MAVEN", str(said))
    with pytest.raises(NoJars, match=r"could not fetch org\.example:one:1\.2: Unknown host central"):
        maven.jars([ONE], bare / "lib")


def test_a_maven_that_brings_nothing_is_found_out(bare, monkeypatch):
    monkeypatch.setenv("LAMBDALAB_MAVEN", str(program(bare / "mvn", "exit 0")))
    with pytest.raises(NoJars, match=r"did not bring org\.example:one:1\.2"):
        maven.jars([ONE], bare / "lib")


def test_a_directory_of_jars_can_be_named(bare, monkeypatch):
    jars_in(bare / "given")
    monkeypatch.setenv("LAMBDALAB_JAVA_CLIENT", str(bare / "given"))
    client = make(bare / "clients")
    assert (client.directory / client.native).read_bytes() == b"native"
    assert all((client.directory / jar).is_file() for jar in client.jars)
    assert client.main.endswith("AWSLambda")


def test_the_same_jars_are_the_same_directory(bare, monkeypatch):
    jars_in(bare / "given")
    monkeypatch.setenv("LAMBDALAB_JAVA_CLIENT", str(bare / "given"))
    first = make(bare / "clients")
    assert make(bare / "clients") == first
    assert list(Path(bare / "clients").iterdir()) == [first.directory]


def test_a_named_directory_that_lacks_a_jar_is_not_passed_over(bare, monkeypatch):
    (bare / "given").mkdir()
    monkeypatch.setenv("LAMBDALAB_JAVA_CLIENT", str(bare / "given"))
    with pytest.raises(RuntimeUnavailable, match=r"aws-lambda-java-core-.*\.jar is not in it"):
        make(bare / "clients")
