"""The queue of a pool under test, in either format: what is known of its jobs and workers in Redis."""

from __future__ import annotations

from typing import Protocol

from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as arq_keys
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.native.jobs.notes import read_note
from monarq.shared.formats.native.keys import FLEET_BEATS, NativeKeys
from monarq.shared.protocol.queue_ref import Format, QueueRef


class SupervisedQueue(Protocol):
    """A queue."""

    ref: QueueRef

    async def crash_note(self, redis: Redis, job_id: str) -> str:
        """How often a job that has not ended has crashed, and how; '' for never."""

    async def waits_unharmed(self, redis: Redis, job_id: str) -> bool:
        """Whether a job waits that nobody runs, with no try and no crash counted."""

    async def workers(self, redis: Redis) -> int:
        """How many workers are on the list."""


class ArqSupervisedQueue:
    """A queue in arq's format."""

    def __init__(self, name: str) -> None:
        self.ref = QueueRef(name, "arq")
        self._keys = QueueKeys.of(name)

    async def crash_note(self, redis: Redis, job_id: str) -> str:
        return (await redis.get(self._keys.crash(job_id)) or b"").decode()

    async def waits_unharmed(self, redis: Redis, job_id: str) -> bool:
        touched = arq_keys.in_progress(job_id), arq_keys.retry(job_id), self._keys.crash(job_id)
        return await redis.zscore(self._keys.queue, job_id) is not None and not await redis.exists(*touched)

    async def workers(self, redis: Redis) -> int:
        return await redis.zcard(self._keys.workers)


class NativeSupervisedQueue:
    """A native queue."""

    def __init__(self, name: str) -> None:
        self.ref = QueueRef(name, "native")
        self._keys = NativeKeys.of(name)

    async def crash_note(self, redis: Redis, job_id: str) -> str:
        note = read_note(await redis.hget(self._keys.key("notes"), job_id))
        return f"{note.crashes} {note.text}" if note.crashes else ""

    async def waits_unharmed(self, redis: Redis, job_id: str) -> bool:
        note = read_note(await redis.hget(self._keys.key("notes"), job_id))
        return await redis.zscore(self._keys.key("queued"), job_id) is not None and not note.tries + note.crashes

    async def workers(self, redis: Redis) -> int:
        return await redis.zcard(FLEET_BEATS)


def supervised_queue(its_format: Format) -> SupervisedQueue:
    """The queue that pools under test serve."""
    return NativeSupervisedQueue("mail") if its_format == "native" else ArqSupervisedQueue(arq_keys.DEFAULT_QUEUE)
