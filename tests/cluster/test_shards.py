"""A queue of several shards on a cluster, each in a slot of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chaos.processes.cluster import Cluster
from monarq import Producer, Queue
from monarq.producer import named
from monarq.shared.formats.native.sharded.growth import set_shards
from monarq.shared.formats.native.shards import tag_of
from monarq.shared.redis.connection import open_redis
from tests.cli.command import start, stop
from tests.support.shards import keys_of
from tests.support.slowness import in_time, patience_s

SHARDS = 6


async def holders(cluster: Cluster, shards: int) -> set[int]:
    """The ports of the nodes that hold a shard."""
    return {(await cluster.holder(f"{{{tag_of('big', shard)}}}")).port for shard in range(shards)}


@asynccontextmanager
async def serving(cluster: Cluster) -> AsyncIterator[None]:
    """A worker of the queue."""
    worker = await start("worker", "tests.cli.target", "-w", "1", "-q", "big", url=cluster.url)
    try:
        yield
    finally:
        ended = await stop(worker)
    assert ended.code == 0


def producing(cluster: Cluster) -> Producer:
    """A producer of the queue."""
    return Producer(cluster.url, queue=Queue("big"))


@pytest.mark.timeout(180)
async def test_it_is_spread_over_the_nodes_and_grows_while_jobs_run(cluster: Cluster) -> None:
    async with serving(cluster), open_redis(cluster.url) as redis, producing(cluster) as producer, in_time(100):
        assert await (await producer.enqueue(named("double"), 1)).result(patience_s(30)) == 2
        await set_shards(redis, "big", 2, settled_after_s=0)
        chosen = [named("double").options(job_id=f"order:{number}") for number in range(20)]
        first = [await producer.enqueue(job, 1) for job in chosen]
        await set_shards(redis, "big", SHARDS, settled_after_s=0)
        assert all([(await producer.enqueue(job, 1)).existed for job in chosen])
        assert [await handle.result(patience_s(30)) for handle in first] == [2] * 20
        numbers = list(range(600))
        assert await producer.map(named("double"), [(number,) for number in numbers]) == [2 * each for each in numbers]
        assert len(await holders(cluster, SHARDS)) > 1


@pytest.mark.timeout(180)
async def test_a_slot_of_one_shard_moves_while_jobs_run(cluster: Cluster) -> None:
    async with serving(cluster), open_redis(cluster.url) as redis, producing(cluster) as producer, in_time(100):
        await set_shards(redis, "big", 3)
        assert await (await producer.enqueue(named("double"), 1)).result(patience_s(30)) == 2
        running = asyncio.create_task(producer.map(named("double"), [(number,) for number in range(2000)]))
        key = keys_of(1).key("meta")
        await cluster.move_slot(key, await cluster.other_primary(await cluster.holder(key)), keys_a_call=2)
        assert await running == [2 * number for number in range(2000)]
        assert await (await producer.enqueue(named("double"), 5)).result(patience_s(30)) == 10
