"""Which of a function's own lines its ApplicationLogLevel leaves out of a JSON log. Pure: from a line to yes or no.

A runtime's own logger keeps to the level by itself; what a function prints as JSON of its own is met here. A level is
read where a line is an object that has one, with a timestamp in the form of RFC 3339. Every other line is kept: AWS
takes it for INFO, which is the same up to that level; above it AWS leaves out such lines as well, and what has been
printed without a level stays to be seen here.
Source: AWS's page "Monitoring and debugging functions > Log-level filtering".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from lambdalab.model.function import FunctionVersion

_LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
_RANKS = {name: rank for rank, name in enumerate(_LEVELS)}
_RANKS |= {"WARNING": _RANKS["WARN"], "CRITICAL": _RANKS["FATAL"]}
"""AWS's levels from the most detailed on, and Python's words for two of them."""
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def line_filter(version: FunctionVersion) -> Callable[[bytes], bool] | None:
    """Whether a line of the version's functions stays in the log; None where every line does."""
    logging = version.settings.get("LoggingConfig", {})
    least = _RANKS[logging.get("ApplicationLogLevel", "TRACE")]
    if logging.get("LogFormat") != "JSON" or least == 0:
        return None
    return partial(keeps, least=least)


def keeps(line: bytes, least: int) -> bool:
    """Whether a line's level is `least` or above, as a rank, or cannot be read."""
    if b'"level"' not in line or b'"timestamp"' not in line:  # most lines: no need to parse them
        return True
    try:
        return _rank(json.loads(line), otherwise=least) >= least
    except (ValueError, RecursionError):
        return True


def _rank(entry: Any, otherwise: int) -> int:
    if not isinstance(entry, dict):
        return otherwise
    level, moment = entry.get("level"), entry.get("timestamp")
    if not isinstance(level, str) or not isinstance(moment, str) or not _TIMESTAMP.fullmatch(moment):
        return otherwise
    return _RANKS.get(level.upper(), otherwise)
