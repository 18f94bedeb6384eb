"""A node of the cluster is silent: a worker of queues on other nodes goes on meanwhile, whatever it had asked that one.

The worker would wait for the silent node for a minute. So what is seen to end before that has not waited for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest

from chaos.processes.cluster import Cluster, ClusterNode
from monarq import Producer, Queue, job
from monarq.producer import named
from monarq.producer.results.handle import Handle
from monarq.shared.calls.context import Context
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.session.watchers import Watchers
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.connection import open_redis
from monarq.workers.process import lifecycle
from monarq.workers.process.worker import Worker
from tests.support.cluster import queue_on_each_node
from tests.support.slowness import in_time, patience_s
from tests.support.workers import components_of, make_worker, running

SILENT_S = 60.0
"""How long a worker waits for a reply."""


@job(name="silent_node.echo")
async def echo(value: int) -> int:
    return value


@job(name="silent_node.square")
async def square(value: int) -> int:
    await go_on.wait()
    return value * value


@job(name="silent_node.cube")
def cube(value: int) -> int:
    return value**3


@job(name="silent_node.steps")
async def steps(ctx: Context) -> None:
    """Reports each step; without end."""
    for step in count(1):
        await ctx.progress(step)
        await asyncio.sleep(0.05)


go_on = asyncio.Event()


class Place:
    """A worker of one queue on each node, of which the first becomes silent."""

    def __init__(self, cluster: Cluster, names: list[str], silent: ClusterNode) -> None:
        self.cluster, self.names, self.silent = cluster, names, silent

    @asynccontextmanager
    async def serving(self, **changes: Any) -> AsyncIterator[Worker]:
        """Its worker, which looks into its queues often; the node answers again at the end."""
        queues = tuple(QueueRef(name, "native") for name in self.names)
        worker = make_worker(
            self.cluster.url, [echo, square, cube, steps], queues=queues, lease_s=60.0, poll_s=0.1, **changes
        )
        async with running(worker):
            try:
                yield worker
            finally:
                self.silent.thaw()

    async def silence(self, worker: Worker, method: str) -> Callable[[], bool]:
        """Silences the node once nothing is asked; returns when it was asked by this method of its queue.

        Returns:
            Tells whether the node is still asked.
        """
        queue: Any = components_of(worker).queues[QueueRef(self.names[0], "native")]
        call, out, asked = getattr(queue, method), 0, asyncio.Event()

        async def noted(*args: Any, **kwargs: Any) -> Any:
            nonlocal out
            if self.is_silent:
                asked.set()
            out += 1
            try:
                return await call(*args, **kwargs)
            finally:
                out -= 1

        setattr(queue, method, noted)
        self.silent.freeze()
        self.is_silent = True
        go_on.set()
        async with in_time(20):
            await asked.wait()
        return lambda: out > 0

    is_silent = False


@pytest.fixture
async def place(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    """The place; all nodes run at the end."""
    go_on.clear()
    monkeypatch.setattr(lifecycle, "SOCKET_TIMEOUT_S", SILENT_S)
    names = await queue_on_each_node(cluster)
    yield Place(cluster, names, await cluster.holder(NativeKeys.of(names[0]).key("meta")))
    for node in cluster.nodes:
        node.thaw()
    await cluster.until_whole()


async def results(producer: Producer, name: str, queues: list[str], numbers: list[int]) -> list[Any]:
    """Of jobs one after the other, the queues in turns."""
    found = []
    for number in numbers:
        for queue in queues:
            handle = await producer.enqueue(named(f"silent_node.{name}").options(queue=Queue(queue)), number)
            found.append(await handle.result(patience_s(20)))
    return found


@pytest.mark.parametrize("concurrency", [1, 2, 100])
async def test_a_claim_without_a_reply_holds_no_other_node_s_queues(place: Place, concurrency: int) -> None:
    async with place.serving(concurrency=concurrency) as worker, Producer(place.cluster.url) as producer:
        assert await results(producer, "echo", place.names, [1]) == [1, 1, 1]
        is_asked = await place.silence(worker, "claim")
        assert await results(producer, "echo", place.names[1:], [2, 3, 4, 5]) == [2, 2, 3, 3, 4, 4, 5, 5]
        assert is_asked()
        place.silent.thaw()
        assert await results(producer, "echo", place.names, [6]) == [6, 6, 6]


async def test_nor_does_it_in_the_cpu_lane_which_has_one_slot(place: Place) -> None:
    async with place.serving() as worker, Producer(place.cluster.url) as producer:
        assert await results(producer, "cube", place.names, [1]) == [1, 1, 1]
        is_asked = await place.silence(worker, "claim")
        assert await results(producer, "cube", place.names[1:], [2, 3]) == [8, 8, 27, 27]
        assert is_asked()


async def test_an_acknowledgement_without_a_reply_holds_no_other_node_s(place: Place) -> None:
    async with place.serving() as worker, Producer(place.cluster.url) as producer:
        handle = await producer.enqueue(named("silent_node.square").options(queue=Queue(place.names[0])), 3)
        async with in_time(20):
            while not worker.running:
                await asyncio.sleep(0.01)
        is_asked = await place.silence(worker, "finish")
        assert await results(producer, "echo", place.names[1:], [2, 3, 4]) == [2, 2, 3, 3, 4, 4]
        assert is_asked()
        place.silent.thaw()
        assert await handle.result(patience_s(20)) == 9


async def test_reports_and_cancels_without_a_reply_hold_no_other_node_s(place: Place) -> None:
    async with place.serving() as worker, Producer(place.cluster.url) as producer:
        silent, well = [
            await producer.enqueue(named("silent_node.steps").options(queue=Queue(name))) for name in place.names[:2]
        ]
        await until_past(silent, 1)
        await until_past(well, 1)
        is_asked = await place.silence(worker, "report_progress")
        seen = await well.progress()
        assert seen is not None
        await until_past(well, seen.done + 20)
        assert await well.cancel(timeout=patience_s(20))
        assert is_asked()


async def until_past(handle: Handle[None], step: float) -> None:
    """Waits until a job has reported that it is past a step."""
    async with in_time(20):
        while (progress := await handle.progress()) is None or progress.done <= step:
            await asyncio.sleep(0.05)


async def test_nor_does_a_sweep_that_asks_for_the_time(place: Place) -> None:
    async with open_redis(place.cluster.url, socket_timeout=SILENT_S) as redis:
        keys = [NativeKeys.of(name).key("meta") for name in place.names]
        watchers = Watchers(lease_s=6.0)
        assert await watchers.look(redis, keys) is None
        place.silent.freeze()
        async with in_time(30):
            while not all(watchers.may_accuse(redis, key) for key in keys[1:]):
                await watchers.look(redis, keys)
                assert not watchers.may_accuse(redis, keys[0])


async def test_nor_does_it_keep_a_worker_that_stops(place: Place) -> None:
    async with place.serving() as worker, Producer(place.cluster.url) as producer:
        assert await results(producer, "echo", place.names, [1]) == [1, 1, 1]
        is_asked = await place.silence(worker, "claim")
        parts = components_of(worker)
        released = []
        for name in place.names[1:]:
            queue: Any = parts.queues[QueueRef(name, "native")]

            async def release(redis: Any, name: str = name) -> None:
                released.append(name)

            queue.release_unconfirmed = release
        assert is_asked()
        worker.drain()
        async with in_time(20):
            while set(released) != set(place.names[1:]):
                await asyncio.sleep(0.01)
