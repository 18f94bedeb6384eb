"""A run that is stopped before its task has begun: its function is not called, and that is a try in no count."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.commands.jobs.claim import Claim, claim
from monarq.shared.redis import keys as names
from monarq.workers.runs.run import Halt
from tests.support.engines import QUEUE, Recorder, make_engine, put, running
from tests.workers import engine_jobs as jobs


@pytest.mark.parametrize("arq_style", [False, True], ids=["by monarq's settings", "by arq's settings"])
@pytest.mark.parametrize(
    ("halt", "told", "waits"),
    [
        (Halt.LOST, "job_lost", True),
        (Halt.ABORT, "job_aborted", False),
        (Halt.HAND_BACK, "job_handed_back", True),
    ],
    ids=lambda value: value.name if isinstance(value, Halt) else None,
)
async def test_what_becomes_of_it(
    redis: Redis, redis_url: str, halt: Halt, told: str, waits: bool, arq_style: bool
) -> None:
    journal = Recorder()
    engine = make_engine(redis_url, [jobs.plus], journal, arq_style=arq_style, allow_abort=True, lease_s=60.0)
    engine.paused = True  # the test claims in its place
    async with running(engine):
        await journal.until("worker_started")
        crew = engine._service.crew
        assert crew
        await put(redis, jobs.plus, 1, 2, job_id="sum")
        asked = Claim(engine.worker_id, "token", "io", 60_000, 1, 1000)
        [lease] = (await claim(redis, QUEUE, asked)).leases
        crew.runner.start(lease)
        [run] = engine.runs
        run.stop(halt)
        await journal.until(told)
        crew.runner.release_returns()
        await crew.acker.flush()
        assert "job_started" not in journal.events
        assert not await redis.exists(names.retry("sum"), QUEUE.crash("sum"))
        assert await redis.exists(names.job("sum")) == waits
        assert await redis.exists(names.in_progress("sum")) == (halt is Halt.LOST)
    await redis.flushall()
