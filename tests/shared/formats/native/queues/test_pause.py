"""pause.lua: a queue that gives no jobs for a while."""

from __future__ import annotations

from redis.asyncio import Redis

from monarq.shared.formats.native.keys import wake_channel
from monarq.shared.formats.native.queues.pause import pause, paused_since_ms, resume
from tests.shared.formats.native.hearing import heard
from tests.shared.formats.native.pieces import KEYS, now_ms, zset_of
from tests.shared.formats.native.state import WORKER, put, take


async def test_pause_and_resume(redis: Redis) -> None:
    before = await now_ms(redis)
    assert await paused_since_ms(redis, KEYS) == 0
    assert await pause(redis, KEYS) == 0
    since = await paused_since_ms(redis, KEYS)
    assert before <= since <= await now_ms(redis)
    assert await pause(redis, KEYS) == since, "it has been paused since then"
    assert await paused_since_ms(redis, KEYS) == since
    assert await resume(redis, KEYS) == since
    assert await resume(redis, KEYS) == await paused_since_ms(redis, KEYS) == 0


async def test_resuming_wakes_all_that_wait(redis: Redis) -> None:
    await pause(redis, KEYS)
    await redis.zadd(KEYS.key("idle"), {"a": 1, "b": 2})
    await redis.zadd(KEYS.key("idle_cpu"), {"c": 1})
    async with heard(redis, *map(wake_channel, "abc")) as following:
        await resume(redis, KEYS)
        told = dict([await following() for _ in range(3)])
    io, cpu = KEYS.key("queued").encode(), KEYS.key("queued_cpu").encode()
    assert told == {wake_channel("a"): io, wake_channel("b"): io, wake_channel("c"): cpu}
    assert await zset_of(redis, "idle") == await zset_of(redis, "idle_cpu") == {}


async def test_who_asks_a_paused_queue_is_woken_when_it_goes_on(redis: Redis) -> None:
    await put(redis, "a")
    await pause(redis, KEYS)
    assert not await take(redis)
    async with heard(redis, wake_channel(WORKER)) as following:
        await resume(redis, KEYS)
        assert await following() == (wake_channel(WORKER), KEYS.key("queued").encode())


async def test_a_time_that_cannot_be_read_is_a_pause(redis: Redis) -> None:
    await redis.hset(KEYS.key("meta"), "paused", "yes")  # type: ignore[misc]
    assert await paused_since_ms(redis, KEYS) == 1
