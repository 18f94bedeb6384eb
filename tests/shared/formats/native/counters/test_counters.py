"""Counters in all and step by step, which are those of arq's format for the same events."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq.counters import counters as arq_counters
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.formats.arq.workers.register_names import register_names as register_arq_names
from monarq.shared.formats.native.counters.counters import read_counters, read_series
from monarq.shared.protocol.counters import MINUTES_KEPT, SECONDS_KEPT, Series, Step
from tests.shared.formats.native.counting_calls import count, count_all
from tests.shared.formats.native.pieces import KEYS, hset, now_ms, zset_of

MINUTE_MS: Final = 60_000
MONTH_S: Final = 30 * 86_400


async def know(redis: Redis, *names: str) -> None:
    """Has a worker know jobs of these names."""
    await redis.zadd(KEYS.key("known"), dict.fromkeys(names, await now_ms(redis)))


async def test_a_queue_without_counts(redis: Redis) -> None:
    for minutes in (0, 1, 60):
        found = await read_counters(redis, KEYS, minutes)
        assert (found.queue, found.jobs) == ({}, {})
        assert abs(found.now_ms - await now_ms(redis)) < 5000
    await read_series(redis, KEYS, "", Step.SECOND, 10)
    assert await redis.keys() == [], "reading creates no key"


async def test_counts_that_are_still_in_the_buffer_are_read_too(redis: Redis) -> None:
    await know(redis, "send")
    await count(redis, {"enqueued": 2}, "send")
    for minutes in (0, 1):
        found = await read_counters(redis, KEYS, minutes)
        assert (found.queue, found.jobs) == ({"enqueued": 2}, {"send": {"enqueued": 2}})
    assert (await read_series(redis, KEYS, "send", Step.MINUTE, 2)).steps.count({"enqueued": 2}) == 1
    await count(redis, {"enqueued": 1}, "send", flushes=False)
    assert (await read_counters(redis, KEYS, 0)).queue == {"enqueued": 3}
    await redis.flushall()
    await count(redis, {"enqueued": 1}, "send", flushes=False)
    assert (await read_counters(redis, KEYS, 0)).queue == {"enqueued": 1}, "before any flush"


async def test_names_that_no_worker_knows_are_counted_as_one(redis: Redis) -> None:
    await count_all(redis, {f"enqueued\0n{at}": 1 for at in range(60)})
    for minutes in (0, 5):
        found = await read_counters(redis, KEYS, minutes)
        assert found.jobs == {"(unknown)": {"enqueued": 60}}
        assert found.queue == {"enqueued": 60}


async def count_minutes(redis: Redis, now: int, minutes: int) -> None:
    """Counts one start in each of the last minutes."""
    for back in reversed(range(minutes)):
        await count(redis, {"started": 1}, at_ms=now - back * MINUTE_MS)


async def test_the_last_minutes(redis: Redis) -> None:
    now = await now_ms(redis) // MINUTE_MS * MINUTE_MS
    await count_minutes(redis, now, 200)
    # Between the calls a minute may have begun.
    for minutes in (1, 2, 61, 150):
        assert (await read_counters(redis, KEYS, minutes)).queue.get("started", 0) in {minutes, minutes - 1}
    assert (await read_counters(redis, KEYS, 10_000)).queue == {"started": 200}
    assert (await read_counters(redis, KEYS, 0)).queue == {"started": 200}


async def test_many_names_take_several_calls_and_none_is_left_out(redis: Redis) -> None:
    names = [f"n{at}" for at in range(200)]
    await redis.zadd(KEYS.key("names"), dict.fromkeys(names, await now_ms(redis)))
    minute = await now_ms(redis) // MINUTE_MS
    for back in range(20):
        key = KEYS.ring("minutes")[(minute - back) // 60 % 25]
        await hset(redis, key, {f"{minute - back} {name}": f'{{"succeeded": {back + 1}}}' for name in names})
        await redis.expire(key, 100)
    found = await read_counters(redis, KEYS, 60)
    assert found.jobs == {name: {"succeeded": 210} for name in names}
    assert (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] > 5


async def test_names_that_were_not_counted_lately_are_not_read(redis: Redis) -> None:
    now = await now_ms(redis)
    await redis.zadd(KEYS.key("names"), {"old": now - 30 * MINUTE_MS, "new": now})
    await hset(redis, KEYS.key("stats"), {"old": '{"succeeded":1}', "new": '{"succeeded":2}'})
    assert set((await read_counters(redis, KEYS, 0)).jobs) == {"old", "new"}
    minute = now // MINUTE_MS
    await hset(
        redis,
        KEYS.ring("minutes")[minute // 60 % 25],
        {f"{minute} old": '{"succeeded":1}', f"{minute} new": '{"succeeded":2}'},
    )
    await redis.expire(KEYS.ring("minutes")[minute // 60 % 25], 100)
    assert (await read_counters(redis, KEYS, 5)).jobs == {"new": {"succeeded": 2}}


@pytest.mark.parametrize(
    ("step", "step_ms", "kept"), [(Step.SECOND, 1000, SECONDS_KEPT), (Step.MINUTE, 60_000, MINUTES_KEPT)]
)
async def test_a_series_has_every_step_it_was_asked_for(redis: Redis, step: Step, step_ms: int, kept: int) -> None:
    await know(redis, "send")
    start_ms = await now_ms(redis)
    for back in (kept - 3, 61, 60, 59, 1, 0):
        await count(redis, {"enqueued": back + 1}, "send", at_ms=start_ms - back * step_ms)
    for name in ("send", ""):
        found = await read_series(redis, KEYS, name, step, 10**6)
        assert len(found.steps) == kept
        assert counted_by_step(found) == {
            start_ms // step_ms - back: {"enqueued": back + 1} for back in (kept - 3, 61, 60, 59, 1, 0)
        }
        assert found.oldest + kept - 1 == found.now_ms // step_ms
    assert counted_by_step(await read_series(redis, KEYS, "mail", step, 100)) == {}


def counted_by_step(found: Series) -> dict[int, dict[str, int]]:
    """The steps with counts, by their number."""
    return {at: counters for at, counters in enumerate(found.steps, found.oldest) if counters}


async def test_large_counts_and_what_is_no_count(redis: Redis) -> None:
    await redis.zadd(KEYS.key("names"), {"a": 1, "b": 1, "c": 1})
    await hset(
        redis, KEYS.key("stats"), {"": '{"ws":1.5e+14,"rs":3.0}', "a": "x", "b": '{"succeeded":"x"}', "c": "[1]"}
    )
    found = await read_counters(redis, KEYS, 0)
    assert found.queue == {"ws": 150_000_000_000_000, "rs": 3}
    assert found.jobs == {"a": {}, "b": {}, "c": {}}


async def test_reading_is_possible_while_redis_is_full(redis: Redis) -> None:
    await count(redis, {"enqueued": 2})
    await redis.config_set("maxmemory", "1mb")
    try:
        assert (await read_counters(redis, KEYS, 0)).queue == {"enqueued": 2}
        assert (await read_counters(redis, KEYS, 5)).queue == {"enqueued": 2}
        await read_series(redis, KEYS, "", Step.SECOND, 5)
    finally:
        await redis.config_set("maxmemory", "0")


class Runs(NamedTuple):
    """Like runs of a call."""

    name: str
    status: str
    wait_bucket: int | str
    run_bucket: int | str
    times: int
    wait_ms: int
    run_ms: int
    crashes: int = 0


RUNS: Final = [
    Runs("send", "succeeded", 3, 2, 5, 31, 12),
    Runs("send", "failed", 1, 0, 1, 1, 0, 2),
    Runs("send", "dead", 4, 23, 2, 22, 9_000_000, 1),
    Runs("mail", "retried", 0, 1, 1, 0, 1),
    Runs("mail", "handed_back", "", -1, 3, 0, 0),
    Runs("mail", "cancelled", "", -1, 1, 0, 0),
    Runs("", "dead", "", -1, 1, 0, 0),
    Runs("strange", "failed", 2, 2, 1, 3, 3),
]
ENQUEUED: Final = {"send": 9, "mail": 4, "nobody's": 3}
OF_QUEUE: Final = {"started": 14, "lost": 2, "crashed": 5}


async def count_as_arq(redis: Redis) -> None:
    """Counts the events in arq's format."""
    lua = """-- INCLUDES  clock, counting, run_groups
    local now, runs_of = now_ms(), {}
    for _, field in ipairs({'started', 'lost', 'crashed'}) do
        count(now, field, tonumber(table.remove(ARGV)))
    end
    for _ = 1, 3 do
        add_counts(now, table.remove(ARGV), {enqueued = tonumber(table.remove(ARGV))})
    end
    for group = 0, #ARGV / GROUP_FIELDS - 1 do
        runs_of[group] = tonumber(ARGV[group * GROUP_FIELDS + 5])
    end
    count_runs(now, 1, runs_of)
    """
    groups: list[Any] = [value for runs in RUNS for value in (*runs, "")]
    enqueued = [value for name, times in ENQUEUED.items() for value in (times, name)]
    await ArqScript.load("count", lua).run_on(
        redis, QueueKeys.of("q"), [*groups, *enqueued, *reversed(OF_QUEUE.values())]
    )


