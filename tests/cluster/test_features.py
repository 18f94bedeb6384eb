"""All that monarq does, on a Redis Cluster, by its URL alone; the three queues are on three nodes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from chaos.processes.cluster import Cluster
from monarq import Producer, Queue, SyncProducer
from monarq.cli.app import run
from monarq.producer import named
from monarq.web import create_app
from tests.cli.command import heard, monarq, start, stop
from tests.support.cluster import queue_on_each_node
from tests.support.slowness import in_time, patience_s

JOBS = "tests.cluster.jobs"


@asynccontextmanager
async def workers(cluster: Cluster, *args: str) -> AsyncIterator[tuple[list[str], str]]:
    """A pool that serves three queues; their names, and what it has said."""
    names = await queue_on_each_node(cluster)
    served = [part for name in names for part in ("-q", name)]
    process = await start(
        "worker", JOBS, "-w", "2", *served, *args, url=cluster.url, env={"CLUSTER_QUEUES": " ".join(names)}
    )
    said = ""
    try:
        said = await heard(process, "serving")
        yield names, said
    finally:
        ended = await stop(process)
    assert ended.code == 0, said + ended.err


async def test_a_producer_and_workers(cluster: Cluster) -> None:
    async with workers(cluster) as (names, _), Producer(cluster.url, queue=Queue(names[0])) as producer:
        first, second, third = (Queue(name) for name in names)
        added = await producer.enqueue(named("cluster.add").options(queue=first), 1, 2)
        squared = await producer.enqueue(named("cluster.square").options(queue=second), 7)
        counted = await producer.enqueue(named("cluster.count").options(queue=third), 3)
        seen = [report.done async for report in counted.watch()]
        assert await asyncio.gather(*(each.result(patience_s(30)) for each in (added, squared, counted))) == [3, 49, 3]
        assert seen[-1] == 2
        many = [(number, number) for number in range(300)]
        assert await producer.map(named("cluster.add").options(queue=first), many, timeout=patience_s(30)) == [
            2 * number for number, _ in many
        ]
        again = await producer.enqueue(named("cluster.add").options(queue=first, job_id="mine"), 1, 1)
        assert await again.result(patience_s(30)) == 2
        assert (await producer.enqueue(named("cluster.add").options(queue=first, job_id="mine"), 1, 1)).existed
        deferred = await producer.enqueue(named("cluster.add").options(queue=third, defer_by=3600), 1, 1)
        assert (await deferred.state()).value == "deferred"
        await deferred.cancel()


async def test_a_program_without_a_loop(cluster: Cluster) -> None:
    async with workers(cluster) as (names, _):

        def add() -> object:
            with SyncProducer(cluster.url, queue=Queue(names[0])) as producer:
                return producer.enqueue(named("cluster.add"), 1, 2).result(patience_s(30))

        assert await asyncio.to_thread(add) == 3


async def test_the_command_line(cluster: Cluster) -> None:
    async with workers(cluster) as (names, _), Producer(cluster.url, queue=Queue(names[0])) as producer:
        handle = await producer.enqueue(named("cluster.fail"))
        with pytest.raises(ValueError, match="no"):
            await handle.result(patience_s(30))
        for words in (
            ["workers", "--jobs"],
            ["jobs", "list"],
            ["jobs", "show", handle.job_id],
            ["queues", "pause", names[1]],
            ["queues", "list"],
            ["queues", "resume", names[1]],
            ["dead", "list"],
            ["dead", "show", handle.job_id],
            ["dead", "retry", handle.job_id],
            ["queues", "purge", names[2], "--yes"],
            ["enqueue", "cluster.add", "1", "2", "-q", names[0], "--wait"],
            ["worker", JOBS, "--check", "-q", names[0]],
        ):
            assert await asyncio.to_thread(run, [*words, "--redis", cluster.url]) == 0, words
        stats = await monarq("stats", "--json", url=cluster.url)
        queues = {queue["queue"]: queue for queue in json.loads(stats.out)["queues"]}
        assert set(names) <= set(queues)
        assert "arq:queue" not in queues


async def test_crons(cluster: Cluster) -> None:
    async with workers(cluster) as (names, _), in_time(20):
        while True:
            stats = await monarq("stats", "--json", "-q", names[1], url=cluster.url)
            if '"cluster.tick"' in stats.out:
                break


async def test_the_page_and_the_metrics(cluster: Cluster) -> None:
    async with workers(cluster) as (names, _), Producer(cluster.url, queue=Queue(names[0])) as producer:
        handle = await producer.enqueue(named("cluster.add"), 1, 2)
        assert await handle.result(patience_s(30)) == 3
        app = create_app(cluster.url)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as page:
            for path in ("/", "/jobs", "/workers", "/queues", "/dead", "/jobs/job", "/metrics", "/cron"):
                answer = await page.get(path, params={"queue": names[0], "id": handle.job_id})
                assert answer.status_code == 200, (path, answer.text)
            assert f'queue="{names[0]}"' in (await page.get("/metrics")).text
