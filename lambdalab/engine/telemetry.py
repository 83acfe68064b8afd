"""What an environment's extensions are told by the Telemetry API, and its delivery to where they listen.

Events are kept until there are enough of them or the first is old enough, and are then sent all at once: as a JSON
array by POST, or as lines of JSON on a connection that stays. One delivery is under way at a time; what comes
meanwhile waits, and what would make more than a buffer of it is dropped and counted. A frozen environment gets
nothing: whoever would take it is stopped; what grew old meanwhile is sent when it thaws. At the end all is sent at
once, while there is still somebody to take it.

The region delivers to the address that sandbox.localdomain has in the sandbox. Where that is the machine's own
127.0.0.1, the ports are shared, and an environment may find another's listener at its port.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from typing import Any

from lambdalab.clock import Clock, Timer
from lambdalab.engine import platform_events, report
from lambdalab.engine.platform_events import Event
from lambdalab.engine.subscription import Subscription

KEPT_FROM_INIT = 1_000
"""Events of an init that are kept for whoever subscribes during it."""
_RETRY_SECONDS = (0.1, 0.2, 0.5, 1.0)
_SLOW = "Some logs were dropped because the downstream consumer is slower than the logs production rate"


class Telemetry:
    """All subscriptions of one environment. `address` is where the sandbox's listeners are."""

    def __init__(self, clock: Clock, address: str, *, json_lines: bool) -> None:
        self._clock = clock
        self._address = address
        self._json_lines = json_lines
        self._so_far: deque[dict[str, Any]] | None = deque(maxlen=KEPT_FROM_INIT)
        self._deliveries: dict[str, Delivery] = {}

    def platform(self, event: Event) -> None:
        """A moment of the platform's."""
        self._tell(*event)

    def line(self, kind: str, text: str) -> None:
        """A line that was written: `kind` is "function" or "extension"."""
        self._tell(kind, text)

    def _tell(self, kind: str, record: Any) -> None:
        if self._so_far is None and not self._deliveries:
            return
        event = {"time": report.iso(self._clock.now()), "type": kind, "record": record}
        if self._so_far is not None:
            self._so_far.append(event)
        for delivery in self._deliveries.values():
            delivery.add(event)

    def subscribe(self, name: str, subscription: Subscription) -> None:
        """An extension is told from now on, and of the init so far; what it had asked for before is forgotten."""
        if name in self._deliveries:
            self._deliveries.pop(name).close()
        delivery = Delivery(self._clock, self._address, subscription, json_lines=self._json_lines)
        self._deliveries[name] = delivery
        for event in self._so_far or ():
            delivery.add(event)
        self._tell(*platform_events.telemetry_subscription(name, "Subscribed", subscription.types))

    @property
    def open(self) -> bool:
        """Whether extensions may still subscribe: until all of them are ready, not only the runtime."""
        return self._so_far is not None

    def end_init(self) -> None:
        """Nobody else subscribes."""
        self._so_far = None

    def pause(self) -> None:
        """The environment is being frozen."""
        for delivery in self._deliveries.values():
            delivery.pause()

    def resume(self) -> None:
        """It is thawed."""
        for delivery in self._deliveries.values():
            delivery.resume()

    def hurry(self) -> None:
        """It is about to end: send everything, and what comes at once."""
        for delivery in self._deliveries.values():
            delivery.hurry()

    def close(self) -> None:
        """It has ended."""
        for delivery in self._deliveries.values():
            delivery.close()


