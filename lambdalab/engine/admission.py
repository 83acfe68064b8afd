"""Who may run now: the account's concurrency, shared by all functions. Throttling in AWS's words.

Source: `lambda-contract.md` section 8.
"""

from __future__ import annotations

from lambdalab.errors import TooManyRequests

ACCOUNT_LIMIT = 1000
"""Concurrent executions of an account and region (AWS's default quota)."""


class Admission:
    """Counts invocations in flight, by account."""

    def __init__(self, limit: int = ACCOUNT_LIMIT) -> None:
        self.limit = limit
        self._in_flight: dict[str, int] = {}

    def enter(self, account: str) -> None:
        """Take a place, or raise `TooManyRequests`. Every `enter` that returned needs one `leave`."""
        count = self._in_flight.get(account, 0)
        if count >= self.limit:
            raise TooManyRequests("Rate Exceeded.", Reason="ConcurrentInvocationLimitExceeded")
        self._in_flight[account] = count + 1

    def leave(self, account: str) -> None:
        """Give the place back."""
        self._in_flight[account] -= 1

    def in_flight(self, account: str) -> int:
        """How many run now."""
        return self._in_flight.get(account, 0)
