"""Rates: the counts of the last seconds, in steps."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.native.counters.rates import read_rates
from monarq.shared.protocol.counters import FIELDS
from tests.shared.formats.native.counting_calls import count
from tests.shared.formats.native.pieces import KEYS, now_ms


async def count_seconds(redis: Redis, now_s: int, seconds: int) -> None:
    """In each second, as many are enqueued as it is long ago."""
    for back in reversed(range(seconds)):
        await count(redis, {"enqueued": back, "succeeded:3:3": 1}, "send", at_ms=(now_s - back) * 1000)


@pytest.mark.parametrize(("step_s", "steps"), [(15, 20), (1, 3), (7, 2), (60, 10)])
async def test_every_whole_second_is_in_its_step(redis: Redis, step_s: int, steps: int) -> None:
    now_s = await now_ms(redis) // 1000
    await count_seconds(redis, now_s, 601)  # at a full minute, ten of them begin 600 seconds ago
    found = await read_rates(redis, KEYS, step_s, steps)
    newest = found.now_ms // 1000 - 1
    assert found.oldest_s == (newest // step_s - steps + 1) * step_s
    assert len(found.steps) == steps
    for at, step in enumerate(found.steps):
        start = found.oldest_s + at * step_s
        seconds = [second for second in range(start, start + step_s) if second <= newest]
        assert tuple(step) == FIELDS
        assert step["enqueued"] == sum(max(0, now_s - second) for second in seconds)
        assert step["succeeded"] == sum(second <= now_s for second in seconds)
        assert step["failed"] == 0
    assert found.enqueued_per_s == sum(max(0, now_s - second) for second in range(newest - 4, newest + 1)) / 5


async def test_nothing_counted(redis: Redis) -> None:
    found = await read_rates(redis, KEYS, 15, 4)
    assert found.steps == [dict.fromkeys(FIELDS, 0)] * 4
    assert found.enqueued_per_s == 0
    assert await redis.keys() == []
