"""How much one call takes: full batches, long lines of other people's jobs, payloads beyond all measure."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Final

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq.jobs import claim as claiming
from monarq.shared.formats.arq.jobs import enqueue as enqueueing
from monarq.shared.formats.arq.jobs import finish as finishing
from monarq.shared.formats.arq.jobs import requeue as requeueing
from monarq.shared.formats.arq.jobs.claim import Claim, claim, release_claim
from monarq.shared.formats.arq.jobs.enqueue import enqueue
from monarq.shared.formats.arq.jobs.finish import finish
from monarq.shared.formats.arq.jobs.requeue import requeue
from monarq.shared.formats.arq.workers import renew as renewing
from monarq.shared.formats.arq.workers.recover import recover
from monarq.shared.lane import Lane
from monarq.shared.protocol.acks import Requeue
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.protocol.lease import Claimed
from tests.shared.formats.arq.calls import call_claim, call_enqueue, call_renew, ending, lease_of
from tests.shared.formats.arq.rows import Scene
from tests.support.queue_state import KEYS, QueueState, read_state, seed, server_ms
from tests.support.slowness import in_time

MB: Final = 1024 * 1024


def ids_of(count: int) -> list[str]:
    """So many ids, in the order in which they sort."""
    return [f"{number:06}" for number in range(count)]


async def fill(redis: Redis, count: int, *, lane: Lane = Lane.IO) -> list[str]:
    """Enqueues so many jobs; gives their ids."""
    ids = ids_of(count)
    for at in range(0, count, enqueueing.BATCH):
        batch = [(job_id, b"payload") for job_id in ids[at : at + enqueueing.BATCH]]
        added = await enqueue(redis, KEYS, Placement(lane), EnqueueMode.NEW, batch)
        assert set(added) == {Enqueued.ADDED}
    return ids


async def take(redis: Redis, limit: int, token: str = "t1", max_payload: int = 8 * MB) -> Claimed:
    """Claims so many jobs."""
    return await claim(redis, KEYS, Claim("w1", token, "io", 15_000, limit, max_payload))


@pytest.mark.parametrize("lane", [Lane.IO, Lane.CPU])
async def test_full_batches(redis: Redis, lane: Lane) -> None:
    ids = await fill(redis, 2000, lane=lane)
    lane_queue: Any = "cpu" if lane is Lane.CPU else "io"
    claims = [
        await claim(redis, KEYS, Claim("w1", token, lane_queue, 15_000, claiming.BATCH, 100)) for token in ("t1", "t2")
    ]
    leases = [lease for claimed in claims for lease in claimed.leases]
    assert [lease.job_id for lease in leases] == ids
    assert len(leases) == renewing.BATCH
    assert await call_renew(*leases)(Scene(redis, 0)) == []
    returned = [Requeue(lease, lane_queue, tries=1) for lease in leases[:1000]]
    assert await requeue(redis, KEYS, "w1", returned) == []
    ends = [ending(lease.job_id, "t2", success=False, letter="why") for lease in leases[1000:]]
    assert await finish(redis, KEYS, "w1", ends, 100) == []
    left = await read_state(redis, await server_ms(redis))
    assert (len(left.queue), len(left.cpu), len(left.payloads)) == (1000, 1000 if lane_queue == "cpu" else 0, 1000)
    assert (len(left.results), len(left.letters), len(left.dead)) == (1000, 100, 100)
    assert (left.tokens, left.leases, left.ended) == ({}, {}, 1000)


async def test_all_that_a_large_claim_or_worker_held_is_given_back(redis: Redis) -> None:
    began_ms = await server_ms(redis)
    ids = await fill(redis, 2500)
    for token in ("t1", "t2", "t3"):
        await take(redis, 1000, token)
    assert await release_claim(redis, KEYS, "w1", "t1") == 1000
    assert len(await recover(redis, KEYS, "w1", "killed")) == 1500
    left = await read_state(redis, began_ms)
    assert (sorted(left.queue), left.tokens, left.leases) == (ids, {}, {})
    waits_since = [score for _, score in await redis.zrange(KEYS.queue, 0, -1, withscores=True)]
    assert began_ms <= min(waits_since) <= max(waits_since) <= await server_ms(redis)


async def test_too_many_jobs_in_one_call_are_refused_before_anything_is_sent(redis: Redis) -> None:
    leases = [lease_of(job_id) for job_id in ids_of(2001)]
    scene = Scene(redis, 0)
    with pytest.raises(ValueError, match="1001 jobs in one call: give at most 1000 at a time"):
        await call_enqueue(dict.fromkeys(ids_of(enqueueing.BATCH + 1), "payload"))(scene)
    with pytest.raises(ValueError, match="at most 1000"):
        await finish(redis, KEYS, "w1", [ending(job_id) for job_id in ids_of(finishing.BATCH + 1)], 100)
    with pytest.raises(ValueError, match="at most 1000"):
        await requeue(redis, KEYS, "w1", [Requeue(lease, "io") for lease in leases[: requeueing.BATCH + 1]])
    with pytest.raises(ValueError, match="at most 2000"):
        await call_renew(*leases)(scene)
    assert await redis.dbsize() == 0


@pytest.mark.parametrize("limit", [1, 100])
async def test_free_jobs_behind_ten_thousand_that_arq_workers_run(redis: Redis, limit: int) -> None:
    now_ms = await server_ms(redis)
    line = ids_of(10_000)
    await redis.mset({f"arq:in-progress:{job_id}": 1 for job_id in line})
    await redis.zadd(KEYS.queue, {job_id: now_ms - 20_000 + place for place, job_id in enumerate(line)})
    await redis.zadd(KEYS.queue, {f"free{place:03}": now_ms - 1000 + place for place in range(100)})
    await redis.config_resetstat()
    claimed = await take(redis, limit)
    stats = await redis.info("commandstats")
    assert [lease.job_id for lease in claimed.leases] == [f"free{place:03}" for place in range(limit)]
    assert stats["cmdstat_zrangebyscore"]["calls"] <= 14, "a claim with one free place looks at a thousand jobs at once"
    assert await redis.zrange(KEYS.queue, 0, 9999) == [job_id.encode() for job_id in line], "nothing of theirs moved"
    assert (await redis.llen(KEYS.wake("io"))) == (1 if limit < 100 else 0)  # type: ignore[misc]
    await redis.delete(*(f"arq:in-progress:{job_id}" for job_id in line))


async def test_a_claim_looks_no_further_than_it_may(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claiming, "SCAN", 1000)
    line = ids_of(2001)
    await redis.mset({f"arq:in-progress:{job_id}": 1 for job_id in line})
    await redis.zadd(KEYS.queue, {job_id: 100 + place for place, job_id in enumerate(line)} | {"free": 9999})
    assert (await take(redis, 1000)).leases == []
    monkeypatch.setattr(claiming, "SCAN", 3000)
    assert [lease.job_id for lease in (await take(redis, 1000)).leases] == ["free"]
    await redis.delete(*(f"arq:in-progress:{job_id}" for job_id in line))


async def test_large_payloads_come_in_several_claims(redis: Redis) -> None:
    jobs = [(job_id, b"x" * 6 * MB) for job_id in ids_of(5)]
    await enqueue(redis, KEYS, Placement(), EnqueueMode.NEW, jobs)
    await redis.delete(KEYS.wake("io"))
    found = [await take(redis, 100, token) for token in ("t1", "t2", "t3")]
    assert [[lease.job_id for lease in claimed.leases] for claimed in found] == [ids_of(5)[:3], ids_of(5)[3:], []]
    assert all(lease.payload == b"x" * 6 * MB for claimed in found for lease in claimed.leases)
    assert await redis.llen(KEYS.wake("io")) == 1, "another worker is told of the rest"  # type: ignore[misc]


async def test_a_payload_beyond_measure_is_not_read(redis: Redis) -> None:
    now_ms = await seed(redis, QueueState(queue={"bomb": -9, "good": -5}, payloads={"good": "payload"}))
    await redis.execute_command("SETRANGE", "arq:job:bomb", 256 * MB - 1, "x")  # type: ignore[no-untyped-call]
    before = (await redis.info("memory"))["used_memory_peak"]
    bomb, good = (await take(redis, 10, max_payload=MB)).leases
    assert (bomb.payload, good.payload) == (256 * MB, b"payload")
    grown = (await redis.info("memory"))["used_memory_peak"] - before
    assert grown < 16 * MB, f"Redis needed {grown} bytes to say how large it is"
    await redis.delete("arq:job:bomb")
    assert (await read_state(redis, now_ms)).tokens == {"bomb": "t1", "good": "t1"}


async def test_a_note_wakes_one_worker_and_each_that_leaves_work_wakes_the_next(redis: Redis) -> None:
    scene = Scene(redis, await server_ms(redis))
    client: Any = redis
    idle = [asyncio.create_task(client.blpop([KEYS.wake("io")], timeout=5)) for _ in range(3)]
    async with in_time(5):
        while (await client.info("clients"))["blocked_clients"] < 3:
            await asyncio.sleep(0.005)
        await call_enqueue(dict.fromkeys("abc", "payload"))(scene)
        for awake in (1, 2):
            await asyncio.wait(idle, return_when=asyncio.FIRST_COMPLETED)
            idle = [task for task in idle if not task.done()]
            assert len(idle) == 3 - awake
            await call_claim(limit=1, token=f"t{awake}")(scene)
        await asyncio.wait(idle)
        await call_claim(limit=1, token="t3")(scene)
    assert await client.llen(KEYS.wake("io")) == 0, "the last job leaves no work, so nobody is woken"


async def test_scripts_that_redis_has_forgotten(redis: Redis) -> None:
    """SCRIPT FLUSH, a restart or a failover come between any two calls."""
    scene = Scene(redis, await server_ms(redis))
    await redis.script_flush()
    await call_enqueue(dict.fromkeys("ab", "payload"))(scene)
    await redis.script_flush()
    leases = (await take(redis, 10)).leases
    await redis.script_flush()
    assert await call_renew(*leases)(scene) == []
    await redis.script_flush()
    assert await requeue(redis, KEYS, "w1", [Requeue(leases[0], "io", due_ms=scene.ms(-5))]) == []
    await redis.script_flush()
    assert await finish(redis, KEYS, "w1", [ending("b")], 100) == []
    after = await read_state(redis, scene.now_ms)
    assert after == replace(
        QueueState(),
        queue={"a": -5},
        payloads={"a": "payload"},
        results={"b": "result"},
        stats={"enqueued": "2", "started": "2", "succeeded": "1"},
        ended=1,
        notes=frozenset({"io"}),
    )
