"""Starting fake sandboxes, and having them ready."""

from __future__ import annotations

from collections.abc import Mapping

from lambdalab.errors import RuntimeUnavailable
from lambdalab.model.image import Image
from lambdalab.runtimes.backends.base import Backend, Place, Ready, Sandbox, SandboxSpec
from lambdalab.runtimes.backends.fake.extension import Extension
from lambdalab.runtimes.backends.fake.handler import FakeHooks, Handler
from lambdalab.runtimes.backends.fake.sandbox import FIDELITY, FakeSandbox


class FakeReady(Ready):
    """A sandbox that waits, and what became of it."""

    def __init__(self, backend: FakeBackend, spec: SandboxSpec) -> None:
        self.spec = spec
        self.end = ""
        self._backend = backend

    async def begin(self) -> Sandbox:
        """Start it."""
        self.end = "begun"
        return await self._backend.start(self.spec)

    def discard(self) -> None:
        """Remember it."""
        self.end = "discarded"


class FakeBackend(Backend):
    """Runs `handlers` by name. A handler's name that is not there fails as in a real runtime.

    `extensions` are external extensions by name, which every sandbox starts; `hooks` are run where SnapStart is.
    `ready` are the sandboxes that were made ready, where the backend `gets_ready`.
    """

    name = "fake"
    fidelity = FIDELITY

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        runtimes: frozenset[str] = frozenset({"python3.12"}),
        extensions: Mapping[str, Extension] | None = None,
        hooks: FakeHooks | None = None,
        *,
        gets_ready: bool = False,
    ) -> None:
        self.gets_ready = gets_ready
        self.ready: list[FakeReady] = []
        self.handlers = handlers
        self.hooks = hooks or FakeHooks()
        self.extensions = extensions or {}
        self.runtimes = runtimes
        self.sandboxes: list[FakeSandbox] = []

    async def prepare(self, runtime: str, image: Image | None = None) -> Place:
        """Refuse the runtimes that are not there, and images."""
        if image is not None or runtime not in self.runtimes:
            raise RuntimeUnavailable(f"no interpreter of {runtime} in this fake")
        return Place(self.name, gets_ready=self.gets_ready)

    async def start(self, spec: SandboxSpec) -> Sandbox:
        """Start the polling task."""
        await self.prepare(spec.runtime)
        sandbox = FakeSandbox(spec, self.handlers.get(spec.handler), self.extensions, self.hooks)
        self.sandboxes.append(sandbox)
        return sandbox

    async def get_ready(self, spec: SandboxSpec) -> Ready | None:
        """One that waits; none without the runtime."""
        await self.prepare(spec.runtime)
        self.ready.append(made := FakeReady(self, spec))
        return made

    async def close(self) -> None:
        """End all sandboxes."""
        for sandbox in self.sandboxes:
            sandbox.stop()
