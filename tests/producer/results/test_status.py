"""The status of a job, by what Redis holds."""

from __future__ import annotations

import pytest

from monarq.producer import JobStatus, Producer
from monarq.producer.results.status import decide_status
from monarq.shared.formats.arq.keys import PARKED_SCORE
from tests.producer.jobs import count_primes
from tests.support.manual_worker import ManualWorker


@pytest.mark.parametrize(
    ("score", "cpu_score", "running", "ended", "status"),
    [
        (None, None, 0, 0, "not_found"),
        (b"1000", None, 0, 0, "queued"),
        (b"1001", None, 0, 0, "deferred"),
        (b"16000.5", None, 1, 0, "in_progress"),
        (b"1000", None, 1, 1, "complete"),
        (str(PARKED_SCORE).encode(), b"1000", 0, 0, "queued"),
        (str(PARKED_SCORE).encode(), b"1001", 0, 0, "deferred"),
        (b"1000", b"5000", 0, 0, "queued"),
        (None, None, 0, 1, "complete"),
    ],
)
def test_status_by_what_redis_holds(
    score: bytes | None, cpu_score: bytes | None, running: int, ended: int, status: str
) -> None:
    assert decide_status((b"1", b"0"), score, cpu_score, running, ended) == status


async def test_a_parked_cpu_job_is_queued_or_deferred_by_its_own_set(producer: Producer, worker: ManualWorker) -> None:
    later = await producer.enqueue(count_primes.options(defer_by=60), 1, 2)
    handle = await producer.enqueue(count_primes, 1, 2)
    assert [await later.status(), await handle.status()] == ["deferred", "queued"]
    await worker.claim(lane_queue="cpu")
    assert await handle.status() == JobStatus.IN_PROGRESS
