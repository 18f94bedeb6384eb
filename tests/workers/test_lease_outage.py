"""Leases that cannot be renewed while Redis is away are told of once, and once more when they can be again."""

from __future__ import annotations

import asyncio

from redis.exceptions import RedisError

from monarq.shared.keys import DEFAULT_QUEUE, QueueKeys
from monarq.workers.leases import LeaseKeeper, LeaseTable
from tests.support.engines import Recorder
from tests.support.slowness import in_time

QUEUES = [QueueKeys.of(DEFAULT_QUEUE)]


class FailingRedis:
    """A blocking client whose first calls fail."""

    def __init__(self, times: int, passed: asyncio.Event) -> None:
        self.left = times
        self.disconnects = 0
        self.connection_pool = self
        self._passed = passed
        self._loop = asyncio.get_running_loop()

    def execute_command(self, *_: object) -> list[bytes]:
        self.left -= 1
        if self.left >= 0:
            raise RedisError("away")
        self._loop.call_soon_threadsafe(self._passed.set)
        return []

    def disconnect(self) -> None:
        self.disconnects += 1

    def close(self) -> None:
        pass


async def test_one_line_and_one_when_it_is_over() -> None:
    journal, passed = Recorder(), asyncio.Event()
    client = FailingRedis(4, passed)
    keeper = LeaseKeeper(
        worker_id="w",
        queues=QUEUES,
        table=LeaseTable(QUEUES),
        lease_s=0.3,
        open_redis=lambda: client,
        record=lambda: b"{}",
        on_lost=lambda _: None,
        journal=journal,
    )
    keeper.start()
    async with in_time(20):
        await passed.wait()
        await journal.until("redis_back")
        await keeper.stop()
    assert journal.events == ["renewal_failed", "redis_back"]
    assert client.disconnects == 4  # after a failover the name may lead to another server
