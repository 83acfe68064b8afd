"""The trace header of an invocation that came without one: AWS gives one to each, sampled or not.

Source: AWS X-Ray, "Tracing header"; the lineage is Lambda's own, for its detection of loops.
"""

from __future__ import annotations

import random
import zlib
from functools import lru_cache

_random = random.Random()  # noqa: S311 - a name among others, no secret; seeded by the system


def new_trace(epoch_ms: int, function_arn: str) -> str:
    """A header for a trace that begins now: 24 hexadecimal digits of its own, a parent, and no sampling."""
    digits = f"{_random.getrandbits(160):040x}"
    return (
        f"Root=1-{epoch_ms // 1000:08x}-{digits[:24]};Parent={digits[24:]};Sampled=0;"
        f"Lineage=1:{_lineage(function_arn)}:0"
    )


def root(header: str) -> str:
    """The part of a header that names its trace, which is all that a request's own header says of a new one."""
    return header.partition(";")[0]


@lru_cache(maxsize=1024)
def _lineage(function_arn: str) -> str:
    """What tells a function in the lineage of a chain of calls: eight digits, the same each time."""
    return f"{zlib.crc32(function_arn.encode()):08x}"
