"""Reads replies of Redis: text and numbers that anyone may have written."""

from __future__ import annotations

from typing import Final, cast

PROTOCOL: Final = 2
"""The version of Redis' protocol. redis-py 8 speaks version 3 unless told otherwise, which has other replies."""

_LARGEST = 2**53


def text(value: object) -> str:
    """A reply as text; bytes that are no UTF-8 keep their value as escapes."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def as_ids(reply: object) -> list[bytes]:
    """A reply that is a list of job ids."""
    return cast("list[bytes]", reply)


def read_number(value: bytes | float) -> int:
    """A number that anyone may have written; 0 where it is not a number, or too large."""
    try:
        number = int(float(value))
    except (ValueError, OverflowError):
        return 0
    return number if abs(number) <= _LARGEST else 0
