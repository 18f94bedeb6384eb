"""Jobs as arq's users write them."""

from __future__ import annotations

import asyncio
from typing import Any

from arq import Retry

Ctx = dict[Any, Any]


async def add(ctx: Ctx, a: int, b: int) -> int:
    return a + b


async def fail(ctx: Ctx, why: str) -> None:
    raise ValueError(why)


async def sleep(ctx: Ctx, seconds: float) -> None:
    await asyncio.sleep(seconds)


async def again(ctx: Ctx, tries: int, defer_s: float = 0.0) -> int:
    """Asks for another try until it has had so many."""
    if ctx["job_try"] < tries:
        raise Retry(defer=defer_s)
    return int(ctx["job_try"])


async def count_run(ctx: Ctx, name: str) -> None:
    """Notes in Redis that it ran."""
    await asyncio.sleep(0.02)
    await ctx["redis"].hincrby("test:runs", name, 1)
