"""Generated ids: short, unique, and ascending. Jobs of one call are claimed in the order of their ids."""

from __future__ import annotations

import os
import secrets
from typing import Final

DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # ascending; none is easily confused
_PAIRS: Final = [high + low for high in DIGITS for low in DIGITS]

_TIME_DIGITS: Final = 9
_COUNTS: Final = 32**3
_NONCE_DIGITS: Final = 10

MADE_LENGTH: Final = _TIME_DIGITS + 3 + _NONCE_DIGITS
"""The length of a generated id, in base 32: 9 characters for the time in ms, 3 for a counter, 10 for the process."""


def is_made(raw_id: bytes) -> bool:
    """Whether an id looks generated. With a shard it is two characters longer."""
    length = len(raw_id)
    return length == MADE_LENGTH or (length == MADE_LENGTH + 2 and raw_id[:1] in (b"1", b"2"))


class IdMaker:
    """Generates ids. Ids of one maker ascend; two makers never generate the same id."""

    def __init__(self) -> None:
        self._pid = 0
        self._nonce = ""
        self._last_ms = 0
        self._count = 0

    def make(self, count: int, now_ms: int) -> list[str]:
        """Makes `count` ids for this time, unix ms."""
        if self._pid != os.getpid():  # a forked process must not generate its parent's ids
            self._pid = os.getpid()
            self._nonce = "".join(secrets.choice(DIGITS) for _ in range(_NONCE_DIGITS))
        if now_ms > self._last_ms:
            self._last_ms, self._count = now_ms, 0
        ids: list[str] = []
        while len(ids) < count:
            if self._count == _COUNTS:
                self._last_ms, self._count = self._last_ms + 1, 0
            last = min(_COUNTS, self._count + count - len(ids))
            time, nonce = _time_digits(self._last_ms), self._nonce
            ids += [f"{time}{DIGITS[at >> 10]}{_PAIRS[at & 1023]}{nonce}" for at in range(self._count, last)]
            self._count = last
        return ids


def _time_digits(ms: int) -> str:
    return DIGITS[ms >> 40 & 31] + "".join([_PAIRS[ms >> shift & 1023] for shift in (30, 20, 10, 0)])