async def count_as_native(redis: Redis) -> None:
    """The same in the native format."""
    fields = {f"enqueued\0{name}": times for name, times in ENQUEUED.items()}
    fields |= {f"{event}\0": times for event, times in OF_QUEUE.items()}
    for runs in RUNS:
        ran = runs.wait_bucket != ""
        buckets = f"{runs.wait_bucket}:{runs.run_bucket}" if ran else ":"
        fields[f"{runs.status}:{buckets}\0{runs.name}"] = runs.times
        for event, times in (("ws", runs.wait_ms), ("rs", runs.run_ms), ("crashed", runs.times * runs.crashes)):
            field = f"{event}\0{runs.name}"
            if times:
                fields[field] = fields.get(field, 0) + times
    await count_all(redis, fields)


async def test_the_same_events_give_the_same_counters_in_both_formats(redis: Redis) -> None:
    await know(redis, "send", "mail")
    await register_arq_names(redis, QueueKeys.of("q"), ["send", "mail"])
    await count_as_arq(redis)
    await count_as_native(redis)
    for minutes in (0, 2):
        theirs = await arq_counters.read_counters(redis, QueueKeys.of("q"), minutes)
        ours = await read_counters(redis, KEYS, minutes)
        assert ours.queue == {counter: times for counter, times in theirs.queue.items() if times}
        assert ours.jobs == {
            name: {counter: times for counter, times in counters.items() if times}
            for name, counters in theirs.jobs.items()
        }
        assert set(ours.jobs) == {"send", "mail", "strange", "(unknown)"}
    assert set(await zset_of(redis, "names")) == {b"send", b"mail", b"strange"}
