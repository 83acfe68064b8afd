"""Images for the peers that run functions in containers: AWS's where the engine has them, else the tests' own.

Nothing is pulled from elsewhere: to measure with AWS's image, pull it before.
"""

import contextlib
import io
import ipaddress
import json
import os
import tarfile
import time
from pathlib import Path

from tests.benchmarks import registry
from tests.benchmarks.contestants import MARK
from tests.benchmarks.servers import RUNTIME

STANDINS = Path(__file__).with_name("standins")
VERSION = RUNTIME.removeprefix("python")
AWS = f"public.ecr.aws/lambda/python:{VERSION}"
OURS = f"{os.environ.get('LAMBDALAB_TEST_IMAGES', 'lambdalab-test')}/python:{VERSION}"
MOTOS = f"ghcr.io/shogo82148/lambda-python:{VERSION}"  # the first that moto itself looks for
INTERPRETER = f"/var/lang/bin/{RUNTIME}"  # in AWS's image, and in ours


class Engine:
    """The Docker engine, as far as the peers need it. Raises RuntimeError where none answers."""

    def __init__(self):
        import docker

        self._missing = docker.errors.ImageNotFound
        try:
            self.client = docker.from_env(timeout=300)
            self.client.ping()
        except docker.errors.DockerException as problem:
            raise RuntimeError(f"no Docker engine answers: {problem}") from problem

    def has(self, image):
        """Whether the image is here."""
        with contextlib.suppress(self._missing):
            return self.client.images.get(image) is not None
        return False

    def lambda_image(self):
        """The image for functions, and the notes that it calls for."""
        if self.has(AWS):
            return AWS, ()
        if self.has(OURS):
            return OURS, (f"{OURS} stands in for {AWS}",)
        raise RuntimeError(f"neither {AWS} nor {OURS} is here (.ci/images makes the second)")

    @contextlib.contextmanager
    def tagged(self, image, name):
        """The image under another name, for a while; whatever has the name already is left alone."""
        if self.has(name):
            yield
            return
        self.client.images.get(image).tag(name)
        try:
            yield
        finally:
            self.remove(name)

    @contextlib.contextmanager
    def built(self, name, dockerfile, *files):
        """An image of this text and these files of the stand-ins, for a while; one that is there is left alone."""
        if self.has(name):
            yield
            return
        context = io.BytesIO()
        with tarfile.open(fileobj=context, mode="w") as archive:
            for file in files:
                archive.add(STANDINS / file, file)
            entry = tarfile.TarInfo("Dockerfile")
            entry.size = len(dockerfile)
            archive.addfile(entry, io.BytesIO(dockerfile.encode()))
        context.seek(0)
        self.client.images.build(fileobj=context, custom_context=True, tag=name, rm=True)
        try:
            yield
        finally:
            self.remove(name)

    @contextlib.contextmanager
    def one_shot(self, base):
        """An image that answers one event and ends, made from an image for functions."""
        name, start = f"lambdalab-bench-oneshot:{VERSION}", json.dumps([INTERPRETER, "-S", "/oneshot/oneshot.py"])
        text = f"FROM {base}\nCOPY wire.py oneshot.py /oneshot/\nENTRYPOINT {start}\n"
        with self.built(name, text, "wire.py", "oneshot.py"):
            yield name

    @contextlib.contextmanager
    def pullable(self, image):
        """A name of loopback that the image can be pulled by, until it is removed with what was pulled."""
        with registry.serving(self.client.images.get(image), VERSION) as name:
            try:
                yield name
            finally:
                self.remove(name)

    def remove(self, name):
        """Take an image's name away, and the image with its last one."""
        with contextlib.suppress(self._missing):
            self.client.images.remove(name, force=True)

    def remove_all(self, repository):
        """Take every name of a repository away: what a peer has built beside the image that it was given."""
        for image in self.client.images.list(name=repository):
            for name in image.tags:
                if name.startswith(f"{repository}:"):
                    self.remove(name)

    def bridge(self):
        """This machine's address on the network that containers are on; some engines name no gateway."""
        net = self.client.networks.get("bridge").attrs["IPAM"]["Config"][0]
        return net.get("Gateway") or str(next(ipaddress.ip_network(net["Subnet"], strict=False).hosts()))

    def containers(self, mark):
        """Containers of functions that carry this mark."""
        everything = self.client.containers.list(all=True, ignore_removed=True)
        return [one for one in everything if f"{MARK}={mark}" in (one.attrs["Config"]["Env"] or ())]

    def pids(self, mark):
        """The first processes of the containers that run."""
        return [one.attrs["State"]["Pid"] for one in self.containers(mark) if one.attrs["State"]["Pid"]]

    @contextlib.contextmanager
    def cleared(self, mark):
        """Remove the containers of this mark afterwards."""
        try:
            yield
        finally:
            for one in self.containers(mark):
                one.remove(force=True, v=True)

    def until_idle(self, mark):
        """Wait, for half a minute at most, until no container of this mark is left."""
        until = time.monotonic() + 30
        while self.containers(mark) and time.monotonic() < until:
            time.sleep(0.2)
