"""Marks of moved jobs at a target of either format, read and released page by page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from monarq.shared.protocol.transfer import LEASE_MS, PAGE, Marks

READ_A_CALL: Final = 1000
"""How many marks, of any source, one call scans."""

NEVER_LATE_MS: Final = 2**52
"""A time of taking, unix ms, for a call that only tests whether Redis would accept it."""


async def read_marks(read: Callable[[int], Awaitable[Sequence[Any]]]) -> Marks:
    """All marks of a source that no run has released, as of the first call.

    Args:
        read: makes one call that skips this many marks of any source. Its reply has Redis' time in ms, how many marks
            it scanned, and those of the source.
    """
    found: list[bytes] = []
    found_ms, skip, passed = 0, 0, READ_A_CALL
    while passed == READ_A_CALL:
        now_ms, passed, *marks = await read(skip)
        found_ms, skip = found_ms or now_ms, skip + passed
        found += marks
    return Marks(found_ms, tuple(found))


async def let_go(marks: Marks, forget: Callable[[int, Sequence[bytes]], Awaitable[Any]]) -> bool:
    """Releases marks; returns False if a call came too late and not all were released.

    Args:
        marks: the marks.
        forget: makes one call for some of them, which must arrive before a time in ms; it returns 0 if it came later.
    """
    for at in range(0, len(marks.marks), PAGE):
        if not await forget(marks.found_ms + LEASE_MS, marks.marks[at : at + PAGE]):
            return False
    return True
