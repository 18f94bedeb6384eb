"""Parallel calls to several shards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

_T = TypeVar("_T")


async def in_parallel(calls: Sequence[Awaitable[_T]]) -> list[_T]:
    """Makes calls in parallel and waits for all of them, even if one fails.

    Raises:
        BaseException: the error of the first call that failed.
    """
    if len(calls) < 2:
        return [await call for call in calls]
    replies = await asyncio.gather(*calls, return_exceptions=True)
    found: list[_T] = []
    for reply in replies:
        if isinstance(reply, BaseException):
            raise reply
        found.append(reply)
    return found
