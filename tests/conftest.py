"""Fixtures for all tests, and the rule that `LAMBDALAB_REQUIRE` makes: what is required may not be skipped."""

import os
import shutil
import subprocess
from pathlib import Path

import hypothesis  # noqa: F401 - its plugin would import it last of all, which CPython 3.11 does not always survive
import pytest

from lambdalab import Lab

REQUIRED = frozenset(os.environ.get("LAMBDALAB_REQUIRE", "").replace(" ", "").split(",")) - {""}


def missing(part):
    """Why the tests that need `part` cannot run here; None when they can."""
    return _PARTS[part]()


def _no_docker():
    if shutil.which("docker") is None:
        return "no docker command"
    found = subprocess.run(["docker", "info"], capture_output=True, timeout=30, check=False)
    return None if found.returncode == 0 else "no Docker engine answers"


def _no_browser():
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "playwright is not installed"
    return None if browser() else "no Chromium (chromium, chromium-browser or google-chrome)"


def _no_toolchains():
    wanted = [f"python3.{minor}" for minor in (9, 10, 11, 12, 13)]
    known = {path.name for path in Path.home().glob(".pyenv/versions/*/bin/python3.*")}
    lacking = [name for name in wanted if shutil.which(name) is None and name not in known]
    return f"not on this machine: {', '.join(lacking)}" if lacking else None


def _no_registry():
    return _no_command("docker-registry") or missing("docker")


def _no_second_engine():
    return _no_command("dockerd", "openssl", "ip") or _not_root() or missing("docker")


def _no_sshd():
    return _no_command("sshd", "ssh", "ssh-keygen") or _not_root() or missing("docker")


def _no_podman():
    return _no_command("podman", "conmon", "iptables") or _no_catatonit() or _not_root() or missing("docker")


def _no_catatonit():
    places = ("/usr/libexec/podman", "/usr/bin", "/usr/local/bin")
    return None if shutil.which("catatonit", path=":".join(places)) else "no catatonit, which Podman's containers need"


def _no_command(*names):
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    lacking = [name for name in names if shutil.which(name, path=path) is None]
    return f"no {', '.join(lacking)} command" if lacking else None


def _not_root():
    return None if os.geteuid() == 0 else "only root starts an engine that is the tests' own"


_PARTS = {
    "docker": _no_docker,
    "browser": _no_browser,
    "toolchains": _no_toolchains,
    "registry": _no_registry,
    "tls": _no_second_engine,
    "sshd": _no_sshd,
    "podman": _no_podman,
}


def browser():
    """The path of a Chromium; None when there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for path in map(shutil.which, names) if path), None)


_reasons = {}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    for part in _PARTS:
        if item.get_closest_marker(part) is None:
            continue
        if part not in _reasons:
            _reasons[part] = missing(part)
        if _reasons[part] and part in REQUIRED:
            pytest.fail(f"LAMBDALAB_REQUIRE names {part}: {_reasons[part]}", pytrace=False)
        if _reasons[part]:
            pytest.skip(f"{part}: {_reasons[part]}")


@pytest.fixture(scope="session", autouse=True)
def no_lab_of_the_persons(tmp_path_factory):
    """Tests never touch the home or the AWS settings of the person who runs them."""
    patch = pytest.MonkeyPatch()
    patch.setenv("LAMBDALAB_HOME", str(tmp_path_factory.mktemp("home")))
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        patch.delenv(name)
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    patch.setenv("AWS_CONFIG_FILE", os.devnull)
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def lab():
    """A region of its own for each module of tests."""
    with Lab(isolated=True) as made:
        yield made
