"""discard.lua: dead letters are thrown away."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.native.dead.discard import BATCH, discard
from tests.shared.formats.native.dead.test_revive import bury
from tests.shared.formats.native.pieces import KEYS, hash_of, zset_of
from tests.shared.formats.native.state import put


async def test_letters_go_and_results_stay(redis: Redis) -> None:
    await bury(redis, "a", "b")
    assert await discard(redis, KEYS, [b"a", b"x"]) == [True, False]
    assert set(await zset_of(redis, "dead")) == set(await hash_of(redis, "dead_payloads")) == {b"b"}
    assert set(await hash_of(redis, "letters")) == {b"b", b"\0b"}
    assert [key for key in KEYS.ring("results") if await redis.hexists(key, "a")] != []  # type: ignore[misc]
    assert await discard(redis, KEYS, [b"a", b"x"]) == [False, False], "repeated"


async def test_a_job_of_the_same_id_is_not_touched(redis: Redis) -> None:
    await bury(redis, "a", result="")
    await put(redis, "a")
    assert await discard(redis, KEYS, [b"a"]) == [True]
    assert await hash_of(redis, "payloads") == {b"a": b"payload"}
    assert set(await zset_of(redis, "queued")) == {b"a"}


async def test_a_full_batch_and_none(redis: Redis) -> None:
    ids = [f"{number:04}" for number in range(BATCH)]
    await bury(redis, *ids, result="")
    assert await discard(redis, KEYS, [each.encode() for each in ids]) == [True] * BATCH
    assert await discard(redis, KEYS, []) == []
    with pytest.raises(ValueError, match="at most 1000"):
        await discard(redis, KEYS, [b"a"] * (BATCH + 1))
