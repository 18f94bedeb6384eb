"""Jobs for the page's tests in a browser."""

from __future__ import annotations

import asyncio

from monarq import Context, job


@job(name="web.quick")
async def quick(number: int) -> int:
    return number


@job(name="web.long")
async def long(ctx: Context) -> None:
    for step in range(600):
        await ctx.progress(step, 600, f"step {step}")
        await asyncio.sleep(0.1)


@job(name="web.broken", max_tries=1)
async def broken() -> None:
    raise ValueError("it is broken")
