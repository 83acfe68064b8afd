"""How figures are written: one rule per kind of quantity, a no-break space before each unit.

Source: the table "Numbers" of the visual design. The exact values stay on the object and in the raw log.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

NBSP = "\u00a0"
_CENT = Decimal("0.01")


def duration(ms: float) -> str:
    """Milliseconds: two significant digits below 1 ms, one decimal below 10, whole below 1000; then s, then min."""
    if ms < 0.095:
        return _with_unit(f"{ms:.2f}", "ms")
    if ms < 0.995:
        return _with_unit(f"{ms:.2g}", "ms")
    if ms < 9.95:
        return _with_unit(f"{ms:.1f}", "ms")
    if ms < 999.5:
        return _with_unit(f"{ms:.0f}", "ms")
    return _seconds(ms / 1000)


def _seconds(seconds: float) -> str:
    if seconds < 9.995:
        return _with_unit(f"{seconds:.2f}", "s")
    if seconds < 59.95:
        return _with_unit(f"{seconds:.1f}", "s")
    whole = round(seconds)
    return f"{_with_unit(str(whole // 60), 'min')} {_with_unit(str(whole % 60), 's')}"


def seconds(number: int) -> str:
    """A limit that was set: whole seconds, as they were written."""
    return _with_unit(f"{number:,}", "s")


def whole_ms(ms: int) -> str:
    """Billed time: always whole milliseconds, thousands separated."""
    return _with_unit(f"{ms:,}", "ms")


def megabytes(mb: int) -> str:
    """Whole MB, as AWS says it."""
    return _with_unit(f"{mb:,}", "MB")


def percent(part: float, whole: float) -> str:
    """`part` of `whole` as whole percent."""
    return _with_unit(f"{part / whole * 100:.0f}", "%")


def size(count: int) -> str:
    """A size of data: bytes below 1000, then kB and MB (powers of ten) with one decimal."""
    if count < 1000:
        return _with_unit(str(count), "B")
    if count < 999_950:
        return _with_unit(f"{count / 1000:.1f}", "kB")
    return _with_unit(f"{count / 1_000_000:,.1f}", "MB")


def vcpu(memory_mb: int) -> str:
    """The CPU share that the memory size brings: 1769 MB are one vCPU."""
    return _with_unit(f"{memory_mb / 1769:.2f}", "vCPU")


def dollars(amount: Decimal) -> str:
    """US dollars with two decimals. Amounts per call are always given per million calls."""
    return f"${amount.quantize(_CENT, ROUND_HALF_UP):,}"


def count(number: int, noun: str) -> str:
    """`1 line`, `2 lines`: the number and its noun, which takes an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _with_unit(number: str, unit: str) -> str:
    return f"{number}{NBSP}{unit}"
