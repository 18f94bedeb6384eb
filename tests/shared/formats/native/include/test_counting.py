"""counting.lua and counted_names.lua: from the buffer to the counters since the first job, by minute and by second."""

from __future__ import annotations

from typing import Final

import pytest
from redis.asyncio import Redis

from tests.shared.formats.native.counting_calls import count, count_all, counters_of
from tests.shared.formats.native.pieces import KEYS, hash_of, hset, now_ms, zset_of

HOUR_MS: Final = 3_600_000
MINUTE_MS: Final = 60_000
PAD: Final = {b"\0": b"x" * 65}


async def step_of(redis: Redis, ring: str, place: int, step: int, name: str = "") -> dict[str, int]:
    """The counters of a step, read from a place of a ring."""
    key = KEYS.ring(ring)[place]
    return counters_of(await redis.hget(key, f"{step} {name}"))  # type: ignore[misc]


async def stats_of(redis: Redis, name: str = "") -> dict[str, int]:
    """The counters since the first job."""
    return counters_of(await redis.hget(KEYS.key("stats"), name))  # type: ignore[misc]


async def flush(redis: Redis) -> None:
    """Has the buffer emptied, whatever second it belongs to."""
    await redis.hset(KEYS.key("meta"), "second", "1")  # type: ignore[misc]
    await count(redis, {})


async def test_counts_come_into_all_three_places_in_the_next_second(redis: Redis) -> None:
    start_ms = await now_ms(redis)
    second, minute, hour = start_ms // 1000, start_ms // MINUTE_MS, start_ms // HOUR_MS
    await redis.zadd(KEYS.key("known"), {"send": start_ms})
    await count(redis, {"enqueued": 3}, "send", at_ms=start_ms)
    await count(redis, {"succeeded:3:2": 2, "ws": 9, "rs": 5}, "send", at_ms=start_ms)
    await count(redis, {"started": 2}, at_ms=start_ms)
    assert await stats_of(redis) == {}
    await count(redis, {"lost": 1}, at_ms=start_ms + 1000)
    of_name = {"enqueued": 3, "succeeded": 2, "w3": 2, "r2": 2, "ws": 9, "rs": 5}
    of_queue = {**of_name, "started": 2}
    for name, expected in (("", of_queue), ("send", of_name)):
        assert await stats_of(redis, name) == expected
        assert await step_of(redis, "minutes", hour % 25, minute, name) == expected
        assert await step_of(redis, "seconds", minute % 11, second, name) == expected
    assert await redis.hgetall(KEYS.key("live")) == PAD | {b"lost\0": b"1"}  # type: ignore[misc]
    assert await hash_of(redis, "meta") == {b"second": b"%d" % (second + 1)}


async def test_counts_add_up(redis: Redis) -> None:
    start_ms = await now_ms(redis)
    for passed_s in range(3):
        await count(redis, {"enqueued": 2, "ws": 2**44}, at_ms=start_ms + passed_s * 1000)
    await flush(redis)
    assert await stats_of(redis) == {"enqueued": 6, "ws": 3 * 2**44}


async def test_counts_stay_in_the_buffer_until_a_call_has_the_keys(redis: Redis) -> None:
    start_ms = await now_ms(redis) - 5000
    await count(redis, {"started": 1}, at_ms=start_ms)
    await count(redis, {"started": 1}, at_ms=start_ms + 2000, flushes=False)
    assert await stats_of(redis) == {}
    await count(redis, {}, at_ms=start_ms + 4000)
    second, minute = start_ms // 1000, start_ms // MINUTE_MS
    assert await step_of(redis, "seconds", minute % 11, second) == {"started": 2}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("enqueued", {"enqueued": 1}),
        ("succeeded:0:1", {"succeeded": 1, "w0": 1, "r1": 1}),
        ("failed:23:0", {"failed": 1, "w23": 1, "r0": 1}),
        ("dead:1:2", {"dead": 1, "failed": 1, "w1": 1, "r2": 1}),
        ("dead::", {"dead": 1, "failed": 1}),
        ("cancelled::", {"cancelled": 1}),
        ("handed_back::", {"handed_back": 1}),
        ("retried:4:5", {"retried": 1, "w4": 1, "r5": 1}),
        ("crashed", {"crashed": 1}),
    ],
)
async def test_what_an_event_counts(redis: Redis, event: str, expected: dict[str, int]) -> None:
    await redis.zadd(KEYS.key("known"), {"send": 1})
    await count(redis, {event: 1}, "send")
    await flush(redis)
    assert await stats_of(redis, "send") == expected
    assert await stats_of(redis) == ({} if event == "crashed" else expected)


async def test_crashes_of_the_queue_are_counted_apart(redis: Redis) -> None:
    await count_all(redis, {"crashed\0": 1, "crashed\0send": 5})
    await flush(redis)
    assert await stats_of(redis) == {"crashed": 1}


async def test_names_that_no_worker_knows_have_counters_for_the_first_fifty(redis: Redis) -> None:
    await count_all(redis, {f"enqueued\0n{at}": 1 for at in range(70)})
    await flush(redis)
    heard = await zset_of(redis, "heard")
    assert len(heard) == 50
    assert set(await hash_of(redis, "stats")) == {b"", b"(unknown)", *heard}
    assert await stats_of(redis, "(unknown)") == {"enqueued": 20}
    assert await zset_of(redis, "names") == {}


async def test_a_name_that_was_heard_is_counted_by_name_once_it_has_run(redis: Redis) -> None:
    await count(redis, {"enqueued": 1}, "send")
    await flush(redis)
    await count(redis, {"succeeded:0:0": 1}, "send")
    await flush(redis)
    assert await zset_of(redis, "heard") == {}
    assert set(await zset_of(redis, "names")) == {b"send"}
    assert await stats_of(redis, "send") == {"enqueued": 1, "succeeded": 1, "w0": 1, "r0": 1}


