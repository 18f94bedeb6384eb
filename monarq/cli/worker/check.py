"""Implements `monarq worker --check`: looks for a live worker on each queue."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from monarq.cli.terminal.console import FAILED, say
from monarq.monitor.queues.stats import QueueStats, read_stats
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.redis_errors import explain
from monarq.targets import load_target
from monarq.workers.config.named_settings import by_attribute
from monarq.workers.config.spec import WorkerSpec


def check_workers(spec: WorkerSpec) -> int:
    """Prints whether each queue of the target has a live worker; returns the exit code, 0 if so, else 1.

    Workers that renew monarq's record or write arq's health check count as alive.

    Raises:
        TargetError: there is no such target.
        RedisUnavailableError: Redis could not be reached.
    """
    loaded = load_target(spec.target or "", spec.redis_url, spec.overrides, by_attribute(spec.project))
    try:
        queues = asyncio.run(_read(loaded.source.client(), loaded.settings.queues))
    except RedisError as error:
        raise explain(error, loaded.source.shown) from error
    for queue in queues:
        say(f"monarq: {queue.ref}: {_health(queue)}")
    return 0 if all(_is_served(queue) for queue in queues) else FAILED


async def _read(redis: Redis, queues: Iterable[QueueRef]) -> list[QueueStats]:
    async with redis:
        return await read_stats(redis, queues)


def _is_served(queue: QueueStats) -> bool:
    return queue.health_check is not None or any(worker.alive for worker in queue.workers)


def _health(queue: QueueStats) -> str:
    alive = sum(worker.alive for worker in queue.workers)
    if alive:
        return f"{alive} worker{'' if alive == 1 else 's'} alive"
    if queue.health_check is not None:
        return queue.health_check
    return "no live worker, neither by a record nor by arq's health check"
