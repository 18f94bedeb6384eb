"""What cannot be is refused at the start, with what to do instead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from chaos.processes.cluster import Cluster
from monarq import Producer, Queue, RedisRefusedError
from monarq.embedded import EmbeddedRedis
from monarq.producer import named
from monarq.shared.errors import SettingsError
from tests.cli.command import monarq
from tests.support.cluster import queue_on_each_node

TARGET = "tests.cli.target"


async def test_a_queue_in_arq_s_format(cluster: Cluster) -> None:
    ended = await monarq("worker", TARGET, "--arq-queue", "mail", url=cluster.url)
    assert ended.code != 0
    assert "the queue mail is in arq's format, which a Redis Cluster cannot hold: use a native queue" in ended.err
    with pytest.raises(SettingsError, match="which a Redis Cluster cannot hold"):
        Producer(cluster.url, queue=Queue("mail", format="arq"))
    async with Producer(cluster.url, queue=Queue("mail")) as producer:
        with pytest.raises(SettingsError, match="which a Redis Cluster cannot hold"):
            await producer.enqueue(named("x").options(queue=Queue("old", format="arq")))
    ended = await monarq("stats", "--arq-queue", "mail", url=cluster.url)
    assert ended.code != 0
    assert "which a Redis Cluster cannot hold" in ended.err


async def test_a_move_from_or_to_a_queue_in_arq_s_format_changes_nothing(cluster: Cluster) -> None:
    async with Producer(cluster.url, queue=Queue("moved")) as producer:
        await producer.enqueue(named("x"))
    for words in (["moved", "arq:queue", "--to-arq"], ["arq:queue", "moved", "--arq"]):
        ended = await monarq("queues", "move", *words, url=cluster.url)
        assert ended.code == 2
        assert "the queue arq:queue is in arq's format, which a Redis Cluster cannot hold" in ended.err
        assert "paused" not in ended.err
    assert "was not paused" in (await monarq("queues", "resume", "moved", url=cluster.url)).err


async def test_a_node_that_is_named_as_a_server(cluster: Cluster) -> None:
    url = f"redis://127.0.0.1:{cluster.nodes[0].port}"
    ended = await monarq("worker", TARGET, "-q", "mail", url=url)
    assert ended.code != 0
    assert "is a node of a Redis Cluster: use redis+cluster://host:port" in ended.err
    names = await queue_on_each_node(cluster)
    elsewhere = [name for name in names if await cluster.holder(f"{{{name}}}") is not cluster.nodes[0]]
    async with Producer(url, queue=Queue(elsewhere[0])) as producer:
        with pytest.raises(RedisRefusedError, match=r"nothing was enqueued: .*use redis\+cluster://"):
            await producer.enqueue(named("x"))


async def test_a_server_that_is_named_as_a_cluster() -> None:
    with EmbeddedRedis(port=0) as server:
        url = server.url.replace("redis://", "redis+cluster://")
        ended = await monarq("worker", TARGET, "-q", "mail", url=url)
    assert ended.code != 0
    assert "is not a node of a Redis Cluster: use redis://host:port" in ended.err


@asynccontextmanager
async def half_proxy(port: int) -> AsyncIterator[int]:
    """A proxy that hangs up on what it does not pass on, as twemproxy does; its port."""
    refused = (b"SUBSCRIBE", b"PUBLISH", b"INFO", b"SCRIPT")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", port)

        async def answer() -> None:
            with suppress(OSError):
                while data := await back_reader.read(65536):
                    writer.write(data)

        answering = asyncio.create_task(answer())
        with suppress(OSError):
            while (data := await reader.read(65536)) and not any(b"\r\n" + name in data for name in refused):
                back_writer.write(data)
        answering.cancel()
        back_writer.close()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_a_proxy_that_passes_a_part_on_alone() -> None:
    with EmbeddedRedis(port=0) as server:
        async with half_proxy(int(server.url.rpartition(":")[2].partition("/")[0])) as port:
            ended = await monarq("worker", TARGET, "-q", "mail", url=f"redis://127.0.0.1:{port}")
    assert ended.code != 0
    assert "refuses SUBSCRIBE, like a proxy such as twemproxy: give the address of Redis" in ended.err
