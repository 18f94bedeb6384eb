"""Queues move to other nodes, and nodes are away, while a worker serves them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chaos.processes.cluster import Cluster
from monarq import Producer, Queue, job
from monarq.producer import named
from monarq.shared.formats.native.keys import FLEET_BEATS, NativeKeys, wake_channel
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.workers.process.worker import Worker
from tests.support.cluster import queue_on_each_node
from tests.support.slowness import in_time, patience_s
from tests.support.workers import Recorder, make_worker, running

LEASE_S = 1.5


@job
async def echo(value: int) -> int:
    return value


@job(name="cluster-nap")
async def sleep(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "slept"


def serving(cluster: Cluster, *names: str, events: Recorder | None = None, poll_s: float = 60.0) -> Worker:
    """A worker of these queues, which by default looks by itself so rarely that it must be woken."""
    queues = tuple(QueueRef(name, "native") for name in names)
    return make_worker(cluster.url, [echo, sleep], events, queues=queues, lease_s=LEASE_S, poll_s=poll_s)


async def until_heard(node: Any, channel: str) -> None:
    """Waits until somebody listens on this node."""
    async with in_time(20):
        while (await node.ask("PUBSUB", "NUMSUB", channel))[1] == 0:
            await asyncio.sleep(0.02)


@pytest.fixture
async def names(cluster: Cluster) -> AsyncIterator[list[str]]:
    """A queue on each node; all nodes run at the end."""
    yield await queue_on_each_node(cluster)
    for node in cluster.nodes:
        node.thaw()
    await cluster.until_whole()


async def test_a_worker_listens_on_the_nodes_of_its_queues_and_follows_them(cluster: Cluster, names: list[str]) -> None:
    worker = serving(cluster, names[0])
    channel, key = wake_channel(worker.worker_id), NativeKeys.of(names[0]).key("meta")
    async with running(worker), Producer(cluster.url, queue=Queue(names[0])) as producer:
        source = await cluster.holder(key)
        await until_heard(source, channel)
        assert await (await producer.enqueue(named("echo"), 1)).result(patience_s(20)) == 1
        target = await cluster.other_primary(source)
        await cluster.move_slot(key, target)
        # Its beats are sent to the queue's node while it holds a job, and so it learns where that is.
        assert await (await producer.enqueue(named("cluster-nap"), LEASE_S)).result(patience_s(20)) == "slept"
        await until_heard(target, channel)
        assert await (await producer.enqueue(named("echo"), 2)).result(patience_s(20)) == 2


async def test_who_waits_for_results_listens_on_the_queue_s_node_and_follows_it(
    cluster: Cluster, names: list[str]
) -> None:
    keys = NativeKeys.of(names[0])
    async with running(serving(cluster, names[0], names[1])), Producer(cluster.url, queue=Queue(names[0])) as producer:
        source = await cluster.holder(keys.key("meta"))
        target = await cluster.other_primary(source)
        waits = asyncio.gather(
            *[
                (await producer.enqueue(named("cluster-nap").options(queue=Queue(name)), 3)).result(patience_s(30))
                for name in names[:2]
            ]
        )
        await until_heard(source, keys.ended)
        await cluster.move_slot(keys.key("meta"), target)
        await until_heard(target, keys.ended)
        assert await waits == ["slept", "slept"]


async def test_jobs_go_on_while_the_queue_and_the_fleet_move(cluster: Cluster, names: list[str]) -> None:
    async with running(serving(cluster, names[0], names[1])), Producer(cluster.url, queue=Queue(names[0])) as producer:
        handles = []
        for turn in range(6):
            key = FLEET_BEATS if turn % 3 == 2 else NativeKeys.of(names[0]).key("meta")
            source = await cluster.holder(key)
            target = await cluster.other_primary(source)
            putting = asyncio.create_task(producer.enqueue_many(named("echo"), [(number,) for number in range(50)]))
            await cluster.move_slot(key, target, pause_s=0.02, keys_a_call=2)
            handles += await putting
        results = await asyncio.gather(*(handle.result(patience_s(30)) for handle in handles))
        assert results == list(range(50)) * 6


async def test_a_node_that_is_away_holds_no_other_node_s_queues(cluster: Cluster, names: list[str]) -> None:
    events = Recorder()
    away = await cluster.holder(NativeKeys.of(names[0]).key("meta"))
    # Queues of the node that will be away come first, where each turn by turn would wait for it.
    async with (
        running(serving(cluster, *names, events=events)),
        Producer(cluster.url, queue=Queue(names[1])) as producer,
    ):
        assert await (await producer.enqueue(named("echo"), 1)).result(patience_s(20)) == 1
        waits = (await producer.enqueue(named("echo").options(queue=Queue(names[0])), 0)).result(patience_s(30))
        assert await waits == 0
        away.freeze()
        handle = await producer.enqueue(named("cluster-nap"), 3 * LEASE_S)
        for number in range(5):
            assert await (await producer.enqueue(named("echo"), number)).result(patience_s(20)) == number
        assert await handle.result(patience_s(20)) == "slept"
        assert "lease_lost" not in events.events
        away.thaw()
        await cluster.until_whole()
        waits = (await producer.enqueue(named("echo").options(queue=Queue(names[0])), 5)).result(patience_s(30))
        assert await waits == 5


async def test_a_worker_that_stops_while_a_node_is_away_tells_the_others_how_its_jobs_ended(
    cluster: Cluster, names: list[str]
) -> None:
    away = await cluster.holder(NativeKeys.of(names[0]).key("meta"))
    worker = serving(cluster, *names, poll_s=0.01)  # so that a claim is under way when the node falls silent
    async with Producer(cluster.url, queue=Queue(names[1])) as producer:
        async with running(worker):
            first = await producer.enqueue(named("cluster-nap").options(queue=Queue(names[0])), 4.0)
            second = await producer.enqueue(named("cluster-nap"), 4.0)
            async with in_time(20):
                while [(await each.state()).value for each in (first, second)] != ["running"] * 2:
                    await asyncio.sleep(0.02)
            away.freeze()
        # The worker has ended by now, within its grace.
        assert await second.result(patience_s(20)) == "slept"
