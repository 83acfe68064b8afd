"""The table of operations: one function each, registered under its name in AWS's service model.

Adding an operation is writing one function in the module of its family:

    @operation("GetFunction")
    async def get_function(region: Region, call: Call) -> Mapping[str, Any]:
        ...

The parameters in `call.params` have passed the model's constraints; the answer is serialised from the model.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from lambdalab.api.region import Region

_NONE: Mapping[str, Any] = MappingProxyType({})


class Call(NamedTuple):
    """One verified, parsed and validated request. `account` is that of the key that signed it.

    `params` has the members of the operation's input shape by their model names (PascalCase); blobs are
    bytes, timestamps aware datetimes, absent members absent. `headers` are lower-case.
    """

    operation: str
    params: Mapping[str, Any]
    account: str
    request_id: str
    headers: Mapping[str, str] = _NONE


class Answer(NamedTuple):
    """An answer that differs from the model's default: another status, further headers, or something to do after.

    `output` has the members of the output shape; header-bound members become headers, a payload member the body.
    A `stream` takes the body's place.
    """

    output: Mapping[str, Any] = _NONE
    status: int | None = None
    headers: Mapping[str, str] = _NONE
    stream: AsyncIterator[bytes] | None = None


class NotOurs(Exception):
    """Raised by an operation of another service when what the request names is the rest of AWS's: it is passed on."""


Operation = Callable[["Region", Call], Awaitable["Mapping[str, Any] | Answer"]]
OPERATIONS: dict[tuple[str, str], Operation] = {}
"""By service and operation name."""


def operation(name: str, *, service: str = "lambda") -> Callable[[Operation], Operation]:
    """Register the decorated coroutine function as the operation `name` of `service`."""

    def register(function: Operation) -> Operation:
        OPERATIONS[service, name] = function
        return function

    return register
