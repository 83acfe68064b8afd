"""What tests write for a fake external extension, and what it is given."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from lambdalab.runtimes.backends.fake.connection import Connections, read_answer


class FakeExtension:
    """The inside of an extension: `ask` speaks to the Extensions API, `write` to the log."""

    def __init__(self, name: str, connections: Connections, write: Callable[[str], None]) -> None:
        self.name = name
        self._connections = connections
        self._write = write
        self._identifier = ""

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """A request on a connection of its own, with `Lambda-Extension-*` headers: the status and the document."""
        reader, writer = await self._connections.open()
        content = json.dumps(body).encode()
        headers = {"Identifier": self._identifier, "Name": self.name, **headers}
        named = [f"Lambda-Extension-{name.replace('_', '-')}: {value}" for name, value in headers.items() if value]
        lines = (f"{method} {path} HTTP/1.1", *named, f"Content-Length: {len(content)}", "", "")
        writer.write("\r\n".join(lines).encode() + content)
        try:
            status, answered, text = await read_answer(reader)
        finally:
            writer.close()
        self._identifier = answered.get("lambda-extension-identifier", self._identifier)
        return status, json.loads(text)

    async def register(self, *events: str) -> Any:
        """Register: the document that came back."""
        return (await self.ask("POST", "/2020-01-01/extension/register", {"events": events}))[1]

    async def next(self) -> Any:
        """The next event, when there is one."""
        return (await self.ask("GET", "/2020-01-01/extension/event/next"))[1]

    def write(self, text: str) -> None:
        """A line of output."""
        self._write(text)


Extension = Callable[[FakeExtension], Awaitable[None]]
