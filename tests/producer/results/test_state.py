"""The state of a job, as its handle says it."""

from __future__ import annotations

from monarq.producer import JobState, Producer
from tests.producer.jobs import count_primes
from tests.support.formats import ON_BOTH
from tests.support.manual_worker import ManualWorker

pytestmark = ON_BOTH


async def test_a_parked_cpu_job_is_queued_or_deferred_by_its_own_set(producer: Producer, worker: ManualWorker) -> None:
    later = await producer.enqueue(count_primes.options(defer_by=60), 1, 2)
    handle = await producer.enqueue(count_primes, 1, 2)
    assert [await later.state(), await handle.state()] == ["deferred", "queued"]
    await worker.claim(lane_queue="cpu")
    assert await handle.state() == JobState.RUNNING
