"""Waiting times: since when jobs are due that nobody runs. See waiting.lua."""

from __future__ import annotations

from dataclasses import dataclass

from redis.asyncio import Redis

from monarq.shared.redis.keys import QueueKeys
from monarq.shared.redis.scripts import Script

_SCRIPT = Script.load("queues/waiting")


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long a queue's longest waiting jobs are due.

    Attributes:
        io_s: for how many seconds the first job of the queue that nobody runs is due; None where there is none.
        cpu_s: the same of the jobs that are known to be for a cpu lane.
    """

    io_s: float | None
    cpu_s: float | None


async def read_waiting(redis: Redis, keys: QueueKeys) -> Waiting:
    """Reads how long jobs have waited, at a cost that does not depend on the queue's length."""
    io_ms, cpu_ms = await _SCRIPT.run(redis, keys, ())
    return Waiting(None if io_ms < 0 else io_ms / 1000, None if cpu_ms < 0 else cpu_ms / 1000)