class Delivery:
    """One subscriber's events on their way to it."""

    def __init__(self, clock: Clock, address: str, subscription: Subscription, *, json_lines: bool) -> None:
        self._clock = clock
        self._address = address
        self._subscription = subscription
        self._parses = json_lines and subscription.parses_json
        self._waiting: list[bytes] = []
        self._size = 0
        self._since = 0.0
        self._dropped = self._dropped_size = 0
        self._timer: Timer | None = None
        self._sending: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._paused = self._hurried = self._closed = False

    def add(self, event: dict[str, Any]) -> None:
        """Keep an event of a kind that was asked for, and send when it is time."""
        if self._closed or event["type"].partition(".")[0] not in self._subscription.types:
            return
        encoded = _encode(self._parsed(event))
        if self._sending is not None and self._is_full(len(encoded)):
            self._dropped += 1
            self._dropped_size += len(encoded)
            return
        if not self._waiting:
            self._since = self._clock.monotonic()
        self._waiting.append(encoded)
        self._size += len(encoded)
        self._plan()

    def _parsed(self, event: dict[str, Any]) -> dict[str, Any]:
        if self._parses and event["type"] == "function":
            with contextlib.suppress(ValueError, RecursionError):
                record = json.loads(event["record"])
                if isinstance(record, dict):
                    return {**event, "record": record}
        return event

    def _is_full(self, more: int = 0) -> bool:
        bounds = self._subscription
        return len(self._waiting) >= bounds.max_items or self._size + more > bounds.max_bytes

    def _plan(self) -> None:
        """Send now, or at the latest when the first of what waits has waited long enough."""
        if self._paused or self._closed or self._sending is not None or not self._waiting:
            return
        left = self._since + self._subscription.timeout_ms / 1000 - self._clock.monotonic()
        if self._hurried or left <= 0 or self._is_full():
            self._send()
        elif self._timer is None:
            self._timer = self._clock.call_later(left, self._send)

    def _send(self) -> None:
        self._stop_timer()
        if self._sending is not None or self._paused or self._closed:
            return
        batch, self._waiting, self._size = self._waiting, [], 0
        if self._dropped and "platform" in self._subscription.types:
            kind, record = platform_events.logs_dropped(self._dropped, self._dropped_size, _SLOW)
            batch.append(_encode({"time": report.iso(self._clock.now()), "type": kind, "record": record}))
        self._dropped = self._dropped_size = 0
        self._sending = asyncio.get_running_loop().create_task(self._deliver(batch))

    async def _deliver(self, batch: list[bytes]) -> None:
        for attempt in range(1 << 30):
            try:
                await (self._post(batch) if self._subscription.protocol == "HTTP" else self._write_lines(batch))
                break
            except (OSError, EOFError, ValueError):
                self._hang_up()
                await self._rest(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
        self._sending = None
        self._plan()

    async def _rest(self, seconds: float) -> None:
        over = asyncio.Event()
        self._clock.call_later(seconds, over.set)
        await over.wait()

    async def _post(self, batch: list[bytes]) -> None:
        """Raises `OSError`, `EOFError` or `ValueError` when it was not taken."""
        where, body = self._subscription, b"[" + b",".join(batch) + b"]"
        reader, writer = await asyncio.open_connection(self._address, where.port)
        try:
            writer.write(
                f"POST {where.path} HTTP/1.1\r\nHost: sandbox.localdomain:{where.port}\r\nConnection: close\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            answer = await reader.readline()
            if not answer[9:10] == b"2":
                raise ValueError(f"the listener answered {answer[:64]!r}")
        finally:
            writer.close()

    async def _write_lines(self, batch: list[bytes]) -> None:
        if self._writer is None:
            _, self._writer = await asyncio.open_connection(self._address, self._subscription.port)
        self._writer.write(b"\n".join(batch) + b"\n")
        await self._writer.drain()

    def _hang_up(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def pause(self) -> None:
        """Begin no delivery; one under way stays under way."""
        self._paused = True
        self._stop_timer()

    def resume(self) -> None:
        """Deliver again."""
        self._paused = False
        self._plan()

    def hurry(self) -> None:
        """Wait for nothing any more."""
        self._hurried = True
        self._stop_timer()
        self.resume()

    def close(self) -> None:
        """Send nothing more; harmless when done twice."""
        self._closed = True
        self._stop_timer()
        self._hang_up()
        if self._sending is not None:
            self._sending.cancel()


def _encode(event: dict[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()
