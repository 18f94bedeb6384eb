"""`monarq dead` on many letters: put back at a pace."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from tests.cli.command import heard, start, until
from tests.cli.dead.letters import bury, ids_queued, letter


async def test_a_replay_does_not_flood(redis: Redis, redis_url: str) -> None:
    await bury(redis, **{f"{number:02}": letter() for number in range(20)})
    loop = asyncio.get_running_loop()
    process = await start("dead", "retry", "--all", "--rate", "20/s", url=redis_url)

    async def some_are_back() -> bool:
        return bool(await ids_queued(redis))

    await until(some_are_back)
    # What came before the first look, however late that was, is no matter of the pace after it.
    began_s = loop.time()
    first = len(await ids_queued(redis))
    assert first < 15
    counts = []
    while process.returncode is None:
        count = len(await ids_queued(redis))
        counts.append((loop.time() - began_s, count - first))
        await asyncio.sleep(0.02)
    assert all(count <= 20 * passed_s + 6 for passed_s, count in counts), counts
    assert await heard(process, "20 jobs are back in the queue")
    assert loop.time() - began_s >= (20 - first) / 20 - 0.2
    assert len(await ids_queued(redis)) == 20


async def test_a_replay_that_is_broken_off_says_how_far_it_came(redis: Redis, redis_url: str) -> None:
    await bury(redis, **{f"{number:02}": letter() for number in range(20)})
    process = await start("dead", "retry", "--all", "--rate", "60/m", url=redis_url)

    async def some_are_back() -> bool:
        return bool(await ids_queued(redis))

    await until(some_are_back)
    process.send_signal(2)
    said = await heard(process, "left as they were")
    back = len(await ids_queued(redis))
    # Redis may have put one back whose call was broken off before it answered.
    assert any(f"{count} job" in said and f"{20 - count} left as they were" in said for count in (back, back - 1)), said
    assert await process.wait() == 130
