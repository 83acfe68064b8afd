"""The Docker backend: containers of runtimes' images and of image functions, on whatever engine answers.

The engine is looked for when it is first needed, never at the region's start. What a crashed region left on it goes
then; what this region made goes at its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from lambdalab import config
from lambdalab.errors import LabError
from lambdalab.model import runtime as runtimes
from lambdalab.model.image import Image
from lambdalab.runtimes import catalogue, executable, families
from lambdalab.runtimes.backends import programs
from lambdalab.runtimes.backends.base import Backend, Place, Ready, Sandbox, SandboxSpec
from lambdalab.runtimes.backends.docker import container, engine, leftovers, pause, problems
from lambdalab.runtimes.backends.docker.container import Mounted, Program
from lambdalab.runtimes.backends.docker.control import Control
from lambdalab.runtimes.backends.docker.engine import Engine
from lambdalab.runtimes.backends.docker.executing import PROGRAM, Executor
from lambdalab.runtimes.backends.docker.fidelity import BACKEND, fidelity
from lambdalab.runtimes.backends.docker.gate import Gate
from lambdalab.runtimes.backends.docker.images import Images, Pull
from lambdalab.runtimes.backends.docker.launching import Launcher, Starter
from lambdalab.runtimes.backends.docker.network import Holder, Network, Reach
from lambdalab.runtimes.backends.docker.ownership import Owner
from lambdalab.runtimes.backends.docker.relay import Relay
from lambdalab.runtimes.backends.docker.running import Container
from lambdalab.runtimes.backends.docker.sandbox import LocalSandbox, RemoteSandbox
from lambdalab.runtimes.backends.docker.volumes import Volumes
from lambdalab.runtimes.backends.watch import Watch
from lambdalab.runtimes.executable import Where
from lambdalab.runtimes.interpreters import Interpreter

_ENDPOINT = "AWS_ENDPOINT_URL"
_PLACES = {"{task}": "/var/task", "{opt}": "/opt", "{runtime}": "/var/runtime"}
Packages = tuple[Sequence[Path], Sequence[Path], Sequence[Path]]
"""Directories that become one volume each: the package, the layers, and what starts extensions without a shell."""


@dataclass(frozen=True, slots=True)
class DockerSettings:
    """`images` is the prefix of runtimes' images, `callback` the host by which containers reach this machine.

    `home` is the lab's, `clients` where families make their directories.
    """

    home: Path
    clients: Path
    images: str = config.IMAGES
    callback: str = ""
    may_pull: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """An engine that answered, and its images."""

    engine: Engine
    images: Images


@dataclass(frozen=True, slots=True)
class _Open:
    """An engine in use, and what this region has on it."""

    engine: Engine
    images: Images
    network: Network
    volumes: Volumes
    relay: Relay


class DockerBackend(Backend):
    """Starts containers."""

    name = BACKEND

    def __init__(self, settings: DockerSettings, watch: Watch) -> None:
        self._settings = settings
        self._watch = watch
        self._owner = Owner.here(settings.home)
        self._families = families.load(settings.clients)
        self._finding: asyncio.Task[Found] | None = None
        self._opening: asyncio.Task[_Open] | None = None
        self.fidelity = fidelity(Reach("", "", local=True, identified=True), "cgroup")

    # -- the engine

    async def find(self) -> Found:
        """The engine, looked for on first use and again when none answered; what crashed regions left goes.

        Raises a `LabError` that says what is missing.
        """
        finding = self._finding
        if finding is None or _failed(finding):
            finding = self._finding = asyncio.get_running_loop().create_task(self._find())
        return await asyncio.shield(finding)

    async def _find(self) -> Found:
        answering = await asyncio.to_thread(engine.connect)
        answering.later(answering.call(leftovers.remove_crashed, answering.api, self._owner))
        images = Images(answering, self._settings.images, may_pull=self._settings.may_pull, labels=self._owner.labels)
        return Found(answering, images)

    def pulls(self) -> list[Pull]:
        """The pulls that go on now. Asks nobody, and looks for no engine."""
        finding = self._finding
        if finding is None or not finding.done() or _failed(finding):
            return []
        return [pull for pull in finding.result().images.pulls.values() if not pull.over]

    async def _open(self) -> _Open:
        """The engine, with the network and the rest that containers need made on first use."""
        opening = self._opening
        if opening is None or _failed(opening):
            opening = self._opening = asyncio.get_running_loop().create_task(self._make_ready())
        return await asyncio.shield(opening)

    async def _make_ready(self) -> _Open:
        found = await self.find()
        network = Network(found.engine, self._owner, self._settings.callback)
        await network.open()
        self.fidelity = fidelity(network.reach, "cgroup or signal" if network.reach.local else "the engine's pause")
        volumes = Volumes(found.engine, self._owner, network.image)
        return _Open(found.engine, found.images, network, volumes, Relay(network.reach))

    # -- sandboxes

    async def prepare(self, runtime: str, image: Image | None = None) -> Place:
        """Find the engine, make its network, and pull the image if it is not there, or look into it if need be."""
        opened = await self._open()
        if image is not None and image.extensions is not False:
            await opened.images.inside(image.reference)
        else:
            await opened.images.ensure(image.reference if image is not None else opened.images.name(runtime))
        # A program of the package's own may be none; the images' entrypoint is always there.
        gets_ready = image is None and not catalogue.family(runtimes.known()[runtime]).brings_its_own
        return Place(self.name, opened.network.reach.listen, opened.network.reach.call, gets_ready=gets_ready)

    async def stage(self, place: Place, code: Path, layers: Sequence[Path]) -> None:  # noqa: ARG002 - there is one
        """Fill the volumes of the package and of the layers."""
        await _mounted((await self._open()).volumes, ([code], layers, ()))

    async def start(self, spec: SandboxSpec) -> Sandbox:
        """Start a container. It is created while its network and its code are made ready, if they are not."""
        opened = await self._open()
        try:
            return await self._start(opened, spec)
        except LabError as problem:
            if not problems.gone(problem):
                raise
        # What was remembered as there (image, volume, holder) had been removed by somebody: look again, once.
        return await self._start(opened, spec)

    async def get_ready(self, spec: SandboxSpec) -> Ready | None:
        """Start a container that waits before its runtime (`gate`); of a runtime's image, for those have a shell.

        None where there are extensions: they come before the runtime, and the container begins with what starts them.
        """
        opened = await self._open()
        if await self._starter(opened, spec) is not None:
            return None
        program = await self._program(opened, spec)
        gate = Gate(await self._variables(opened, spec))
        argv = opened.images.known(_image(opened, spec)).argv(None, program.command)
        program = replace(program, entry_point=gate.command(argv), command=())
        return _Waiting(self, opened, spec, await self._made(opened, spec, program, None, gate))

    async def _start(self, opened: _Open, spec: SandboxSpec) -> Sandbox:
        program, starter = await self._begun(opened, spec)
        return self.sandbox(opened, spec, await self._made(opened, spec, program, starter))

    async def _made(
        self, opened: _Open, spec: SandboxSpec, program: Program, starter: Starter | None, gate: Gate | None = None
    ) -> Container:
        """A container that is started, with its volumes and its network made ready first, if they are not."""
        packages: Packages = ([spec.code], spec.layers, ())
        if spec.image is not None:
            packages = ((), (), [self._waiting(opened)] if isinstance(starter, Executor) else ())
        mounted = await _mounted(opened.volumes, packages)
        holder = await opened.network.take()
        try:
            return await self._create(opened, spec, program, mounted, holder, starter, gate)
        except BaseException as problem:
            opened.engine.later(opened.network.drop(holder))
            if problems.gone(problem):
                self._forget(opened, spec, mounted)
            raise

    async def _begun(self, opened: _Open, spec: SandboxSpec) -> tuple[Program, Starter | None]:
        """What a container begins with: the runtime, or what starts extensions before it. Raises `CannotLaunch`."""
        starter = await self._starter(opened, spec)
        program = await self._program(opened, spec)
        if starter is None:
            return program, None
        argv = opened.images.known(_image(opened, spec)).argv(program.entry_point, program.command)
        return replace(program, entry_point=starter.command(argv), command=()), starter

    async def _starter(self, opened: _Open, spec: SandboxSpec) -> Starter | None:
        where = _where(opened)
        if spec.image is None:
            names = programs.find(spec.layers, where, spec.architecture)
            shell = True  # the entrypoint of AWS's images is a script
        elif spec.image.extensions is False:
            return None
        else:
            found = await opened.images.inside(spec.image.reference)
            names, shell = programs.launchable(found.extensions, where, spec.architecture), found.shell
        if not names:
            return None
        return Launcher(names) if shell else Executor(names, local=opened.network.reach.local)

    def _waiting(self, opened: _Open) -> Path:
        return pause.directory(self._settings.clients, opened.engine.facts.architecture, PROGRAM)

    async def _program(self, opened: _Open, spec: SandboxSpec) -> Program:
        if spec.image is not None:
            image = spec.image
            reference = await opened.images.ensure(image.reference)
            return Program(reference, image.entry_point, image.command, image.working_directory)
        reference = await opened.images.ensure(opened.images.name(spec.runtime))
        found = runtimes.known()[spec.runtime]
        if catalogue.family(found).brings_its_own:
            # The image's entrypoint looks for a runtime of the image's; the program is the package's.
            start = self._families[found.family].start(Interpreter("", "", ""), spec)
            if start.program is not None:
                start.program.check(_where(opened), spec.architecture)
            return Program(reference, tuple(map(_filled, start.argv)), (), "/var/task")
        return Program(reference, None, (spec.handler,), None)

    async def _variables(self, opened: _Open, spec: SandboxSpec) -> Mapping[str, str]:
        environment = {"TZ": ":UTC", **spec.environment}  # an image's own says nothing of Lambda's
        if _ENDPOINT in environment:
            environment[_ENDPOINT] = await opened.relay.endpoint(environment[_ENDPOINT])
        return environment

    async def _create(
        self,
        opened: _Open,
        spec: SandboxSpec,
        program: Program,
        mounted: Mounted,
        holder: Holder,
        starter: Starter | None,
        gate: Gate | None,
    ) -> Container:
        reach, api = opened.network.reach, opened.engine.api
        environment = gate.before if gate is not None else await self._variables(opened, spec)
        settings = container.settings(
            spec,
            program,
            mounted,
            network=f"container:{holder.id}",
            labels=self._owner.labels,
            environment=environment,
            watched=reach.local and (starter is None or starter.below),
            listens=gate is not None or (starter is not None and starter.below),
        )
        made = str((await opened.engine.call(api.create_container_from_config, settings))["Id"])
        started = Container(
            opened.engine,
            made,
            reach,
            holder,
            lambda: opened.engine.later(opened.network.give_back(holder)),
            starter,
            gate,
        )
        try:
            await started.attach()
            await started.start()
        except BaseException:
            opened.engine.later(opened.engine.call(partial(api.remove_container, made, force=True)))
            raise
        return started

    def sandbox(self, opened: _Open, spec: SandboxSpec, made: Container) -> Sandbox:
        """What a started container is to the engine."""
        control = Control(opened.engine, made.id, made.pid if made.watched else None)
        signalled = made.starter is None or made.starter.may_signal
        enforced = fidelity(opened.network.reach, control.how_it_freezes, watched=made.watched, signalled=signalled)
        if made.watched:
            return LocalSandbox(spec, made, control, fidelity=enforced, watch=self._watch)
        return RemoteSandbox(spec, made, control, opened.engine, fidelity=enforced)

    def _forget(self, opened: _Open, spec: SandboxSpec, mounted: Mounted) -> None:
        opened.images.forget(_image(opened, spec))
        for volume in (mounted.task, mounted.opt, mounted.rapid):
            if volume is not None:
                opened.volumes.forget(volume)

    # -- the end

    async def close(self) -> None:
        """Remove everything of this region's: containers, holders, volumes."""
        if self._opening is not None:
            with contextlib.suppress(Exception):  # where nothing was opened there is nothing to close
                opened = await self._opening
                opened.network.close()
                opened.relay.close()
                await opened.engine.finish(partial(leftovers.remove_own, opened.engine.api, self._owner))
        if self._finding is not None:
            with contextlib.suppress(Exception):
                (await self._finding).engine.close()


