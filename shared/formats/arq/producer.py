"""A queue in arq's format, for producers and their handles."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import repeat
from typing import Final

from monarq.shared.clock import server_time, wall_ms
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.jobs.cancel import cancel
from monarq.shared.formats.arq.jobs.enqueue import enqueue
from monarq.shared.formats.arq.jobs.progress import progress_command, split_reports
from monarq.shared.formats.arq.keys import PARKED_SCORE, QueueKeys
from monarq.shared.protocol.answers import CancelAnswer
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.protocol.job_state import FoundState
from monarq.shared.protocol.payload_times import PayloadTimes
from monarq.shared.protocol.producer_queue import Unfinished
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.transfer_notes import read_target
from monarq.shared.redis.client import RedisClient
from monarq.shared.redis.replies import text

_CANCELLED_MS: Final = 1
"""The due time of a job that is being cancelled."""


class ArqProducerQueue:
    """A `ProducerQueue` in arq's format; see there.

    Args:
        ref: the queue.
    """

    __slots__ = ("_keys", "ended", "ref", "reports")

    def __init__(self, ref: QueueRef) -> None:
        self.ref = ref
        self._keys = QueueKeys.of(ref.name)
        self.ended = self._keys.ended
        self.reports = self._keys.reports

    @classmethod
    def of(cls, name: str) -> ArqProducerQueue:
        """The queue of this name."""
        return cls(QueueRef(name, "arq"))

    @property
    def width(self) -> int:
        """Parallel calls would not help."""
        return 1

    def new_job_ids(self, count: int) -> list[str]:
        """Unique ids of 128 random bits, like UUIDs, in a fifth of the time."""
        digits = os.urandom(16 * count).hex()
        if count == 1:
            return [digits]
        return [digits[at : at + 32] for at in range(0, 32 * count, 32)]

    def payload_times(self, placement: Placement) -> PayloadTimes:
        """This machine's time, as arq's clients write it. arq knows no field for the due time."""
        return PayloadTimes(wall_ms())

    async def enqueue(
        self, redis: RedisClient, placement: Placement, mode: EnqueueMode, call: str, jobs: Sequence[tuple[str, bytes]]
    ) -> list[Enqueued]:
        """Puts jobs into the queue. A repeated call is recognized by its ids and payloads, so `call` is not needed."""
        if placement.due_ms == _CANCELLED_MS:
            placement = replace(placement, due_ms=_CANCELLED_MS + 1)
        return await enqueue(redis, self._keys, placement, mode, jobs)

    async def find_results(self, redis: RedisClient, job_ids: Sequence[str]) -> list[bytes | Unfinished]:
        """The results of jobs: their scores in the queue, then the tokens of running ones, then the results.

        The results come last: a job that ends in between is still in its queue at the first command, or has its result
        at the last one.
        """
        scores, tokens, results = await redis.execute(
            ("ZMSCORE", self._keys.queue, *job_ids),
            ("MGET", *map(names.in_progress, job_ids)),
            ("MGET", *map(names.result, job_ids)),
        )
        return list(map(_result_of, scores, tokens, results))

    async def find_moved_to(self, redis: RedisClient) -> QueueRef | None:
        """The queue that jobs of this one were last moved to."""
        [noted] = await redis.execute(("GET", self._keys.moved))
        return None if noted is None else read_target(text(noted))

    async def find_state(self, redis: RedisClient, job_id: str) -> FoundState:
        """The current state of a job. Jobs go from queue to run to result, so none is missed if read in this order."""
        return decide_state(
            *await redis.execute(
                ("TIME",),
                ("ZSCORE", self._keys.queue, job_id),
                ("ZSCORE", self._keys.cpu, job_id),
                ("EXISTS", names.in_progress(job_id)),
                ("EXISTS", names.result(job_id)),
            )
        )

    async def find_progress(self, redis: RedisClient, job_ids: Sequence[str]) -> list[bytes | None]:
        """The last report of each of these jobs."""
        [reports] = await redis.execute(progress_command(self._keys, job_ids))
        found: list[bytes | None] = reports
        return found

    async def cancel(self, redis: RedisClient, job_id: str) -> CancelAnswer:
        """Requests the cancellation of a job."""
        return await cancel(redis, self._keys, job_id)

    def split_ended(self, message: bytes) -> Iterable[tuple[bytes, bytes | None]]:
        """The raw ids of the jobs that ended; results are never among them."""
        return zip(message.split(b"\0"), repeat(None))

    def split_reports(self, message: bytes) -> Iterable[tuple[bytes, bytes]]:
        """The raw ids of the jobs with their reports."""
        return split_reports(message)


def _result_of(score: bytes | None, token: bytes | None, result: bytes | None) -> bytes | Unfinished:
    if result is not None:
        return result
    return Unfinished.GONE if score is None and token is None else Unfinished.ALIVE


def decide_state(
    time: tuple[bytes, bytes], score: bytes | None, cpu_score: bytes | None, running: int, ended: int
) -> FoundState:
    """The state, from the replies in `ArqProducerQueue.find_state`."""
    if ended:
        return "ended"
    if running:
        return "running"
    if score is None:
        return "unknown"
    parked = cpu_score is not None and float(score) == PARKED_SCORE
    due_ms = float(cpu_score if parked and cpu_score is not None else score)
    seconds, micros = server_time(int(time[0]), int(time[1]))
    now_ms = seconds * 1000 + micros // 1000
    return "deferred" if due_ms > now_ms else "queued"
