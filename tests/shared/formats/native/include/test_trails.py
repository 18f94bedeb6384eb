"""trails.lua: a job's rare events, bounded in number, size and time."""

from __future__ import annotations

from redis.asyncio import Redis

from tests.shared.formats.native.pieces import KEYS, hash_of, run_piece, zset_of

ADD = "add_to_trail(ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]))"


async def test_events_stand_in_their_order(redis: Redis) -> None:
    await run_piece(redis, "trails", ADD, "a", "retried", "1 500 boom", 1000, 1_800_000_000_000)
    await run_piece(redis, "trails", ADD, "a", "promoted", "", 1000, 1_800_000_000_005)
    assert await hash_of(redis, "trails") == {b"a": b"1800000000000 retried 1 500 boom\n1800000000005 promoted "}
    assert await zset_of(redis, "ends") == {b"ta": 1_800_000_001_005}


async def test_words_stay_on_their_line(redis: Redis) -> None:
    await run_piece(redis, "trails", ADD, "a", "crashed", "one\ntwo\0three", 1000, 1_800_000_000_000)
    assert await hash_of(redis, "trails") == {b"a": b"1800000000000 crashed one two three"}


async def test_a_shorter_time_does_not_end_it_earlier(redis: Redis) -> None:
    await run_piece(redis, "trails", ADD, "a", "retried", "", 9000, 1_800_000_000_000)
    await run_piece(redis, "trails", ADD, "a", "promoted", "", 1000, 1_800_000_000_000)
    assert await zset_of(redis, "ends") == {b"ta": 1_800_000_009_000}


async def test_the_newest_twenty_stay(redis: Redis) -> None:
    for number in range(30):
        await run_piece(redis, "trails", ADD, "a", "crashed", str(number), 1000, 1_800_000_000_000)
    lines = (await hash_of(redis, "trails"))[b"a"].split(b"\n")
    assert [line.split()[-1] for line in lines] == [b"%d" % number for number in range(10, 30)]


async def test_the_newest_two_kilobytes_stay(redis: Redis) -> None:
    for letter in "abc":
        await run_piece(redis, "trails", ADD, "a", "crashed", letter * 900, 1000, 1_800_000_000_000)
    lines = (await hash_of(redis, "trails"))[b"a"].split(b"\n")
    assert [line[-900:] for line in lines] == [b"b" * 900, b"c" * 900]
    await run_piece(redis, "trails", ADD, "a", "crashed", "d" * 5000, 1000, 1_800_000_000_000)
    assert len((await hash_of(redis, "trails"))[b"a"]) == 2048


async def test_no_trail_is_begun_that_would_not_end(redis: Redis) -> None:
    await redis.set(KEYS.key("ends"), "another type", ex=100)
    await run_piece(redis, "trails", ADD, "a", "promoted", "", 1000, 1_800_000_000_000)
    assert await hash_of(redis, "trails") == {}


async def test_trails_are_dropped(redis: Redis) -> None:
    for job_id in "abc":
        await run_piece(redis, "trails", ADD, job_id, "promoted", "", 1000, 1_800_000_000_000)
    await run_piece(redis, "trails", "drop_trails({'a', 'b', 'x'})")
    assert set(await hash_of(redis, "trails")) == {b"c"}
    assert set(await zset_of(redis, "ends")) == {b"tc"}
