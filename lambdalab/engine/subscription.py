"""A subscription to telemetry: what an extension asks for, checked against AWS's rules. Pure.

Source: AWS's page "Lambda Telemetry API reference". Of its error texts the page shows two ("URI port is not
provided; types should not be empty"); the others are in their manner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from lambdalab.runtimes.backends.etc import SANDBOX_NAMES

SCHEMAS = ("2022-07-01", "2022-12-13", "2025-01-29")
TYPES = ("platform", "function", "extension")
_BOUNDS = {
    "maxItems": (1_000, 10_000, 10_000),
    "maxBytes": (262_144, 1_048_576, 262_144),
    "timeoutMs": (25, 30_000, 1_000),
}
"""Least, most, and what holds when nothing is said."""


class Invalid(Exception):
    """A subscription that AWS refuses; the message lists all that is wrong."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What is delivered, when, and where to: a port of the sandbox, by POST to `path` or as lines on TCP."""

    schema: str
    types: tuple[str, ...]
    max_items: int
    max_bytes: int
    timeout_ms: int
    protocol: Literal["HTTP", "TCP"]
    port: int
    path: str = "/"

    @property
    def parses_json(self) -> bool:
        """Whether a JSON line of a function is delivered as an object: since the second schema."""
        return self.schema != SCHEMAS[0]


def read(document: Any) -> Subscription:
    """The subscription that a request's body asks for. Raises `Invalid`."""
    if not isinstance(document, Mapping):
        raise Invalid("request body is not a JSON object")
    problems: list[str] = []
    schema, types = document.get("schemaVersion"), document.get("types")
    if schema not in SCHEMAS:
        problems.append(f"schemaVersion should be one of {', '.join(SCHEMAS)}")
    if not isinstance(types, list) or not types:
        problems.append("types should not be empty")
    elif unknown := [one for one in types if one not in TYPES]:
        problems.append(f"types should be among {', '.join(TYPES)}: {unknown[0]}")
    buffering = _read_buffering(document.get("buffering"), problems)
    protocol, port, path = _read_destination(document.get("destination"), problems)
    if problems or not isinstance(types, list):
        raise Invalid("; ".join(problems))
    return Subscription(
        schema=str(schema),
        types=tuple(dict.fromkeys(types)),
        max_items=buffering["maxItems"],
        max_bytes=buffering["maxBytes"],
        timeout_ms=buffering["timeoutMs"],
        protocol="TCP" if protocol == "TCP" else "HTTP",
        port=port,
        path=path,
    )


def _read_buffering(given: Any, problems: list[str]) -> dict[str, int]:
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        problems.append("buffering should be an object")
        given = {}
    found = {}
    for name, (least, most, usual) in _BOUNDS.items():
        value = given.get(name, usual)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            problems.append(f"{name} should be between {least} and {most}")
            value = usual
        found[name] = value
    return found


def _read_destination(given: Any, problems: list[str]) -> tuple[str, int, str]:
    given = given if isinstance(given, Mapping) else {}
    protocol = given.get("protocol")
    if protocol == "TCP":
        port = given.get("port")
        if not isinstance(port, int) or not 0 < port < 1 << 16:
            problems.append("port is not provided")
            port = 0
        return protocol, port, "/"
    if protocol != "HTTP":
        problems.append("protocol should be HTTP or TCP")
    return str(protocol), *_read_uri(str(given.get("URI") or ""), problems)


def _read_uri(uri: str, problems: list[str]) -> tuple[int, str]:
    try:
        parts = urlsplit(uri)
        port, host = parts.port, parts.hostname
    except ValueError:
        problems.append("URI is not valid")
        return 0, "/"
    if not uri:
        problems.append("URI is not provided")
    elif parts.scheme != "http" or host not in SANDBOX_NAMES:
        problems.append(f"URI should begin with http://{SANDBOX_NAMES[0]}:")
    elif port is None:
        problems.append("URI port is not provided")
    path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    return port or 0, path if path.isascii() and path.isprintable() else "/"
