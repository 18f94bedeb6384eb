"""Sentinels by URL alone: a pool, both producers, the command line and the probes go on after the primary is killed."""

from __future__ import annotations

import asyncio
import json
import signal
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from chaos.processes.redis_server import free_port
from monarq import Producer, Queue, SyncProducer
from monarq.shared.protocol.queue_ref import FORMATS, Format
from tests.cli.command import monarq
from tests.support.command import start_monarq
from tests.support.sentinels import running_trio
from tests.support.slowness import in_time, patience_s

JOBS = "tests.acceptance.acl_jobs"


@asynccontextmanager
async def pool(url: str, queue: Queue, port: int) -> AsyncIterator[None]:
    """Two workers that are ready, and a supervisor whose health checks can be asked."""
    named = "--queue" if queue.format == "native" else "--arq-queue"
    options = (named, queue.name, "-w", "2", "--health-port", str(port))
    process = await start_monarq("worker", JOBS, *options, url=url, stdin=DEVNULL)
    try:
        await until_ready(port)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        async with in_time(40):
            assert await process.wait() == 0


async def until_ready(port: int) -> None:
    """Waits until the supervisor has workers and finds its Redis."""
    async with in_time(20), httpx.AsyncClient() as web:
        while True:
            try:
                if (await web.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)


async def count(url: str, queue: Queue) -> tuple[int, int]:
    """What `monarq stats` counts: jobs that were done, and workers that live."""
    queues = json.loads((await monarq("stats", "--json", url=url)).out)["queues"]
    [found] = [each for each in queues if each["queue"] == queue.name]
    return found["succeeded"], sum(worker["alive"] for worker in found["workers"])


@pytest.mark.parametrize("queue_format", FORMATS)
async def test_a_pool_producers_and_the_command_line(tmp_path: Path, queue_format: Format) -> None:
    queue, port = Queue("mail", format=queue_format), free_port()
    async with running_trio(tmp_path) as trio, pool(trio.url, queue, port):
        old, new = await trio.roles()
        async with Producer(trio.url, queue=queue) as producer:
            assert await (await producer.enqueue("in_loop")).result(patience_s(20)) == "in_loop"
            before = await count(trio.url, queue)
            await old.kill()
            await trio.until_primary(new)
            names = ["in_loop", "in_child", "in_thread"]
            handles = [await producer.enqueue(name) for name in names]
            async with in_time(20):
                assert await asyncio.gather(*[handle.result() for handle in handles]) == names
        assert await asyncio.to_thread(in_a_thread, trio.url, queue) == "in_thread"
        await until_ready(port)
        after = await count(trio.url, queue)
        assert (before[1], after[1]) == (2, 2)
        assert after[0] >= before[0] + len(names) > len(names)


def in_a_thread(url: str, queue: Queue) -> object:
    with SyncProducer(url, queue=queue) as producer:
        return producer.enqueue("in_thread").result(timeout=patience_s(20))


@pytest.mark.parametrize("url", ["redis+sentinel://:secret@127.0.0.1:1/name", "redis+sentinel://:secret@127.0.0.1:1"])
async def test_what_stands_in_the_way(url: str) -> None:
    ended = await monarq("stats", url=url)
    assert ended.code != 0
    assert "secret" not in ended.err
    names = "no sentinel names a primary for 'name': 127.0.0.1:1: "
    assert (names if url.endswith("name") else "needs the service that they monitor") in ended.err
