"""Waits for jobs in an open sandbox of `monarq.testing`, where only `drain` runs jobs.

A wait without a timeout would never end if the test forgot to drain. The sandbox ends it with an error.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Attendant(Protocol):
    """An open sandbox."""

    def runs_jobs_of(self, shown: str) -> bool:
        """Whether this is the address of the sandbox's Redis."""
        ...

    async def attend(self, waiting: Awaitable[T]) -> T:
        """Waits, and raises MonarqError if nothing runs jobs for a while."""
        ...


_attendant: Attendant | None = None


def set_attendant(attendant: Attendant | None) -> None:
    """Sets the open sandbox of this process; None when it closes."""
    global _attendant  # noqa: PLW0603 - a process has one sandbox at a time
    _attendant = attendant


def is_attended(shown: str) -> bool:
    """Whether the jobs on the Redis at this address run only when a test drains its sandbox."""
    return _attendant is not None and _attendant.runs_jobs_of(shown)


async def wait_attended(waiting: Awaitable[T], shown: str) -> T:
    """Waits for something that depends on jobs; for waits without a timeout.

    Args:
        waiting: what to wait for; it is cancelled if this is.
        shown: the address of the jobs' Redis.

    Raises:
        MonarqError: the jobs are in a sandbox, and nothing runs them.
    """
    if _attendant is None or not _attendant.runs_jobs_of(shown):
        return await waiting
    return await _attendant.attend(waiting)
