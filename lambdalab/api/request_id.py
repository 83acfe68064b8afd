"""Request ids: version 4 UUIDs. They are names, not secrets, and so come from the fast generator."""

from __future__ import annotations

from random import getrandbits


def new() -> str:
    """A request id, such as `8f5c2a1e-6b0d-4d7e-9a3f-2f1c0f7be9d4`."""
    bits = f"{getrandbits(128):032x}"
    return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-{'89ab'[getrandbits(2)]}{bits[17:20]}-{bits[20:]}"
