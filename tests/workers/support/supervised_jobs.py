"""Jobs of real workers under a supervisor, which print their starts and ends."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from monarq.shared.calls.context import Context, SyncContext
from monarq.shared.jobs.decorators import job
from monarq.shared.redis.connection import UrlSource

if TYPE_CHECKING:
    from redis.asyncio import Redis

LONG_S: Final = 30
"""Longer than any test waits."""

HOARD: Final[list[bytes]] = []


def say(ctx: SyncContext, what: str) -> None:
    """One line, written in one piece."""
    os.write(1, f"job {ctx.job_id} pid {os.getpid()} try {ctx.job_try}: {what}\n".encode())


@job
async def wait_for_ever(ctx: Context) -> None:
    """Never ends."""
    say(ctx, "begins")
    await asyncio.Event().wait()


@job
async def wait_for_first_run(ctx: Context, key: str) -> None:
    """Never ends when it runs first, and at once the second time."""
    run = await count_run(key)
    say(ctx, "begins")
    if run == 1:
        await asyncio.Event().wait()
    say(ctx, "ends")


@job
async def block_the_loop_once(ctx: Context, key: str) -> None:
    """Blocks the event loop when it runs first."""
    run = await count_run(key)
    say(ctx, "begins")
    if run == 1:
        time.sleep(LONG_S)
    say(ctx, "ends")


@job
async def take_a_second(ctx: Context) -> None:
    """Takes a second."""
    say(ctx, "begins")
    await asyncio.sleep(1.0)
    say(ctx, "ends")


@job
async def wait_until_let(ctx: Context, key: str) -> None:
    """Ends when something stands in the list."""
    say(ctx, "begins")
    async with UrlSource(os.environ["TEST_REDIS_URL"]).client() as redis:
        while await redis.blpop([key], 1) is None:  # less than the client waits for an answer
            pass
    say(ctx, "ends")


@job
async def return_when_cancelled(ctx: Context, key: str) -> int:
    """Which run this is: the first returns when it is cancelled, the second at once."""
    run = await count_run(key)
    say(ctx, "begins")
    if run == 1:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
    say(ctx, f"returns {run}")
    return run


@job
def spin_in_pool(ctx: SyncContext) -> None:
    """Never ends, and holds its process."""
    say(ctx, "begins")
    while True:
        pass


@job(timeout=0.5)
def spin_for_a_moment(ctx: SyncContext) -> None:
    """Never ends by itself."""
    say(ctx, "begins")
    while True:
        pass


@job
async def say_so(ctx: Context) -> int:
    """Ends at once; tells its process id."""
    say(ctx, "ends")
    return os.getpid()


@job
async def hoard(ctx: Context, mib: int) -> None:
    """Leaks memory."""
    HOARD.append(b"x" * (mib * 2**20))
    say(ctx, "ends")


async def count_run(key: str) -> int:
    """Which run of the job this is."""
    async with UrlSource(os.environ["TEST_REDIS_URL"]).client() as redis:
        return await counted(redis, key)


async def counted(redis: Redis, key: str) -> int:
    """The key's new count; the key does not stay."""
    count = int(await redis.incr(key))
    await redis.expire(key, 60)
    return count
