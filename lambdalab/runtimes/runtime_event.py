"""The event of an invocation as the Runtime API hands it out.

Reference: `lambda-contract.md` section 18.
"""

from __future__ import annotations

from typing import NamedTuple


class Event(NamedTuple):
    """What `GET invocation/next` hands out: the body, and the headers as they are on the wire."""

    request_id: str
    body: bytes
    invoked_arn: str
    trace_id: str
    client_context: str | None = None

    def encode(self, deadline_ms: int) -> bytes:
        """The whole HTTP answer. The deadline (epoch milliseconds) is known only when the event is handed out."""
        context = f"Lambda-Runtime-Client-Context: {self.client_context}\r\n" if self.client_context else ""
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Lambda-Runtime-Aws-Request-Id: {self.request_id}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {deadline_ms}\r\n"
            f"Lambda-Runtime-Invoked-Function-Arn: {self.invoked_arn}\r\n"
            f"Lambda-Runtime-Trace-Id: {self.trace_id}\r\n"
            f"{context}Content-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body
