"""When the machine's memory is full the kernel ends functions, before the region and the person's notebook."""

import json
from pathlib import Path

import psutil
import pytest

from lambdalab import Lab
from tests.docker.conftest import PREFIX, need_image

SOURCE = "def handler(event, context): return int(open('/proc/self/oom_score_adj').read())\n"


def score(pid):
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


@pytest.mark.toolchains
@pytest.mark.parametrize("backend", ["auto", "process", pytest.param("docker", marks=pytest.mark.docker)])
def test_functions_are_the_first_to_go(backend):
    more = {}
    if backend == "docker":
        need_image("python:3.12")
        more = {"images": PREFIX, "pull": False}
    with Lab(isolated=True, backend=backend, **more) as lab:
        lab["scored"].deploy(SOURCE, runtime="python3.12")
        assert lab["scored"].invoke().payload == 1000
        assert lab["scored"].invoke().payload == 1000
        region = json.loads(lab.settings.region_file.read_text())["pid"]
        (supervisor,) = [one for one in psutil.Process(region).children() if one.name() == "lambdalab-sandb"]
        assert score(region) == score(supervisor.pid) == score("self")
