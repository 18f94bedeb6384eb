"""A subscriber to the progress of jobs, which keeps the messages as they are published."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from redis.asyncio import Redis

from monarq.shared.formats.choice.producers import producer_queue
from monarq.shared.payloads.progress import Progress
from monarq.shared.payloads.progress_codec import decode_progress
from monarq.shared.protocol.producer_queue import ProducerQueue
from tests.support.formats import current_queue
from tests.support.slowness import in_time


@dataclass
class Heard:
    """What came: for each message the jobs that it tells of."""

    messages: list[dict[str, Progress]] = field(default_factory=list)

    def of(self, job_id: str) -> list[Progress]:
        """All that a job told."""
        return [message[job_id] for message in self.messages if job_id in message]

    def most_in_a_second(self, job_id: str) -> int:
        """How often a job told something in its busiest second."""
        times = [progress.at.timestamp() for progress in self.of(job_id)]
        return max((sum(first <= time < first + 1 for time in times) for first in times), default=0)


@asynccontextmanager
async def hearing(redis: Redis) -> AsyncIterator[Heard]:
    """Hears for the life of the block, and until all that was published in it has come."""
    heard = Heard()
    queue = producer_queue(current_queue())
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe(queue.reports)
        task = asyncio.create_task(_listen(pubsub, queue, heard))
        try:
            yield heard
            await redis.publish(queue.reports, b"end")
            async with in_time(10):
                await task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _listen(pubsub, queue: ProducerQueue, heard: Heard) -> None:  # type: ignore[no-untyped-def]
    async for message in pubsub.listen():
        if message["type"] != "message":
            continue
        if message["data"] == b"end":
            return
        told = {raw_id.decode(): decode_progress(value) for raw_id, value in queue.split_reports(message["data"])}
        heard.messages.append({job_id: progress for job_id, progress in told.items() if progress is not None})
