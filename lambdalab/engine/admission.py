"""Who may run now: reserved and unreserved concurrency, and the rate that comes with it. Throttling in AWS's words.

A reservation takes its part out of the account's pool, used or not; so does provisioned concurrency of a
function without a reservation. Invocations that run in provisioned environments are not counted here: their
place was taken when those were started. Source: `lambda-contract.md` section 8.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lambdalab.clock import Clock
from lambdalab.errors import TooManyRequests
from lambdalab.model.function import FunctionKey

ACCOUNT_LIMIT = 1000
"""Concurrent executions of an account and region (AWS's default quota)."""
RATE = 10
"""Invocations a second for each unit of concurrency."""


@dataclass(slots=True)
class _Rate:
    """What began in this second."""

    second: int = 0
    count: int = 0

    def take(self, second: int, most: int) -> bool:
        """Count one more, unless there were `most` already."""
        if second != self.second:
            self.second, self.count = second, 0
        if self.count >= most:
            return False
        self.count += 1
        return True


@dataclass(slots=True)
class _Reservation:
    size: int
    rate: _Rate = field(default_factory=_Rate)


class Admission:
    """Counts on-demand invocations in flight. Every `enter` that returned needs one `leave`."""

    def __init__(self, clock: Clock, limit: int = ACCOUNT_LIMIT) -> None:
        self.limit = limit
        self._clock = clock
        self._reserved: dict[FunctionKey, _Reservation] = {}
        self._provisioned: dict[FunctionKey, int] = {}
        self._in_flight: dict[FunctionKey, int] = {}
        self._unreserved: dict[str, int] = {}
        self._pools: dict[str, int] = {}
        self._rates: dict[str, _Rate] = {}
        """Of each account's functions without a reservation, together."""

    # -- what is set aside

    def reserve(self, key: FunctionKey, size: int | None) -> None:
        """Set aside `size` for a function; None gives it back to the pool."""
        if size is None:
            self._reserved.pop(key, None)
        else:
            self._reserved[key] = _Reservation(size)
        self._recount()

    def provision(self, key: FunctionKey, size: int) -> None:
        """The function's provisioned concurrency, of all its versions together."""
        if size:
            self._provisioned[key] = size
        else:
            self._provisioned.pop(key, None)
        self._recount()

    def unreserved(self, account: str, *, apart_from: FunctionKey | None = None) -> int:
        """What is left of an account's limit for functions without a reservation."""
        return self.limit - sum(
            reservation.size
            for key, reservation in self._reserved.items()
            if key.account == account and key != apart_from
        )

    def provisioned(self, key: FunctionKey) -> int:
        """The function's provisioned concurrency."""
        return self._provisioned.get(key, 0)

    def pool(self, account: str) -> int:
        """What on-demand invocations of functions without a reservation share."""
        return self._pools.get(account, self.limit)

    def _recount(self) -> None:
        self._unreserved = {}
        for key, running in self._in_flight.items():
            if key not in self._reserved:
                self._unreserved[key.account] = self._unreserved.get(key.account, 0) + running
        self._pools = {}
        for account in {key.account for key in (*self._reserved, *self._provisioned)}:
            lent = sum(
                size for key, size in self._provisioned.items() if key.account == account and key not in self._reserved
            )
            self._pools[account] = self.unreserved(account) - lent

    # -- invocations

    def enter(self, key: FunctionKey) -> None:
        """Take a place for an on-demand invocation, or raise `TooManyRequests`."""
        running = self._in_flight.get(key, 0)
        reservation = self._reserved.get(key)
        if reservation is not None:
            self._enter_reserved(key, reservation, running)
        else:
            unreserved = self._unreserved.get(key.account, 0)
            if unreserved >= self._pools.get(key.account, self.limit):
                raise TooManyRequests("Rate Exceeded.", Reason="ConcurrentInvocationLimitExceeded")
            rate = self._rates.setdefault(key.account, _Rate())
            if not rate.take(int(self._clock.monotonic()), self.limit * RATE):
                raise TooManyRequests("Rate Exceeded.", Reason="FunctionInvocationRateLimitExceeded")
            self._unreserved[key.account] = unreserved + 1
        self._in_flight[key] = running + 1

    def _enter_reserved(self, key: FunctionKey, reservation: _Reservation, running: int) -> None:
        if running >= reservation.size - self._provisioned.get(key, 0):
            raise TooManyRequests("Rate Exceeded.", Reason="ReservedFunctionConcurrentInvocationLimitExceeded")
        if not reservation.rate.take(int(self._clock.monotonic()), reservation.size * RATE):
            raise TooManyRequests("Rate Exceeded.", Reason="ReservedFunctionInvocationRateLimitExceeded")

    def leave(self, key: FunctionKey) -> None:
        """Give the place back."""
        self._in_flight[key] -= 1
        if not self._in_flight[key]:
            del self._in_flight[key]
        if key not in self._reserved:
            self._unreserved[key.account] -= 1

    def in_flight(self, key: FunctionKey) -> int:
        """How many on-demand invocations of a function run now."""
        return self._in_flight.get(key, 0)
