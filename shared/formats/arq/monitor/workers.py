"""The workers of queues, from the list in each queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.protocol.monitor_records import WorkerRecord
from monarq.shared.redis.clock import read_now_ms
from monarq.shared.redis.replies import text

MOST_WORKERS: Final = 1000
"""The most workers of one queue that are read."""


async def read_workers(redis: Redis, names: Sequence[str]) -> dict[str, list[WorkerRecord]]:
    """The records of the queues' workers; see `monarq.shared.protocol.monitor_queue.ReadWorkers`.

    Raises:
        RedisError: Redis did not answer.
    """
    now_ms = await read_now_ms(redis)
    listed = await _list_workers(redis, names)
    calls: Any = redis.pipeline(transaction=False)
    for name, found in listed.items():
        calls.mget([QueueKeys.of(name).worker(worker_id) for worker_id, _ in found])
    replies = await calls.execute() if listed else []
    records: dict[str, list[WorkerRecord]] = {name: [] for name in names}
    for (name, found), of_queue in zip(listed.items(), replies, strict=True):
        records[name] = [
            WorkerRecord(worker_id, data, alive=stale_ms >= now_ms)
            for (worker_id, stale_ms), data in zip(found, of_queue, strict=True)
            if data is not None
        ]
    return records


async def _list_workers(redis: Redis, names: Sequence[str]) -> dict[str, list[tuple[str, float]]]:
    """The workers of those queues that have some, each with the time in ms from which it counts as silent."""
    calls: Any = redis.pipeline(transaction=False)
    for name in names:
        calls.zrange(QueueKeys.of(name).workers, 0, MOST_WORKERS - 1, withscores=True)
    replies = await calls.execute() if names else []
    return {
        name: [(text(raw_id), stale_ms) for raw_id, stale_ms in found]
        for name, found in zip(names, replies, strict=True)
        if found
    }
