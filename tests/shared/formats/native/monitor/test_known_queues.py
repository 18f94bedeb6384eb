"""The list of all native queues: what holds jobs stays on it, what is empty and unused for a week does not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest
from redis.asyncio import Redis

from monarq.monitor.admin import admin
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.formats.native.keys import FLEET_QUEUES, NativeKeys
from monarq.shared.formats.native.monitor.known_queues import known_queues
from monarq.shared.formats.native.shards import home
from monarq.shared.formats.native.workers.fleet import beat_fleet, read_queues
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.connection import UrlSource
from tests.support.cluster import queue_on_each_node, running_cluster
from tests.support.manual_worker import ManualWorker
from tests.support.shards import NAME, spread
from tests.support.workers import put

MAIL: Final = QueueRef("mail", "native")
LONG_AGO_MS: Final = 1000


async def last_used_long_ago(redis: Redis, *names: str) -> None:
    """Sets when all queues on the list were used back, as the time does that passes."""
    client: Any = redis
    await client.zadd(FLEET_QUEUES, dict.fromkeys(names, LONG_AGO_MS))
    await client.expire(FLEET_QUEUES, 3600)


async def queued(redis: Redis) -> None:
    await put(redis, "send", job_id="a", queue=MAIL)


async def deferred(redis: Redis) -> None:
    await put(redis, "send", job_id="a", queue=MAIL, delay_ms=30 * 86_400_000)


async def running(redis: Redis) -> None:
    await put(redis, "send", job_id="a", queue=MAIL)
    await ManualWorker(redis, MAIL).claim()


async def dead(redis: Redis) -> None:
    await redis.zadd(NativeKeys.of(MAIL.name).key("dead"), {"a": 1})


async def paused(redis: Redis) -> None:
    await admin.pause(redis, MAIL)


async def broken(redis: Redis) -> None:
    """A key of a wrong type: nobody can say that the queue is empty."""
    await redis.set(NativeKeys.of(MAIL.name).key("payloads"), "x")


@pytest.mark.parametrize("fill", [queued, deferred, running, dead, paused, broken], ids=lambda fill: fill.__name__)
async def test_a_queue_that_holds_jobs_stays_whoever_uses_others(
    redis: Redis, fill: Callable[[Redis], Awaitable[None]]
) -> None:
    await fill(redis)
    await last_used_long_ago(redis, "mail", "over")
    await beat_fleet(redis, "w1", 15_000, b"{}", ["served"])
    assert await known_queues(redis) == ["served", "mail"]
    listed = await read_queues(redis)
    assert (set(listed.names), listed.unused) == ({"served", "mail"}, []), "it is looked at again in a week"
    assert await redis.ttl(FLEET_QUEUES) == -1, "nor does the list go, where nobody uses any queue"


async def test_a_queue_leaves_once_it_is_empty_and_unused_again(redis: Redis) -> None:
    await deferred(redis)
    await last_used_long_ago(redis, "mail")
    assert await known_queues(redis) == ["mail"]
    assert sum([removed async for removed in monitor_queue(MAIL).purge(redis, ["deferred"])]) == 1
    assert await known_queues(redis) == ["mail"]
    await last_used_long_ago(redis, "mail")
    assert await known_queues(redis) == []
    assert not await monitor_queue(MAIL).is_known(redis)


async def test_jobs_in_any_shard_count(redis: Redis) -> None:
    await spread(redis, 3)
    job_id = next(f"a{number}" for number in range(100) if home(f"a{number}", 3) == 2)
    await put(redis, "send", job_id=job_id, queue=QueueRef(NAME, "native"))
    await last_used_long_ago(redis, NAME)
    assert await known_queues(redis) == [NAME]


async def test_who_may_only_read_is_shown_the_same(redis: Redis, redis_url: str) -> None:
    await deferred(redis)
    await last_used_long_ago(redis, "mail", "over")
    path = redis.connection_pool.connection_kwargs["path"]
    rights = {"categories": ["+@read", "+@connection", "+@scripting"], "commands": ["+time"], "keys": ["*"]}
    await redis.acl_setuser("reader", enabled=True, passwords=["+pw"], **rights)  # type: ignore[arg-type]
    try:
        async with Redis(unix_socket_path=path, username="reader", password="pw") as reader:
            assert await known_queues(reader) == ["mail"]
    finally:
        await redis.acl_deluser("reader")


async def test_on_a_cluster_each_queue_is_looked_at_where_it_is() -> None:
    async with running_cluster(full_coverage=False) as cluster:
        names = await queue_on_each_node(cluster)
        client: Any = UrlSource(cluster.url).client()
        try:
            for name in names:
                await put(client, "send", job_id="a", queue=QueueRef(name, "native"), delay_ms=60_000)
            await last_used_long_ago(client, *names, "over")
            assert set(await known_queues(client)) == set(names)
            assert (await read_queues(client)).unused == []
            await last_used_long_ago(client, *names, "over")
            holders = {name: await cluster.holder(f"{{{name}}}") for name in names}
            fleet = await cluster.holder(FLEET_QUEUES)
            away = next(name for name in names if holders[name] is not fleet)
            await holders[away].kill()
            assert set(await known_queues(client)) >= set(names), "nobody can say that those of a node are empty"
            assert away in (await read_queues(client)).unused, "so nothing came of it"
        finally:
            await client.aclose()
