"""Reads replies from Redis: untrusted text and numbers."""

from __future__ import annotations

from typing import Final, cast

PROTOCOL: Final = 2
"""The version of Redis' protocol. redis-py 8 defaults to version 3, which has different replies."""

_LARGEST = 2**53


def text(value: object) -> str:
    """A reply as text; bytes that are not UTF-8 are escaped."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def as_ids(reply: object) -> list[bytes]:
    """A reply that is a list of job ids."""
    return cast("list[bytes]", reply)


def read_number(value: bytes | float) -> int:
    """An untrusted number; 0 if it is not a number or is too large."""
    try:
        number = int(float(value))
    except (ValueError, OverflowError):
        return 0
    return number if abs(number) <= _LARGEST else 0
