"""Lists of jobs: complete, in order, bounded in cost, and right while the queue changes."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from itertools import count
from typing import Any, Final

import pytest
from redis.asyncio import Redis

from monarq.monitor.jobs import listing
from monarq.monitor.jobs.job_view import find_job
from monarq.monitor.jobs.listing import CursorError, JobRow, ListedState, list_jobs
from monarq.shared.formats.arq.claim_token import make_token
from monarq.shared.formats.arq.jobs.claim import Claim, claim
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, PARKED_SCORE, QueueKeys
from monarq.shared.formats.native.jobs import claim as native
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.payloads.codec import MSGPACK
from monarq.shared.payloads.payload import write_payload
from monarq.shared.payloads.signing import Signer
from monarq.shared.protocol import pages
from monarq.shared.protocol.queue_ref import QueueRef
from tests.monitor.big_queue import a_long_queue, assert_none_walks_a_queue, commands_heard, cpu_s
from tests.support.formats import OF_ARQ
from tests.support.queue_state import KEYS, server_ms
from tests.support.queues import ARQ_QUEUE, arq_queue
from tests.support.workers import put, put_raw

pytestmark = OF_ARQ

EPOCH_MS: Final = 1_767_225_600_000
QUEUED_LEVEL: Final = 500 * 2**44
CLAIMS: Final = count(1)

PAYLOAD: Final = MSGPACK.dumps({"t": None, "f": "send", "a": (), "k": {}, "et": 1_700_000_000_000})


async def fill(
    redis: Redis, scores: dict[str, float], lane: str = "io", payload: bytes = PAYLOAD, queue: QueueRef = ARQ_QUEUE
) -> None:
    """Jobs that are due at these times, by id."""
    if queue.format == "native":
        await _fill_native(redis, NativeKeys.of(queue.name), scores, lane, payload)
        return
    pipe: Any = redis.pipeline(transaction=False)
    for job_id in scores:
        pipe.set(f"arq:job:{job_id}", payload)
    if lane == "cpu":
        pipe.zadd(KEYS.cpu, scores)
        scores = dict.fromkeys(scores, PARKED_SCORE)
    pipe.zadd(KEYS.queue, scores)
    await pipe.execute()


async def _fill_native(redis: Redis, keys: NativeKeys, due_ms: dict[str, float], lane: str, payload: bytes) -> None:
    now_ms, suffix = await server_ms(redis), "_cpu" if lane == "cpu" else ""
    pipe: Any = redis.pipeline(transaction=False)
    pipe.hset(keys.key("payloads"), mapping={"\0": "pad", **dict.fromkeys(due_ms, payload)})
    for job_id, due in due_ms.items():
        if due > now_ms:
            pipe.zadd(keys.key("deferred" + suffix), {job_id: due})
        else:
            pipe.zadd(keys.key("queued" + suffix), {job_id: QUEUED_LEVEL + (due - EPOCH_MS) * 32})
    await pipe.execute()


async def all_pages(
    redis: Redis, state: ListedState, limit: int, queue: QueueRef = ARQ_QUEUE, **options: Any
) -> list[JobRow]:
    rows: list[JobRow] = []
    after: str | None = None
    while True:
        page = await list_jobs(redis, queue, state, after=after, limit=limit, **options)
        assert len(page.rows) <= limit
        rows += page.rows
        if page.next is None:
            return rows
        after = page.next


def ids(rows: Sequence[JobRow]) -> list[str]:
    return [row.job_id for row in rows]


async def hold(redis: Redis, worker: str, limit: int, lane_queue: Any = "io", queue: QueueRef = ARQ_QUEUE) -> list[str]:
    """A worker takes jobs."""
    if queue.format == "native":
        asked = native.Claim(
            incarnation=f"{worker}.1",
            worker=worker,
            lane_queue=lane_queue,
            number=next(CLAIMS),
            limit=limit,
            lease_ms=15_000,
            max_payload=1000,
            is_first=True,
        )
        return [raw_id.decode() for raw_id in (await native.claim(redis, NativeKeys.of(queue.name), asked)).ids]
    token = make_token(worker, lane_queue, 1)
    taken = await claim(redis, KEYS, Claim(worker, token, lane_queue, 15_000, limit, 1000))
    await redis.zadd(KEYS.workers, {worker: await server_ms(redis)})
    await redis.expire(KEYS.workers, 60)
    return [lease.job_id for lease in taken.leases]


async def test_an_empty_queue(redis: Redis, queue: QueueRef) -> None:
    for state in listing.LISTED_STATES:
        page = await list_jobs(redis, queue, state)
        assert (page.rows, page.next, page.looked_at) == ((), None, 0)
        assert abs(page.now_ms - await server_ms(redis)) < 5000


@pytest.mark.parametrize("limit", [1, 3, 7, 200])
async def test_both_lanes_in_the_order_in_which_they_are_due(redis: Redis, queue: QueueRef, limit: int) -> None:
    now_ms = await server_ms(redis)
    io = {f"i{number:02}": now_ms - 1000 + 2 * (number // 3) for number in range(20)}
    cpu = {f"c{number:02}": now_ms - 999 + 2 * number for number in range(7)}
    later = {f"l{number:02}": now_ms + 60_000 + number for number in range(5)}
    await fill(redis, io, queue=queue)
    await fill(redis, cpu, "cpu", queue=queue)
    await fill(redis, later, queue=queue)
    await fill(redis, {"lc": now_ms + 60_002}, "cpu", queue=queue)
    queued = await all_pages(redis, "queued", limit, queue=queue)
    assert sorted(ids(queued)) == sorted([*io, *cpu])
    assert [row.due_ms for row in queued] == sorted([*io.values(), *cpu.values()])
    assert {row.lane for row in queued if row.job_id.startswith("c")} == {"cpu"}
    deferred = await all_pages(redis, "deferred", limit, queue=queue)
    assert sorted(ids(deferred)) == sorted([*later, "lc"])
    assert deferred[0] == JobRow(
        raw_id=b"l00",
        job_id="l00",
        queue=queue.name,
        format=queue.format,
        state="deferred",
        name="send",
        enqueued_ms=1_700_000_000_000,
        due_ms=now_ms + 60_000,
        payload_bytes=len(PAYLOAD),
    )


@pytest.mark.parametrize("limit", [1, 4, 200])
async def test_running_jobs_are_not_listed_as_waiting(redis: Redis, queue: QueueRef, limit: int) -> None:
    now_ms = await server_ms(redis)
    await fill(redis, {f"{number:02}": now_ms - 1000 + number for number in range(20)}, queue=queue)
    await fill(redis, {f"c{number}": now_ms - 1000 + number for number in range(3)}, "cpu", queue=queue)
    held = []
    for worker, limit_of_claim, lane_queue in (("w:1:aa", 8, "io"), ("w:2:bb", 4, "io"), ("w:2:bb", 2, "cpu")):
        held += await hold(redis, worker, limit_of_claim, lane_queue, queue=queue)
    await fill(redis, {"later": now_ms + 5000, "last": now_ms + 60_000}, queue=queue)
    running = await all_pages(redis, "running", limit, queue=queue)
    assert sorted(ids(running)) == sorted(held)
    assert {row.worker for row in running} == {"w:1:aa", "w:2:bb"}
    assert {row.lane for row in running if row.job_id.startswith("c")} == {"cpu"}
    assert {row.state for row in running} == {"running"}
    if queue.format == "arq":  # a native queue learns of it from its workers' records
        assert all(row.started_ms and abs(row.started_ms - now_ms) < 5000 for row in running)
    assert ids(await all_pages(redis, "deferred", limit, queue=queue)) == ["later", "last"]
    assert sorted(ids(await all_pages(redis, "queued", limit, queue=queue))) == [
        *(f"{number:02}" for number in range(12, 20)),
        "c2",
    ]


async def test_a_job_of_an_arq_worker_and_what_workers_only_think_they_hold(redis: Redis) -> None:
    now_ms = await server_ms(redis)
    await fill(redis, {"a": now_ms - 1000, "b": now_ms - 900})
    await redis.set("arq:in-progress:a", 1, ex=60)
    a, b = await all_pages(redis, "queued", 10)
    assert (a.job_id, a.state, a.worker) == ("a", "running", "arq")
    assert (b.job_id, b.state, b.worker) == ("b", "queued", None)
    await hold(redis, "w:1:aa", 1)
    await redis.set("arq:in-progress:b", "somebody else's", ex=60)
    assert await all_pages(redis, "running", 10) == []


async def test_a_queue_that_changes_meanwhile(redis: Redis, queue: QueueRef) -> None:
    """Whatever is taken from the front: no job that stays is missed, and none is shown twice."""
    now_ms = await server_ms(redis)
    await fill(redis, {f"{number:03}": now_ms - 5000 for number in range(300)}, queue=queue)
    after: str | None = None
    seen: list[str] = []
    while True:
        page = await list_jobs(redis, queue, "queued", after=after, limit=20)
        seen += ids(page.rows)
        await hold(redis, "w:1:aa", 15, queue=queue)
        if page.next is None:
            break
        after = page.next
    left = {row.job_id for row in await all_pages(redis, "queued", 200, queue=queue)}
    assert len(seen) == len(set(seen))
    assert left <= set(seen)


async def test_the_dead_newest_first(redis: Redis) -> None:
    now_ms = await server_ms(redis)
    for number in range(10):
        await redis.hset(  # type: ignore[misc]
            KEYS.dead_letter(f"{number}"),
            mapping={"name": "send", "letter": '{"error": "E: no"}', "died_ms": now_ms + number, "has_payload": 0},
        )
        await redis.expire(KEYS.dead_letter(f"{number}"), 60)
    await redis.zadd(KEYS.dead, {f"{number}": now_ms + number // 2 for number in range(10)} | {"gone": now_ms})
    await redis.expire(KEYS.dead, 60)
    rows = await all_pages(redis, "failed", 3)
    assert ids(rows) == list("9876543210")
    assert (rows[0].state, rows[0].error, rows[0].ended_ms) == ("failed", "E: no", now_ms + 9)


async def test_the_search_by_name(redis: Redis, queue: QueueRef) -> None:
    now_ms = await server_ms(redis)
    other = PAYLOAD.replace(b"\xa4send", b"\xa4read")
    await fill(redis, {f"{number:04}": now_ms - 5000 + number for number in range(1500)}, queue=queue)
    wanted = {f"r{number}": now_ms - 5000 + 300 * number + 0.0 for number in range(5)}
    await fill(redis, wanted, payload=other, queue=queue)
    first = await list_jobs(redis, queue, "queued", name="re?d", limit=10)
    assert (ids(first.rows), first.looked_at) == (["r0", "r1", "r2", "r3"], 1000)
    second = await list_jobs(redis, queue, "queued", name="re?d", limit=10, after=first.next)
    assert (ids(second.rows), second.looked_at, second.next) == (["r4"], 505, None)
    assert ids(await all_pages(redis, "queued", 2, name="read", queue=queue)) == list(wanted)
    assert len(await all_pages(redis, "queued", 7, name="send", queue=queue)) == 1500


async def test_names_in_every_format(redis: Redis) -> None:
    et = 1_700_000_000_000
    large = ("x" * 5000,)
    signer = Signer("k" * 32)
    fields = {"t": 1, "f": "send", "a": large, "k": {}, "et": et}
    for number, payload in enumerate(
        (
            write_payload(MSGPACK, "send", large, {"f": "no"}, et, nonce="0" * 16),
            signer.sign(write_payload(MSGPACK, "send", large, {}, et), "job", b"x"),
            signer.sign(write_payload(MSGPACK, "send", (), {}, et), "job", b"x"),
            pickle.dumps(fields),
            pickle.dumps({**fields, "a": ()}, protocol=2),
            pickle.dumps({**fields, "a": (b"\x80" * 300,)}, protocol=5),
        )
    ):
        await put_raw(redis, f"{number}", payload)
    rows = await all_pages(redis, "queued", 50)
    assert [(row.name, row.enqueued_ms) for row in rows] == [("send", et)] * 6


async def test_names_that_cannot_be_read(redis: Redis) -> None:
    long_name = MSGPACK.dumps({"t": None, "f": "n" * 1000, "a": (), "k": {}, "et": 1})
    for job_id, payload in (("json", b'{"f": "send"}'), ("long", long_name), ("\x1b[31m", b"\x80"), ("empty", b"")):
        await put_raw(redis, job_id, payload)
    await redis.zadd(DEFAULT_QUEUE, {b"\xff": 1, "gone": 2})
    await redis.lpush("arq:job:gone", "x")  # type: ignore[misc]
    await redis.expire("arq:job:gone", 60)
    rows = {row.job_id: row for row in await all_pages(redis, "queued", 50)}
    assert set(rows) == {"json", "long", "\x1b[31m", "empty", "\\xff", "gone"}
    assert {row.name for row in rows.values()} == {None}
    assert (rows["gone"].payload_bytes, rows["empty"].payload_bytes) == (None, 0)


@pytest.mark.parametrize(
    "after", ["", "x", "\u20ac", "AAAA", "kqZxdWV1ZWSVxAJuYW7EAMQAxAAA", "kqdydW5uaW5nlcQAxADEAMQAyAAB"], ids=repr
)
async def test_invalid_cursors(redis: Redis, queue: QueueRef, after: str) -> None:
    await put(redis, "send", job_id="a", queue=queue)
    for state in ("queued", "deferred", "failed"):
        with pytest.raises(CursorError, match="start at its first page"):
            await list_jobs(redis, queue, state, after=after)  # type: ignore[arg-type]


async def test_a_cursor_of_another_list(redis: Redis, queue: QueueRef) -> None:
    await fill(redis, {"a": 1000, "b": 1001}, queue=queue)
    page = await list_jobs(redis, queue, "queued", limit=1)
    with pytest.raises(CursorError):
        await list_jobs(redis, queue, "deferred", after=page.next)


async def test_keys_of_wrong_types(redis: Redis) -> None:
    await fill(redis, {"a": 1000})
    for key in (KEYS.cpu, KEYS.leases("w"), "arq:abort"):
        await redis.set(key, "x", ex=60)
    await redis.zadd(KEYS.workers, {"w": 1})
    await redis.expire(KEYS.workers, 60)
    assert ids(await all_pages(redis, "queued", 10)) == ["a"]
    assert await all_pages(redis, "running", 10) == []


@pytest.mark.timeout(120)
async def test_a_long_queue_costs_no_more_than_a_short_one(redis: Redis) -> None:
    async with a_long_queue(redis), redis.monitor() as monitor:
        began_s, deep = await cpu_s(redis), None
        for state in ("queued", "deferred", "running", "failed", "ended"):
            for turn in range(5):
                page = await list_jobs(redis, ARQ_QUEUE, state, after=deep if turn else None, limit=200)  # type: ignore[arg-type]
                deep = page.next
            deep = None
        pages_s = await cpu_s(redis) - began_s
        searched = await list_jobs(redis, ARQ_QUEUE, "deferred", name="nothing")
        assert searched.looked_at == listing.MOST_LOOKED_AT
        view = await find_job(redis, f"{150_000:032d}")
        assert view is not None
        assert view.row.state == "deferred"
        search_s = await cpu_s(redis) - began_s - pages_s
        seen = await commands_heard(monitor, redis)
    # Many times what they take; pages that walk the queue take longer still.
    assert pages_s < 1.0
    assert search_s < 1.0
    assert_none_walks_a_queue(seen)


async def test_a_page_is_one_call(redis: Redis) -> None:
    await fill(redis, {f"{number:03}": 1000 + number for number in range(300)})
    await list_jobs(redis, ARQ_QUEUE, "queued")
    await redis.config_resetstat()
    page = await list_jobs(redis, ARQ_QUEUE, "queued", limit=pages.BATCH)
    stats: Any = await redis.info("commandstats")
    assert len(page.rows) == 200
    assert stats["cmdstat_evalsha"]["calls"] == 1
    assert stats["cmdstat_zrange"]["calls"] <= 4


async def test_queues_are_separate(redis: Redis) -> None:
    await put(redis, "send", job_id="a", queue=QueueKeys.of("other"))
    assert (await list_jobs(redis, ARQ_QUEUE, "queued")).rows == ()
    assert ids((await list_jobs(redis, arq_queue("other"), "queued")).rows) == ["a"]
