"""A run that is cancelled before its task has begun: its function is not called, and it counts as no try."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.jobs.claim import Claim, claim
from monarq.workers.runs.run import CancelReason
from tests.support.formats import OF_ARQ
from tests.support.workers import QUEUE, Recorder, make_worker, put, running
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ


@pytest.mark.parametrize("arq_rules", [False, True], ids=["by monarq's settings", "by arq's settings"])
@pytest.mark.parametrize(
    ("cancel_reason", "event", "waits"),
    [
        (CancelReason.LOST, "job_lost", True),
        (CancelReason.ASKED, "job_cancelled", False),
        (CancelReason.HAND_BACK, "job_handed_back", True),
    ],
    ids=lambda value: value.name if isinstance(value, CancelReason) else None,
)
async def test_its_outcome(
    redis: Redis, redis_url: str, cancel_reason: CancelReason, event: str, waits: bool, arq_rules: bool
) -> None:
    recorder = Recorder()
    worker = make_worker(redis_url, [jobs.plus], recorder, arq_rules=arq_rules, allow_cancel=True, lease_s=60.0)
    worker.paused = True  # the test claims in its place
    async with running(worker):
        await recorder.until("worker_started")
        components = worker._lifecycle.components
        assert components
        await put(redis, jobs.plus, 1, 2, job_id="sum")
        asked = Claim(worker.worker_id, "token", "io", 60_000, 1, 1000)
        [lease] = (await claim(redis, QUEUE, asked)).leases
        components.runner.start([lease])
        [run] = worker.runs
        run.cancel(cancel_reason)
        await recorder.until(event)
        components.runner.acknowledge_handed_back()
        await components.acker.flush()
        assert "job_started" not in recorder.events
        assert not await redis.exists(names.retry("sum"), QUEUE.crash("sum"))
        assert await redis.exists(names.job("sum")) == waits
        assert await redis.exists(names.in_progress("sum")) == (cancel_reason is CancelReason.LOST)
    await redis.flushall()