async def test_over_two_hundred_names_are_counted_as_others(redis: Redis) -> None:
    await count_all(redis, {f"succeeded:0:0\0n{at}": 1 for at in range(230)})
    await flush(redis)
    assert len(await zset_of(redis, "names")) == 200
    assert await stats_of(redis, "(other)") == {"succeeded": 30, "w0": 30, "r0": 30}
    assert (await stats_of(redis))["succeeded"] == 230


async def test_a_name_without_a_count_for_an_hour_makes_room(redis: Redis) -> None:
    start_ms = await now_ms(redis)
    await redis.zadd(KEYS.key("names"), {f"n{at}": start_ms for at in range(198)})
    await redis.zadd(KEYS.key("names"), {"old": start_ms - HOUR_MS - 1, "used": start_ms - HOUR_MS - 2})
    await hset(redis, KEYS.key("stats"), {"old": '{"succeeded": 7}'})
    await count_all(redis, {"succeeded:0:0\0used": 1})
    await flush(redis)
    await count_all(redis, {"succeeded:0:0\0new": 1, "succeeded:0:0\0newer": 1})
    await flush(redis)
    names = set(await zset_of(redis, "names"))
    assert len(names) == 200
    assert {b"used"} < names
    assert len(names & {b"new", b"newer"}) == 1
    assert b"old" not in names | set(await hash_of(redis, "stats"))
    assert (await stats_of(redis, "(other)"))["succeeded"] == 1


async def test_long_names_are_cut(redis: Redis) -> None:
    await count_all(redis, {f"succeeded:0:0\0{'n' * 300}{at}": 1 for at in range(2)})
    await flush(redis)
    assert (await stats_of(redis, "n" * 200))["succeeded"] == 2


@pytest.mark.parametrize(
    ("ring", "step_ms", "span_ms", "size"), [("seconds", 1000, 60_000, 11), ("minutes", 60_000, 3_600_000, 25)]
)
@pytest.mark.parametrize("into", [0.0, 0.5, 0.999])
async def test_a_ring_s_key_expires_before_its_next_turn(
    redis: Redis, ring: str, step_ms: int, span_ms: int, size: int, into: float
) -> None:
    turn = await now_ms(redis) // span_ms
    at_ms = turn * span_ms + int(into * span_ms)
    await count(redis, {"started": 1}, at_ms=at_ms)
    await count(redis, {}, at_ms=at_ms + 1000)
    key = KEYS.ring(ring)[turn % size]
    assert await redis.hexists(key, f"{at_ms // step_ms} ")  # type: ignore[misc]
    ends_ms = await now_ms(redis) + await redis.pttl(key)
    assert abs(ends_ms - (turn + size) * span_ms) < 1000


async def test_what_was_counted_long_ago_is_in_no_step(redis: Redis) -> None:
    start_ms = await now_ms(redis)
    await count(redis, {"started": 1}, at_ms=start_ms - 26 * HOUR_MS)
    await count(redis, {}, at_ms=start_ms)
    assert await stats_of(redis) == {"started": 1}
    assert not await redis.exists(*KEYS.ring("minutes"), *KEYS.ring("seconds"))


async def test_the_counters_have_an_end(redis: Redis) -> None:
    await redis.zadd(KEYS.key("known"), {"send": 1})
    await count_all(redis, {"enqueued\0send": 1, "enqueued\0other": 1})
    await flush(redis)
    for name in ("stats", "live", "names", "heard"):
        assert await redis.ttl(KEYS.key(name)) > 29 * 86_400


async def test_a_count_that_came_before_any_flush_is_counted_once(redis: Redis) -> None:
    await count(redis, {"started": 1}, flushes=False)
    await flush(redis)
    await flush(redis)
    assert await stats_of(redis) == {"started": 1}


@pytest.mark.parametrize(
    "found", ['{"succeeded": "x", "enqueued": 3}', '{"succeeded": null, "failed": [], "enqueued": 3}']
)
async def test_what_is_no_count_is_passed_over(redis: Redis, found: str) -> None:
    await hset(redis, KEYS.key("live"), {"enqueued\0send": "many", "strange": "1", "\0": "7", "enqueued\0": "2"})
    await hset(redis, KEYS.key("stats"), {"": found})
    await flush(redis)
    assert (await stats_of(redis))["enqueued"] == 5


@pytest.mark.parametrize("found", ["done 3", "7", "[]", "{"])
async def test_what_is_no_json_of_counts_begins_anew(redis: Redis, found: str) -> None:
    await hset(redis, KEYS.key("stats"), {"": found})
    await count(redis, {"enqueued": 2})
    await flush(redis)
    assert await stats_of(redis) == {"enqueued": 2}


@pytest.mark.parametrize("name", ["stats", "names", "known", "heard", "live"])
async def test_a_key_of_a_wrong_type_fails_no_call(redis: Redis, name: str) -> None:
    start_ms = await now_ms(redis)
    await count_all(redis, {"enqueued\0send": 1, "succeeded:0:0\0mail": 1}, start_ms)
    for key in (KEYS.key(name), *KEYS.ring("minutes"), *KEYS.ring("seconds")):
        await redis.delete(key)
        await redis.lpush(key, "x")  # type: ignore[misc]
        await redis.expire(key, 100)
    await count_all(redis, {"started\0": 1}, start_ms + 1000)
    assert await redis.hgetall(KEYS.key("live")) == PAD | {b"started\0": b"1"}  # type: ignore[misc]
