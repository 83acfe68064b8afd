"""A full disk: what could not be kept says so, with the disk and what is free; and all goes on when there is room."""

import contextlib
import os
import subprocess

import pytest

from lambdalab import Lab
from lambdalab.client import region
from lambdalab.errors import AwsError, RegionUnavailable

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root mounts file systems")
ECHO = "def handler(event, context):\n    return event\n"


@pytest.fixture
def lab(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=150m", "tmpfs", home], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    made = Lab(home=home, idle_seconds=600)
    try:
        yield made
    finally:
        (home / "filler").unlink(missing_ok=True)
        region.stop(made.settings)
        # Lazily: what the region started may hold the disk for a moment longer than the region.
        subprocess.run(["umount", "--lazy", home], check=True)


def fill(lab):
    with contextlib.suppress(OSError), (lab.settings.home / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def assert_told(error, lab):
    assert f"the disk of {lab.settings.home}" in str(error)
    assert "is full (0.0 MB of 157.3 MB are free). Free some room and try again." in str(error)


def test_what_cannot_be_written_says_that_the_disk_is_full_and_works_once_it_is_not(lab):
    lab["kept"].deploy(ECHO)
    assert lab["kept"].invoke(1).payload == 1
    fill(lab)
    changes = {
        "create": lambda: lab["new"].deploy(ECHO),
        "create with a package of its own": lambda: lab["new"].deploy(ECHO + "#" * 5000),
        "update": lambda: lab["kept"].configure(timeout=9),
        "delete": lab["kept"].delete,
    }
    for change in changes.values():
        with pytest.raises(AwsError) as caught:
            change()
        assert (caught.value.error_code, caught.value.http_status) == ("ServiceException", 500)
        assert_told(caught.value, lab)
    assert [one["FunctionName"] for one in lab.functions()] == ["kept"]
    assert lab["kept"].invoke(2).payload == 2
    (lab.settings.home / "filler").unlink()
    lab["kept"].configure(timeout=9)
    lab["new"].deploy(ECHO)
    assert lab["kept"].configuration["Timeout"] == 9
    assert lab["new"].invoke(3).payload == 3


def test_a_region_that_cannot_start_for_lack_of_room_says_so(lab):
    lab["kept"].deploy(ECHO)
    region.stop(lab.settings)
    fill(lab)
    with pytest.raises(RegionUnavailable) as caught:
        Lab(home=lab.settings.home).functions()
    assert_told(caught.value, lab)
    (lab.settings.home / "filler").unlink()
    assert lab["kept"].invoke(1).payload == 1
