"""Batches of enqueue, claim and finish: they leave what as many calls of one job each would leave."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from monarq.shared.formats.arq.jobs.claim import Claim, claim
from monarq.shared.formats.arq.jobs.finish import finish
from monarq.shared.protocol.acks import Finish
from monarq.shared.protocol.lease import Claimed, Lease
from tests.shared.formats.arq.calls import call_enqueue
from tests.shared.formats.arq.rows import Scene
from tests.support.queue_state import KEYS

SIZES = [1, 2, 16, 17, 300]


async def enqueue(redis: Redis, size: int) -> list[str]:
    """Puts so many jobs in; returns their ids, in order."""
    ids = [f"job-{at:03}" for at in range(size)]
    await call_enqueue(dict.fromkeys(ids, "payload"))(Scene(redis, 0))
    return ids


async def take(redis: Redis, limit: int = 1000, token: str = "t1") -> Claimed:
    """Claims jobs."""
    return await claim(redis, KEYS, Claim("w1", token, "io", 15_000, limit, 1000))


def ends(leases: list[Lease], keep_ms: int = 3_600_000, name: str = "send") -> list[Finish]:
    """The ends of these jobs."""
    return [Finish(lease, True, b"result", keep_ms, name, run_ms=0) for lease in leases]


@pytest.mark.parametrize("size", SIZES)
async def test_an_enqueue_leaves_its_jobs_and_nothing_else(redis: Redis, size: int) -> None:
    ids = await enqueue(redis, size)
    assert await redis.zrange(KEYS.queue, 0, -1) == [job_id.encode() for job_id in ids]
    assert sorted(await redis.keys("arq:job:*")) == [f"arq:job:{job_id}".encode() for job_id in ids]


@pytest.mark.parametrize("is_there_before", [True, False])
async def test_a_job_of_any_id_stays_where_it_is(redis: Redis, is_there_before: bool) -> None:
    """A long member makes the queue a skip list; a job may have that name."""
    odd = "x" * 65
    await call_enqueue(
        {odd: "payload"} if is_there_before else {odd: "payload"} | dict.fromkeys("abcdefghijklmnop", "p")
    )(Scene(redis, 0))
    ids = await enqueue(redis, 20)
    assert await redis.zscore(KEYS.queue, odd) is not None
    taken = await take(redis)
    assert {*ids, odd} <= {lease.job_id for lease in taken.leases}
    assert await redis.zscore(KEYS.queue, odd) == taken.leases[0].claimed_ms + 15_000.5


@pytest.mark.parametrize("size", SIZES)
async def test_a_claim_leases_its_jobs_and_leaves_nothing_else(redis: Redis, size: int) -> None:
    ids = await enqueue(redis, size)
    taken = await take(redis)
    assert [lease.job_id for lease in taken.leases] == ids
    assert await redis.hgetall(KEYS.leases("w1")) == {job_id.encode(): b"t1" for job_id in ids}  # type: ignore[misc]
    scores = await redis.zrange(KEYS.queue, 0, -1, withscores=True)
    assert [name for name, _ in scores] == [job_id.encode() for job_id in ids]
    assert {score for _, score in scores} == {taken.leases[0].claimed_ms + 15_000.5}
    for job_id in ids:
        assert await redis.get(f"arq:in-progress:{job_id}") == b"t1"
        assert 0 < await redis.pttl(f"arq:in-progress:{job_id}") <= 15_000


@pytest.mark.parametrize("size", SIZES)
async def test_a_finish_leaves_results_and_nothing_else(redis: Redis, size: int) -> None:
    ids = await enqueue(redis, size)
    taken = await take(redis)
    assert await finish(redis, KEYS, "w1", ends(taken.leases), 100) == []
    assert sorted(await redis.keys("arq:*")) == [f"arq:result:{job_id}".encode() for job_id in ids]
    assert not await redis.exists(KEYS.leases("w1"), KEYS.queue)


async def test_one_more_job_than_places_stays_where_it_is(redis: Redis) -> None:
    ids = await enqueue(redis, 21)
    assert [lease.job_id for lease in (await take(redis, 20)).leases] == ids[:20]
    assert [lease.job_id for lease in (await take(redis, 20, "t2")).leases] == ids[20:]


async def test_each_result_of_a_finish_is_kept_as_long_as_it_says(redis: Redis) -> None:
    await enqueue(redis, 4)
    leases = (await take(redis)).leases
    kept = [end for lease, keep in zip(leases, (60_000, 0, -1, 3_600_000), strict=True) for end in ends([lease], keep)]
    assert await finish(redis, KEYS, "w1", kept, 100) == []
    times = [await redis.pttl(f"arq:result:job-00{at}") for at in range(4)]
    assert 0 < times[0] <= 60_000
    assert times[1:3] == [-1, -2]
    assert 60_000 < times[3] <= 3_600_000


async def test_only_what_is_the_workers_counts_in_its_group(redis: Redis) -> None:
    await enqueue(redis, 4)
    first, second, third, fourth = (await take(redis)).leases
    lost = replace(third, token="another")
    finished = [*ends([first], name="a"), *ends([second], name="b"), *ends([lost], name="a"), *ends([fourth], name="b")]
    assert await finish(redis, KEYS, "w1", finished, 100) == [third.raw_id]
    counted = await redis.hgetall(KEYS.base + "live")  # type: ignore[misc]
    assert (counted[b"succeeded\0a"], counted[b"succeeded\0b"]) == (b"1", b"2")
    assert await redis.get("arq:in-progress:job-002") == b"t1"


async def test_a_dead_letter_is_left_by_its_own_job_of_a_batch(redis: Redis) -> None:
    await enqueue(redis, 3)
    first, second, third = (await take(redis)).leases
    dead = Finish(second, False, b"error", 3_600_000, "b", b"why", 60_000, run_ms=0)
    others_dead = Finish(replace(third, token="another"), False, b"error", 3_600_000, "c", b"why", 60_000, run_ms=0)
    assert await finish(redis, KEYS, "w1", [others_dead, dead, *ends([first])], 100) == [third.raw_id]
    assert await redis.zrange(KEYS.dead, 0, -1) == [b"job-001"]
    letter = await redis.hgetall(KEYS.dead_letter("job-001"))  # type: ignore[misc]
    assert (letter[b"name"], letter[b"letter"], letter[b"payload"]) == (b"b", b"why", b"payload")
