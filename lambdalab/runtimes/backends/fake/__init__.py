"""A backend without processes, for tests of what stands above one: handlers are coroutines of this process.

It keeps the contract of `base`: a runtime that polls the Runtime API over TCP, a log pipe, an end. It isolates
nothing and measures nothing, and no setting chooses it.
"""

from lambdalab.runtimes.backends.fake.backend import FakeBackend
from lambdalab.runtimes.backends.fake.extension import FakeExtension
from lambdalab.runtimes.backends.fake.handler import FakeContext, FakeExit, FakeHooks

__all__ = ["FakeBackend", "FakeContext", "FakeExit", "FakeExtension", "FakeHooks"]
