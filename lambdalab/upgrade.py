"""The offer of another protocol, `Upgrade: h2c` and the like, that a client may make with a request.

A server may ignore it (RFC 9110, 7.8), and ours do: Java's own HTTP client and `curl --http2` offer HTTP/2 with each
request over plain TCP. The parser would take what follows the head, the body too, for the other protocol's.
"""

from __future__ import annotations

import re

_HEAD_END = b"\r\n\r\n"
_OFFER = re.compile(rb"\r\nupgrade:[^\r\n]*", re.IGNORECASE)


def declined(data: bytes, at: int) -> bytes | None:
    """`data`, which begins with a request whose head ends at `at`, as if it offered nothing; None where it does not.

    Where the head came in pieces, or behind another request, the beginning of it is not there any more; and CONNECT
    asks for another protocol without an offer that could be taken out.
    """
    if data.find(_HEAD_END) + len(_HEAD_END) != at:
        return None
    head, offers = _OFFER.subn(b"", data[:at])
    return head + data[at:] if offers else None