class _Waiting(Ready):
    """A container that waits at its gate."""

    def __init__(self, backend: DockerBackend, opened: _Open, spec: SandboxSpec, container: Container) -> None:
        self._backend, self._opened, self._spec, self._container = backend, opened, spec, container

    async def begin(self) -> Sandbox:
        """Open the gate; where the container has gone meanwhile, start another."""
        if self._container.exited.done():
            self.discard()
            return await self._backend.start(self._spec)
        self._container.open_gate()
        return self._backend.sandbox(self._opened, self._spec, self._container)

    def discard(self) -> None:
        """Remove it, with the log that nobody reads."""
        os.close(self._container.output.log_fd)
        self._container.kill()


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


async def _mounted(volumes: Volumes, packages: Packages) -> Mounted:
    """Their volumes, filled if they are not; none for what has no directories."""
    return Mounted(*await asyncio.gather(*(volumes.ensure(one) if one else _nothing() for one in packages)))


async def _nothing() -> None:
    return None


def _where(opened: _Open) -> Where:
    """What is known of the place where a container's programs are executed."""
    return executable.IN_A_CONTAINER if opened.network.reach.local else executable.ELSEWHERE


def _image(opened: _Open, spec: SandboxSpec) -> str:
    return spec.image.reference if spec.image is not None else opened.images.name(spec.runtime)


def _filled(word: str) -> str:
    for name, path in _PLACES.items():
        word = word.replace(name, path)
    return word
