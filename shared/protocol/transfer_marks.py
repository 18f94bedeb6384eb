"""Marks of moved jobs at a target of either format, read and let go page by page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from monarq.shared.protocol.transfer import LEASE_MS, PAGE, Marks

READ_A_CALL: Final = 1000
"""How many marks of any source one call goes past."""

NEVER_LATE_MS: Final = 2**52
"""When jobs were taken, unix ms, in a call that is to tell whether Redis would carry it out."""


async def read_marks(read: Callable[[int], Awaitable[Sequence[Any]]]) -> Marks:
    """All marks of a source that no run has let go, as found by the first call.

    Args:
        read: one call that passes over so many marks of any source; its reply: Redis' time in ms, how many marks it
            went past, and those of the source.
    """
    found: list[bytes] = []
    found_ms, skip, passed = 0, 0, READ_A_CALL
    while passed == READ_A_CALL:
        now_ms, passed, *marks = await read(skip)
        found_ms, skip = found_ms or now_ms, skip + passed
        found += marks
    return Marks(found_ms, tuple(found))


async def let_go(marks: Marks, forget: Callable[[int, Sequence[bytes]], Awaitable[Any]]) -> bool:
    """Lets marks go; False where a call came too late, and not all are gone.

    Args:
        marks: the marks.
        forget: one call for so many of them until a time, in ms; 0 where it came later.
    """
    for at in range(0, len(marks.marks), PAGE):
        if not await forget(marks.found_ms + LEASE_MS, marks.marks[at : at + PAGE]):
            return False
    return True
