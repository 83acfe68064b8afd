"""The extensions of one environment: who has registered for what, and in which state each is. No I/O.

External extensions are programs that the sandbox started, known by name before they register. Internal ones are
threads of the runtime's process; they come to be by registering. States, texts and refusals are those of AWS's
Runtime Interface Emulator, with which they were compared.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from lambdalab.runtimes.backends.programs import LIMIT

INVOKE, SHUTDOWN = "INVOKE", "SHUTDOWN"


class State(Enum):
    """Where an extension is, in the words of the log's EXTENSION line."""

    STARTED = "Started"
    REGISTERED = "Registered"
    READY = "Ready"
    RUNNING = "Running"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"
    LAUNCH_ERROR = "LaunchError"


class Connection(Protocol):
    """Where an extension's request came from: it takes one answer, now or later."""

    @property
    def closed(self) -> bool:
        """Whether nobody is at the other end any more."""

    def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Send the answer, as JSON."""


class Refused(Exception):
    """A request that AWS refuses: its type and message."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


@dataclass(slots=True)
class Extension:
    """One extension. `waiting` is where its next event goes, `due` an event that came before it asked."""

    name: str
    external: bool
    state: State = State.STARTED
    events: tuple[str, ...] = ()
    error_type: str | None = None
    ended: bool = False
    waiting: Connection | None = None
    due: bytes | None = None
    identifier: str = field(default_factory=lambda: str(uuid.uuid4()))

    def move(self, to: State, *, allowed: Iterable[State], named: str | None = None) -> None:
        """Go to another state. Raises `Refused` where that cannot follow; `named` is what the text calls it."""
        if self.state not in allowed:
            raise Refused(
                "Extension.InvalidExtensionState",
                f"State transition from {self.state.value} to {to.value} failed for extension "
                f"{named or self.identifier}. Error: State transition is not allowed",
            )
        self.state = to


class Registry:
    """All extensions of one environment, in the order in which they became known."""

    def __init__(self, external: Sequence[str] = ()) -> None:
        self._all = {name: Extension(name, external=True) for name in external}
        self._closed = False

    def __iter__(self) -> Iterator[Extension]:
        return iter(self._all.values())

    def register(self, name: str, events: Sequence[str]) -> Extension:
        """An extension says what it wants to hear of. Raises `Refused`."""
        if not name:
            raise Refused("Extension.InvalidExtensionName", "Empty extension name")
        known = self._all.get(name)
        internal = known is None or not known.external
        for event in events:
            _check_event(event, internal=internal)
        if internal:
            known = self._new_internal(name)
        assert known is not None, "an external one was found"
        known.move(State.REGISTERED, allowed={State.STARTED}, named=name)
        known.events = tuple(dict.fromkeys(events))
        return known

    def _new_internal(self, name: str) -> Extension:
        if self._closed:
            raise Refused("Extension.RegistrationClosed", "Extension registration closed already")
        if name in self._all:
            raise Refused("Extension.InvalidExtensionState", "Extension with this name already registered")
        if len(self._all) >= LIMIT:
            raise Refused("Extension.TooManyExtensions", f"Extension limit ({LIMIT}) reached")
        made = self._all[name] = Extension(name, external=False)
        return made

    def identified(self, identifier: str | None) -> Extension:
        """The extension that a request's identifier names. Raises `Refused`."""
        if not identifier:
            raise Refused("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
        try:
            wanted = str(uuid.UUID(identifier))
        except ValueError:
            raise Refused("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier") from None
        for one in self:
            if one.identifier == wanted:
                return one
        raise Refused("Extension.UnknownExtensionIdentifier", f"Unknown extension {wanted}")

    def close(self) -> None:
        """The runtime is ready: nobody else may register."""
        self._closed = True

    @property
    def closed(self) -> bool:
        """Whether registering is over."""
        return self._closed

    # -- what the environment waits for

    def all_registered(self) -> bool:
        """Whether no external extension is still to register: the runtime may start."""
        return all(one.state is not State.STARTED for one in self)

    def all_ready(self) -> bool:
        """Whether every extension has asked for its first event: init may end."""
        return all(one.state is State.READY for one in self)

    def subscribed(self, event: str) -> list[Extension]:
        """Those registered for an event."""
        return [one for one in self if event in one.events]

    def at_rest(self) -> bool:
        """Whether all that take part in invocations have asked for the next event."""
        return all(one.state is State.READY for one in self if INVOKE in one.events)


def _check_event(event: object, *, internal: bool) -> None:
    if event == SHUTDOWN and internal:
        raise Refused("Extension.InvalidEventType", f"{event}: ShutdownEventNotSupportedForInternalExtension")
    if event not in {INVOKE, SHUTDOWN}:
        raise Refused("Extension.InvalidEventType", f"{event}: ErrorInvalidEventType")
