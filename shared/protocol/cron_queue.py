"""The interface of a queue for cron schedulers, which each format implements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from redis.asyncio import Redis

from monarq.shared.lane import Lane
from monarq.shared.protocol.enqueue import Enqueued
from monarq.shared.protocol.payload_times import PayloadTimes
from monarq.shared.protocol.queue_ref import QueueRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A job that is enqueued by a cron schedule.

    Attributes:
        job_id: its id, the same on all workers.
        payload: its payload.
        name: the job's name, by which it is counted.
        lane: where it runs.
        due_ms: when it is due, unix ms: the tick's time.
        ttl_ms: ms after which it is no longer started; 0 for never.
        bar_ms: ms for which its id cannot be enqueued again.
        entry: the declaration whose newest tick it becomes; None if that is not recorded.
    """

    job_id: str
    payload: bytes
    name: str
    lane: Lane
    due_ms: int
    ttl_ms: int
    bar_ms: int
    entry: str | None = None


class CronQueue(Protocol):
    """One queue, as cron schedulers use it.

    Every method may be called again after a failure. Each raises RedisError or OSError where a call failed.
    """

    @property
    def ref(self) -> QueueRef:
        """The queue."""
        ...

    def payload_times(self, now_ms: int, due_ms: int, ttl_ms: int) -> PayloadTimes:
        """The times for the payload of a tick, from Redis' time, its due time, and how long it may wait."""
        ...

    async def newest_tick_ms(self, redis: Redis, entry: str) -> int:
        """The time of the newest recorded tick of a declaration, unix ms; 0 if there is no readable record.

        Before the first tick it may be the time at which the declaration became known, from which all schedulers start.
        """
        ...

    async def enqueue_tick(self, redis: Redis, tick: Tick) -> Enqueued:
        """Enqueues a tick unless its id is barred, and records it as the newest of its declaration."""
        ...

    async def write_statuses(self, redis: Redis, statuses: Mapping[str, bytes], keep_s: int) -> None:
        """Writes the status of declarations, such as their next tick, for display.

        It ignores a refusal by Redis, so that it never delays a tick.

        Args:
            redis: the client.
            statuses: JSON by declaration.
            keep_s: seconds after which all of the queue's statuses are deleted unless they are written again.
        """
        ...
