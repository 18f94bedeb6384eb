"""register_names.lua: the names of jobs that workers know."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.native.counters.counters import read_counters
from monarq.shared.formats.native.workers.register_names import BATCH, read_names, register_names
from tests.shared.formats.native.counting_calls import count
from tests.shared.formats.native.pieces import KEYS, now_ms, zset_of

DAY_MS = 86_400_000


async def test_a_name_that_waited_for_a_worker_is_counted_by_name(redis: Redis) -> None:
    await count(redis, {"enqueued": 2}, "send")
    await count(redis, {"enqueued": 1}, "mail")
    assert (await read_counters(redis, KEYS, 0)).jobs == {"(unknown)": {"enqueued": 3}}
    assert await register_names(redis, KEYS, ["send", "other"]) == 1
    found = await read_counters(redis, KEYS, 0)
    assert found.jobs == {"send": {"enqueued": 2}, "(unknown)": {"enqueued": 1}}
    assert set(await zset_of(redis, "heard")) == {b"mail"}
    assert await register_names(redis, KEYS, ["send", "other"]) == 0


async def test_a_name_is_known_for_a_day(redis: Redis) -> None:
    now = await now_ms(redis)
    await redis.zadd(KEYS.key("known"), {"old": now - DAY_MS - 1000, "recent": now - DAY_MS + 60_000})
    await register_names(redis, KEYS, ["send"])
    known = [name for name in ("send", "recent", "old", "mail") if name in await read_names(redis, KEYS)]
    assert known == ["send", "recent"]
    assert DAY_MS - 5000 < await redis.pttl(KEYS.key("known")) <= DAY_MS


async def test_a_call_is_bounded(redis: Redis) -> None:
    names = [f"n{at}" for at in range(BATCH)]
    assert await register_names(redis, KEYS, names) == 0
    assert len(await zset_of(redis, "known")) == BATCH
    with pytest.raises(ValueError, match="501"):
        await register_names(redis, KEYS, [*names, "more"])


@pytest.mark.parametrize("name", ["names", "heard"])
async def test_lists_of_a_wrong_type_fail_no_call(redis: Redis, name: str) -> None:
    await redis.lpush(KEYS.key(name), "x")  # type: ignore[misc]
    assert await register_names(redis, KEYS, ["send"]) == 0
