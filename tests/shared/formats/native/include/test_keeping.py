"""keeping.lua: results for an hour, for a time of their own and for ever; tombstones; and the end of all that."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from tests.shared.formats.native.pieces import KEYS, hash_of, hset, now_ms, run_piece, zset_of

BUCKET_MS = 600_000
MINUTE_MS = 60_000
KEEP = "keep_results(tonumber(ARGV[1]), {unpack(ARGV, 2)})"
APART = "keep_apart(ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]))"
BURY = "leave_tombstones(tonumber(ARGV[1]), {unpack(ARGV, 2)})"
RESULTS = KEYS.ring("results")
TOMBSTONES = KEYS.ring("tombstones")


async def test_results_of_ten_minutes_share_a_key_for_an_hour(redis: Redis) -> None:
    start = BUCKET_MS * 8 * 1000
    await run_piece(redis, "keeping", KEEP, start, "a", "1", "b", "2")
    await run_piece(redis, "keeping", KEEP, start + BUCKET_MS - 1, "c", "3")
    await run_piece(redis, "keeping", KEEP, start + BUCKET_MS, "d", "4")
    first = await redis.hgetall(RESULTS[0])  # type: ignore[misc]
    assert first == {b"a": b"1", b"b": b"2", b"c": b"3", b"\0": b"x" * 65}
    assert set(await redis.hgetall(RESULTS[1])) == {b"d", b"\0"}  # type: ignore[misc]
    assert await redis.object("encoding", RESULTS[0]) == b"hashtable"  # type: ignore[no-untyped-call]
    for key in RESULTS[:2]:
        assert 4_190_000 < await redis.pttl(key) <= 4_200_000


async def test_the_time_of_a_key_is_only_set_anew_where_an_hour_is_not_left(redis: Redis) -> None:
    await run_piece(redis, "keeping", KEEP, 0, "a", "1")
    for left, expected in ((3_700_000, 3_700_000), (3_500_000, 4_200_000)):
        await redis.pexpire(RESULTS[0], left)
        await run_piece(redis, "keeping", KEEP, 0, "b", "2")
        assert expected - 10_000 < await redis.pttl(RESULTS[0]) <= expected


async def test_a_time_of_its_own_and_for_ever(redis: Redis) -> None:
    await run_piece(redis, "keeping", APART, "a", "1", 5000, 1_800_000_000_000)
    await run_piece(redis, "keeping", APART, "b", "2", 0, 1_800_000_000_000)
    assert await hash_of(redis, "kept") == {b"a": b"1", b"b": b"2"}
    assert await zset_of(redis, "ends") == {b"ra": 1_800_000_005_000}
    await run_piece(redis, "keeping", APART, "a", "3", 0, 1_800_000_000_000)
    assert await zset_of(redis, "ends") == {}, "a result for ever is not ended by the one before it"


async def test_a_result_that_goes_before_an_enqueue_is_repeated_for_the_last_time_leaves_a_tombstone(
    redis: Redis,
) -> None:
    now = await now_ms(redis)
    for job_id, kept_ms in (("soon", 1000), ("later", 180_000), ("never", 0)):
        await run_piece(redis, "keeping", APART, job_id, "1", kept_ms, now)
    assert set(await redis.hgetall(TOMBSTONES[now // MINUTE_MS % 3])) == {b"soon"}  # type: ignore[misc]


@pytest.mark.parametrize("into_ms", [0, 30_000, MINUTE_MS - 1])
async def test_a_tombstone_s_key_expires_before_it_is_used_again(redis: Redis, into_ms: int) -> None:
    minute = await now_ms(redis) // MINUTE_MS
    await run_piece(redis, "keeping", BURY, minute * MINUTE_MS + into_ms, "a", "b")
    key = TOMBSTONES[minute % 3]
    assert set(await redis.hgetall(key)) == {b"a", b"b"}  # type: ignore[misc]
    assert await redis.execute_command("PTTL", key) <= (minute + 3) * MINUTE_MS - 1 - await now_ms(redis) + 1000  # type: ignore[no-untyped-call]
    assert await redis.pttl(key) > 2 * MINUTE_MS - 1000


async def test_results_are_dropped_wherever_they_are(redis: Redis) -> None:
    await run_piece(redis, "keeping", KEEP, 0, "a", "1", "z", "1")
    await run_piece(redis, "keeping", KEEP, 7 * BUCKET_MS, "b", "2", "z", "1")
    await run_piece(redis, "keeping", APART, "c", "3", 5000, 1_800_000_000_000)
    await run_piece(redis, "keeping", "drop_results(ARGV)", "a", "b", "c")
    assert set(await redis.hgetall(RESULTS[0])) == set(await redis.hgetall(RESULTS[7])) == {b"z", b"\0"}  # type: ignore[misc]
    assert await hash_of(redis, "kept") == {}
    assert await zset_of(redis, "ends") == {}


async def test_what_is_over_is_dropped_a_few_at_a_time(redis: Redis) -> None:
    await hset(redis, KEYS.key("kept"), {"a": "1", "later": "2"})
    await hset(redis, KEYS.key("trails"), {"a": "1", "later": "2"})
    await hset(redis, KEYS.key("letters"), {"a": "1", "\0a": "2", "later": "2"})
    await hset(redis, KEYS.key("dead_payloads"), {"a": "1", "later": "2"})
    await redis.zadd(KEYS.key("dead"), {"a": 1, "later": 2})
    await redis.zadd(KEYS.key("ends"), {"ra": 10, "ta": 11, "da": 12, "rlater": 20, "tlater": 20, "dlater": 20})
    await run_piece(redis, "keeping", "drop_ended(12, 2)")
    assert set(await zset_of(redis, "ends")) == {b"da", b"rlater", b"tlater", b"dlater"}
    await run_piece(redis, "keeping", "drop_ended(12, 2) drop_ended(12, 2)")
    assert set(await zset_of(redis, "ends")) == {b"rlater", b"tlater", b"dlater"}
    for name in ("kept", "trails", "letters", "dead_payloads"):
        assert set(await hash_of(redis, name)) == {b"later"}
    assert set(await zset_of(redis, "dead")) == {b"later"}
