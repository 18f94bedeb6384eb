"""A queue of several shards as monitors read and steer it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.monitor.admin import admin
from monarq.monitor.jobs.dead_letters import DeadLetterFilter, find_dead_letters, read_dead_letter_page
from monarq.monitor.jobs.job_view import find_job
from monarq.monitor.jobs.listing import list_jobs
from monarq.monitor.queues.stats import read_stats
from monarq.producer import Producer
from monarq.shared.formats.choice.monitors import known_queues, monitor_queue
from monarq.shared.formats.native.dead.discard import discard
from monarq.shared.formats.native.jobs.look import unmark
from monarq.shared.formats.native.sharded import letter_transfer
from monarq.shared.formats.native.shards import home
from monarq.shared.jobs.decorators import job
from monarq.shared.protocol.answers import CancelAnswer, Promoted, Revived
from monarq.shared.protocol.counters import Step
from monarq.shared.protocol.dead_letters import DeadEntry
from monarq.shared.protocol.pages import PositionError
from tests.support.shards import BIG, QUEUE, alive, ids_that_move, keys_of, lengths, spread
from tests.support.slowness import in_time, patience_s
from tests.support.workers import make_worker, running

MONITORED = monitor_queue(BIG)


@job(name="monitored.add", queue=QUEUE)
async def add(one: int, other: int) -> int:
    return one + other


@job(name="monitored.fail", queue=QUEUE, max_tries=1)
async def fail(number: int) -> None:
    raise ValueError(number)


@pytest.fixture
async def producer(redis_url: str) -> AsyncIterator[Producer]:
    async with Producer(redis_url) as made:
        yield made


async def run(redis_url: str) -> None:
    """Runs all that is due."""
    async with in_time(30):
        await make_worker(redis_url, [add, fail], queues=(BIG,), burst=True).run()


async def fill(producer: Producer, count: int, **options: Any) -> list[str]:
    return [(await producer.enqueue(add.options(**options), number, 1)).job_id for number in range(count)]


async def die(producer: Producer, redis_url: str, *job_ids: str) -> None:
    for job_id in job_ids:
        await producer.enqueue(fail.options(job_id=job_id), 1)
    await run(redis_url)


# ---- the queue as a whole -------------------------------------------------------------------------------------


async def test_numbers_are_sums(redis: Redis, producer: Producer, redis_url: str) -> None:
    await spread(redis, 3)
    await fill(producer, 12)
    await run(redis_url)
    await fill(producer, 6)
    await fill(producer, 3, defer_by=60)
    counts = await MONITORED.read_counts(redis)
    assert (counts.queued, counts.deferred, counts.running, counts.totals["succeeded"]) == (6, 3, 0, 12)
    assert counts.totals["enqueued"] == 21
    assert counts.oldest_s is not None
    counters = await MONITORED.read_counters(redis, 0)
    assert (counters.queue["succeeded"], counters.jobs["monitored.add"]["enqueued"]) == (12, 21)
    series = await MONITORED.read_series(redis, "", Step.MINUTE, 3)
    assert sum(step.get("enqueued", 0) for step in series.steps) == 21
    assert len((await MONITORED.read_rates(redis, 15, 4)).steps) == 4
    assert [ref.name for ref in await known_queues(redis) if ref.format == "native"].count("big") == 1
    [stats] = await read_stats(redis, [BIG])
    assert (stats.queued, stats.succeeded) == (6, 12)
    assert not [ref for ref in await known_queues(redis) if "~" in ref.name]


async def test_a_pause_is_of_all_shards_and_of_those_that_are_added(redis: Redis, producer: Producer) -> None:
    await spread(redis, 2)
    assert (await admin.pause(redis, BIG), await admin.pause(redis, BIG)) == (True, False)
    await spread(redis, 4)
    assert await admin.paused_since_ms(redis, BIG) is not None
    client: Any = redis
    assert all([await client.hget(keys_of(shard).key("meta"), "paused") for shard in range(4)])
    assert (await MONITORED.read_counts(redis)).paused
    assert (await admin.resume(redis, BIG), await admin.resume(redis, BIG)) == (True, False)
    assert not any([await client.hget(keys_of(shard).key("meta"), "paused") for shard in range(4)])


async def test_a_paused_queue_gives_no_job_of_any_shard(redis: Redis, redis_url: str, producer: Producer) -> None:
    await spread(redis, 3)
    async with running(make_worker(redis_url, [add], queues=(BIG,))), in_time(20):
        await admin.pause(redis, BIG)
        handles = [await producer.enqueue(add, number, 1) for number in range(6)]
        await asyncio.sleep(0.1)
        assert await lengths(redis, 3) == [2, 2, 2]
        await admin.resume(redis, BIG)
        assert [await handle.result(patience_s(10)) for handle in handles] == [1, 2, 3, 4, 5, 6]


async def test_a_purge_is_of_all_shards(redis: Redis, producer: Producer) -> None:
    await spread(redis, 3)
    await fill(producer, 9)
    await fill(producer, 6, defer_by=60)
    assert sum([count async for count in MONITORED.purge(redis, ["queued"])]) == 9
    assert sum([count async for count in MONITORED.purge(redis, ["deferred"])]) == 6
    assert await alive(redis, 3) == [set()] * 3


async def test_who_is_known(redis: Redis, producer: Producer, redis_url: str) -> None:
    assert not await MONITORED.is_known(redis)
    await spread(redis, 2)
    assert await MONITORED.is_known(redis)
    await fill(producer, 2)
    await run(redis_url)
    assert "monitored.add" in await MONITORED.read_names(redis)


# ---- jobs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 7, 200])
async def test_every_job_is_on_one_page(redis: Redis, producer: Producer, limit: int) -> None:
    await spread(redis, 3)
    ids = await fill(producer, 20)
    shown: list[str] = []
    position = None
    while True:
        page = await MONITORED.browse(redis, "queued", position, limit)
        assert len(page.jobs) <= limit
        shown += [each.raw_id.decode() for each in page.jobs]
        position = page.next
        if position is None:
            break
    assert sorted(shown) == sorted(ids)


async def test_a_page_is_in_order(redis: Redis, producer: Producer) -> None:
    await spread(redis, 3)
    ids = await fill(producer, 12)
    page = await list_jobs(redis, BIG, "queued", limit=50)
    assert [row.job_id for row in page.rows] == ids or sorted(row.due_ms or 0 for row in page.rows) == [
        row.due_ms for row in page.rows
    ]


@pytest.mark.parametrize("position", [(), (b"x",), (1,), (b"\x91\x92\x07\xc0",), (b"\x90",), (b"a", b"b")])
async def test_what_is_no_position_is_refused(redis: Redis, position: tuple[Any, ...]) -> None:
    await spread(redis, 3)
    with pytest.raises(PositionError):
        await MONITORED.browse(redis, "queued", position, 10)


async def test_one_job_is_shown_and_steered_wherever_it_is(redis: Redis, producer: Producer, redis_url: str) -> None:
    await spread(redis, 2)
    chosen = ids_that_move(2, 4, 2)
    for job_id in chosen:
        await producer.enqueue(add.options(job_id=job_id, defer_by=60), 1, 1)
    await spread(redis, 4)
    made = await fill(producer, 4, defer_by=60)
    for job_id in [*chosen, *made]:
        for queue in (BIG, None):
            view = await find_job(redis, job_id, queue)
            assert view is not None
            assert (view.row.job_id, view.row.state) == (job_id, "deferred")
    assert await MONITORED.promote(redis, chosen[0].encode()) is Promoted.DUE
    assert await MONITORED.promote(redis, made[3].encode()) is Promoted.DUE
    assert await MONITORED.promote(redis, b"nobody") is Promoted.UNKNOWN
    for job_id in (chosen[1], *made[:3]):  # all others, as a burst waits for what is deferred
        assert await MONITORED.cancel(redis, job_id) is CancelAnswer.ENDED
    await run(redis_url)
    view = await find_job(redis, chosen[0])
    assert view is not None
    assert view.row.state == "succeeded"


async def test_what_runs_and_what_ended_is_listed(redis: Redis, redis_url: str, producer: Producer) -> None:
    await spread(redis, 3)
    ids = await fill(producer, 9)
    await run(redis_url)
    ended = await MONITORED.read_ended(redis, 50)
    assert sorted(each.raw_id.decode() for each in ended) == sorted(ids)
    assert [each.ended_ms for each in ended] == sorted((each.ended_ms for each in ended), reverse=True)
    assert (await MONITORED.browse(redis, "running", None, 10)).jobs == ()


# ---- dead letters ---------------------------------------------------------------------------------------------


async def test_dead_letters_are_one_list(redis: Redis, producer: Producer, redis_url: str) -> None:
    await spread(redis, 3)
    names = [f"order:{number}" for number in range(12)]
    await die(producer, redis_url, *names)
    assert await MONITORED.count_dead(redis) == 12
    listed: list[DeadEntry] = []
    while page := await MONITORED.list_dead(redis, listed[-1] if listed else None, 2):
        listed += page
    assert [entry.raw_id.decode() for entry in sorted(listed, key=lambda each: (each.died_ms, each.raw_id))] == [
        entry.raw_id.decode() for entry in reversed(listed)
    ]
    assert {entry.raw_id.decode() for entry in listed} == set(names)
    page_of_5 = await read_dead_letter_page(redis, BIG, None, 5)
    assert len(page_of_5.letters) == 5
    found = [letter.job_id async for letter in find_dead_letters(redis, BIG, DeadLetterFilter())]
    assert sorted(found) == sorted(names)
    for raw_id in (entry.raw_id for entry in listed):
        assert await MONITORED.read_dead_payload(redis, raw_id)
    records = await MONITORED.read_dead(redis, [b"nobody", *(entry.raw_id for entry in listed)])
    assert [record.raw_id for record in records] == [entry.raw_id for entry in listed]


async def test_letters_of_one_moment_in_several_shards_are_each_listed_once(redis: Redis) -> None:
    await spread(redis, 3)
    client: Any = redis
    for number in range(30):
        await client.zadd(keys_of(number % 3).key("dead"), {f"d{number:02}": 1000 + number // 10})
    for limit in (1, 2, 4, 100):
        listed: list[DeadEntry] = []
        while page := await MONITORED.list_dead(redis, listed[-1] if listed else None, limit):
            assert len(page) <= limit
            listed += page
        assert [entry.raw_id.decode() for entry in listed] == [f"d{number:02}" for number in reversed(range(30))]


async def test_letters_are_revived_and_discarded_where_they_are(
    redis: Redis, producer: Producer, redis_url: str
) -> None:
    await spread(redis, 3)
    names = [f"order:{number}" for number in range(8)]
    await die(producer, redis_url, *names)
    raw_ids = [name.encode() for name in names]
    assert await MONITORED.discard(redis, [*raw_ids[:2], b"nobody"]) == [True, True, False]
    revived = await MONITORED.revive(redis, [*raw_ids, b"nobody"])
    assert revived == [Revived.NO_LETTER] * 2 + [Revived.BACK] * 6 + [Revived.NO_LETTER]
    found = await alive(redis, 3)
    assert set().union(*found) == set(names[2:])
    assert all(home(job_id, 3) == shard for shard, ids in enumerate(found) for job_id in ids)


async def test_a_letter_whose_id_has_moved_is_revived_in_the_new_home(
    redis: Redis, producer: Producer, redis_url: str
) -> None:
    await spread(redis, 2)
    moved = ids_that_move(2, 4, 3)
    await die(producer, redis_url, *moved)
    await spread(redis, 4)
    raw_ids = [job_id.encode() for job_id in moved]
    assert [letter.raw_id for letter in await MONITORED.read_dead(redis, raw_ids)] == raw_ids
    assert await MONITORED.revive(redis, raw_ids[:2]) == [Revived.BACK] * 2
    found = await alive(redis, 4)
    assert [job_id in found[home(job_id, 4)] for job_id in moved] == [True, True, False]
    assert await MONITORED.count_dead(redis) == 1
    assert await MONITORED.revive(redis, raw_ids[:2]) == [Revived.ALIVE] * 2
    assert await MONITORED.discard(redis, raw_ids) == [False, False, True]
    await run(redis_url)
    assert await MONITORED.count_dead(redis) == 2


@pytest.mark.parametrize("stops_before", ["discard", "unmark"])
async def test_a_revival_that_stopped_half_way_makes_one_job(
    redis: Redis, producer: Producer, redis_url: str, monkeypatch: pytest.MonkeyPatch, stops_before: str
) -> None:
    await spread(redis, 2)
    [moved] = ids_that_move(2, 4, 1)
    await die(producer, redis_url, moved)
    await spread(redis, 4)

    async def stop(*_: Any) -> None:
        raise InterruptedError

    monkeypatch.setattr(letter_transfer, stops_before, stop)
    with pytest.raises(InterruptedError):
        await MONITORED.revive(redis, [moved.encode()])
    monkeypatch.setattr(letter_transfer, "discard", discard)
    monkeypatch.setattr(letter_transfer, "unmark", unmark)
    assert [moved in ids for ids in await alive(redis, 4)].count(True) == 1
    client: Any = redis
    new = keys_of(home(moved, 4))
    for key in ("payloads", "queued"):  # it runs, and ends without a trace
        await (client.hdel if key == "payloads" else client.zrem)(new.key(key), moved)
    again = await MONITORED.revive(redis, [moved.encode()])
    assert again == [Revived.BACK if stops_before == "discard" else Revived.NO_LETTER]
    assert await alive(redis, 4) == [set()] * 4
    assert await MONITORED.count_dead(redis) == 0


async def test_no_letter_is_revived_beside_a_job_of_its_id(redis: Redis, producer: Producer, redis_url: str) -> None:
    await spread(redis, 2)
    [moved] = ids_that_move(2, 4, 1)
    await die(producer, redis_url, moved)
    client: Any = redis
    old = keys_of(home(moved, 2))
    for key in old.ring("results"):
        await client.hdel(key, moved)
    await producer.enqueue(add.options(job_id=moved), 1, 1)
    await spread(redis, 4)
    assert await MONITORED.revive(redis, [moved.encode()]) == [Revived.ALIVE]
    assert [moved in ids for ids in await alive(redis, 4)].count(True) == 1
