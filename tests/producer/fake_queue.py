"""A queue of a format that does not exist: what is said to it is recorded, and its jobs wait for ever in no Redis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from monarq.shared.protocol.answers import CancelAnswer
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.protocol.job_state import FoundState
from monarq.shared.protocol.payload_times import PayloadTimes
from monarq.shared.protocol.producer_queue import Unfinished
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.client import RedisClient

ENQUEUED_MS, DUE_MS = 1_700_000_000_000, 1_700_000_060_000


class FakeQueue:
    """One queue. Its messages are ``id=result``, the result as hex digits, or ``id``, between spaces.

    Attributes:
        calls: the name, mode and payloads of each enqueue.
        failures: raised by the next enqueues, one each.
        lookups: the ids of each look for results.
        progress_lookups: the ids of each look for reports.
        results: the results of its jobs, by id; a job that has none is alive.
    """

    def __init__(self, ref: QueueRef) -> None:
        self.ref = ref
        self.ended = f"fake:{ref}:ended"
        self.reports = f"fake:{ref}:reports"
        self.calls: list[tuple[str, EnqueueMode, list[bytes]]] = []
        self.failures: list[Exception] = []
        self.lookups: list[list[str]] = []
        self.progress_lookups: list[list[str]] = []
        self.results: dict[str, bytes] = {}
        self._made = 0

    @property
    def width(self) -> int:
        return 1

    def new_job_ids(self, count: int) -> list[str]:
        first, self._made = self._made, self._made + count
        return [f"{self.ref}-{number}" for number in range(first, self._made)]

    def payload_times(self, placement: Placement) -> PayloadTimes:
        return PayloadTimes(ENQUEUED_MS, DUE_MS if placement.delay_ms else None)

    async def enqueue(
        self, redis: RedisClient, placement: Placement, mode: EnqueueMode, call: str, jobs: Sequence[tuple[str, bytes]]
    ) -> list[Enqueued]:
        self.calls.append((call, mode, [payload for _, payload in jobs]))
        if self.failures:
            raise self.failures.pop(0)
        return [Enqueued.ADDED] * len(jobs)

    async def find_results(self, redis: RedisClient, job_ids: Sequence[str]) -> list[bytes | Unfinished]:
        self.lookups.append(list(job_ids))
        return [self.results.get(job_id, Unfinished.ALIVE) for job_id in job_ids]

    async def find_state(self, redis: RedisClient, job_id: str) -> FoundState:
        return "queued"

    async def find_progress(self, redis: RedisClient, job_ids: Sequence[str]) -> list[bytes | None]:
        self.progress_lookups.append(list(job_ids))
        return [None] * len(job_ids)

    async def cancel(self, redis: RedisClient, job_id: str) -> CancelAnswer:
        return CancelAnswer.UNKNOWN

    def split_ended(self, message: bytes) -> Iterable[tuple[bytes, bytes | None]]:
        for ended in message.split(b" "):
            raw_id, _, result = ended.partition(b"=")
            yield raw_id, bytes.fromhex(result.decode()) or None

    def split_reports(self, message: bytes) -> Iterable[tuple[bytes, bytes]]:
        return []
