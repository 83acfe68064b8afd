"""Lambda's limits, and the refusals of what is over them. Sources: `lambda-contract.md` sections 3 and 20."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from lambdalab.errors import InvalidParameterValue, RequestEntityTooLarge

ZIPPED_BYTES = 52_428_800
"""A package uploaded directly."""
UNZIPPED_BYTES = 262_144_000
"""Code and layers together, unzipped."""
MB_PER_CPU = 1769
"""Memory that brings one vCPU."""
STORAGE_BYTES = 80_530_636_800
ENVIRONMENT_BYTES = 4096
NAME_LENGTH = 64
PAGE_SIZE = 50
"""Functions in one answer of ListFunctions."""

_RANGES = {"memorySize": (128, 10_240), "timeout": (1, 900), "ephemeralStorage.size": (512, 10_240)}
_VARIABLE = re.compile(r"[a-zA-Z]([a-zA-Z0-9_])+")
RESERVED_VARIABLES = frozenset(
    [
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    ]
)


def check_range(member: str, value: int) -> None:
    """Refuse a size or time that the service model allows for Managed Instances only.

    The text is the model's own rule; that AWS answers with this code is unconfirmed.
    """
    least, most = _RANGES[member]
    if not least <= value <= most:
        bound = f"greater than or equal to {least}" if value < least else f"less than or equal to {most}"
        raise InvalidParameterValue(
            f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
            f"Member must have value {bound}"
        )


def check_new_name(name: str) -> None:
    """Refuse a new function's name that is too long."""
    if len(name) > NAME_LENGTH:
        raise InvalidParameterValue(
            f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: "
            f"Member must have length less than or equal to {NAME_LENGTH}"
        )


def check_zipped_size(size: int) -> None:
    """Refuse a package that is too large to be uploaded directly."""
    if size > ZIPPED_BYTES:
        raise RequestEntityTooLarge(f"Zipped size must be smaller than {ZIPPED_BYTES} bytes")


def check_unzipped_size(size: int) -> None:
    """Refuse code (with its layers) that is too large unzipped."""
    if size > UNZIPPED_BYTES:
        raise InvalidParameterValue(f"Unzipped size must be smaller than {UNZIPPED_BYTES} bytes")


def is_variable_name(name: str) -> bool:
    """Whether AWS takes it for the name of an environment variable: two characters at least."""
    return _VARIABLE.fullmatch(name) is not None


def check_environment(variables: Mapping[str, str]) -> None:
    """Refuse variables that are too many bytes together, reserved, badly named, or hold a NUL."""
    start = (
        "Lambda was unable to configure your environment variables because the environment variables you have provided "
    )
    reserved = [name for name in variables if name in RESERVED_VARIABLES]
    if reserved:
        raise InvalidParameterValue(
            f"{start}contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > ENVIRONMENT_BYTES:
        raise InvalidParameterValue(f"{start}exceeded the 4KB limit. String measured: {measured}")
    for name in variables:
        if not is_variable_name(name):
            raise InvalidParameterValue(f"Environment variable name '{name}' must match {_VARIABLE.pattern}.")
        check_no_nul(f"The value of environment variable '{name}'", variables[name])


def check_no_nul(what: str, words: str) -> None:
    """Refuse U+0000 in what a process is started with: no system has a place for it.

    AWS's models allow it there, and none of its documents says what the service answers: the words are ours.
    """
    if "\0" in words:
        raise InvalidParameterValue(f"{what} holds the character U+0000, which no process can be given.")
