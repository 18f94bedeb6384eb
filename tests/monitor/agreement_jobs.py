"""The target of a pool whose numbers must agree with what it ran. Some jobs go on once a file is there."""

from __future__ import annotations

import asyncio
from pathlib import Path

from monarq import Retry, job
from monarq.shared.calls.context import Context


async def until_there(path: str) -> None:
    while not Path(path).exists():
        await asyncio.sleep(0.05)


@job(name="agree_done")
async def done(after: str) -> None:
    await until_there(after)


@job(name="agree_failed")
async def failed() -> None:
    raise ValueError("as it should")


@job(name="agree_again", max_tries=3)
async def again(ctx: Context, after: str) -> None:
    if ctx.job_try < 3:
        await until_there(after)
        raise Retry(defer=0.1)


@job(name="agree_cpu")
def count(upto: int) -> int:
    return sum(range(upto))
