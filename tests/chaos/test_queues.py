"""What the driver says of a scenario's queue, in each format."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from chaos.queues import VIEWS
from chaos.queues.native import CLUSTERED, SHARDED, SHARDS, WHOLE_PREFIX, count_jobs, tag_of_job
from chaos.queues.view import QueueView
from monarq import Producer, Queue
from monarq.producer import named
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.sharded.growth import set_shards

NATIVE = NativeKeys.of(VIEWS["native"].ref.name)


@pytest.fixture(params=sorted(VIEWS))
def view(request: pytest.FixtureRequest) -> QueueView:
    return VIEWS[request.param]


async def enqueue(redis: Redis, view: QueueView, job_id: str, **options: Any) -> None:
    queue = Queue(view.ref.name, format=view.ref.format)
    async with Producer(redis=redis, queue=queue) as producer:
        await producer.enqueue(named("work").options(job_id=job_id, **options), 1)


async def test_a_job_that_has_not_ended_is_waiting_and_a_leak(redis: Redis, view: QueueView) -> None:
    assert await view.waiting(redis) == 0
    await enqueue(redis, view, "a")
    assert await view.waiting(redis) == 1
    assert await view.read_leaks(redis) != []
    assert await view.read_results(redis, ["a"]) == {"a": None}
    assert await view.read_dead_letter(redis, b"a") is None
    await view.remove_jobs(redis, "a")
    assert await view.waiting(redis) == 0
    assert await view.read_leaks(redis) == []


async def test_when_deferred_jobs_are_due(redis: Redis, view: QueueView) -> None:
    await enqueue(redis, view, "a", defer_by=100)
    [due_ms] = await view.read_due_ms(redis)
    seconds, _ = await redis.time()
    assert 0 < due_ms / 1000 - int(seconds) <= 101


async def test_a_queue_of_shards_and_one_without_beside_it_are_looked_at_as_one(redis: Redis) -> None:
    await set_shards(redis, SHARDED, SHARDS, settled_after_s=0.0)
    ids = [*(f"job-{number}" for number in range(20)), f"{WHOLE_PREFIX}1"]
    async with Producer(redis=redis) as producer:
        for job_id in ids:
            name = NATIVE.tag if job_id.startswith(WHOLE_PREFIX) else SHARDED
            await producer.enqueue(named("work").options(job_id=job_id, queue=name), 1)
    assert {tag_of_job(job_id) for job_id in ids} == set(CLUSTERED.tags)
    for tag in CLUSTERED.tags:
        assert await count_jobs(redis, tag) == (sum(tag_of_job(job_id) == tag for job_id in ids), 0)
    assert await CLUSTERED.waiting(redis) == len(ids)
    assert await CLUSTERED.read_results(redis, ids) == dict.fromkeys(ids)
    assert len([leak for leak in await CLUSTERED.read_leaks(redis) if "payload is left" in leak]) == len(ids)
    await redis.flushall()


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("ZADD", "leases", "1", "w.1"), "leases"),
        (("HSET", "held:w.1", "a", "i1"), "held:w.1"),
        (("HSET", "notes", "a", "0 1 0 0 -|"), "notes"),
        (("HSET", "progress", "a", "1 {}"), "progress"),
        (("HSET", "r0", "a", "result"), "r0 lives for ever"),
        (("HSET", "letters", "a", "letter"), "letters"),
        (("HSET", "unheard", "a", "b"), "unheard"),
    ],
)
async def test_leaks_of_a_native_queue(redis: Redis, command: tuple[str, ...], name: str) -> None:
    verb, key, *values = command
    await redis.execute_command(verb, NATIVE.key("meta").removesuffix("meta") + key, *values)  # type: ignore[no-untyped-call]
    [leak] = await VIEWS["native"].read_leaks(redis)
    assert name in leak
    await redis.flushall()


def test_the_scripts_that_are_cut_are_there(view: QueueView) -> None:
    assert len({view.sha_of(script) for script in view.cut_shares}) == len(view.cut_shares)
    assert view.rare_scripts <= set(view.cut_shares)
