"""A job whose next crash is its last runs alone at first: no job dies of another's crashes."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq import worker_queue
from monarq.shared.formats.arq.jobs.claim import Claim, claim
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.protocol.lease import Claimed
from monarq.workers.jobs import claimer
from tests.support.formats import OF_ARQ
from tests.support.workers import QUEUE, Recorder, make_worker, put, result_of, running
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ

LONG_S = 60.0


async def put_crashed(redis: Redis, crashes: int, seconds: float) -> None:
    """A job that waits for so long, and has lost as many workers."""
    await put(redis, jobs.wait, seconds, job_id="suspect")
    await redis.set(QUEUE.crash("suspect"), f"{crashes} killed by SIGSEGV", px=60_000)


async def test_it_is_alone_until_its_end_is_acknowledged(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claimer, "PROBATION_S", LONG_S)
    recorder = Recorder()
    await put_crashed(redis, 2, 0.3)
    await put(redis, jobs.plus, 1, 2, job_id="sum")
    async with running(make_worker(redis_url, jobs.ALL, recorder, max_crashes=3)):
        await result_of(redis, "sum")
    road = [event for event in recorder.events if event in {"job_started", "job_succeeded"}]
    assert road == ["job_started", "job_succeeded"] * 2


@pytest.mark.parametrize(
    ("crashes", "probation_s"), [(2, 0.1), (1, LONG_S)], ids=["it has passed its probation", "it may crash once more"]
)
async def test_it_does_not_delay_the_others(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, crashes: int, probation_s: float
) -> None:
    monkeypatch.setattr(claimer, "PROBATION_S", probation_s)
    recorder = Recorder()
    await put_crashed(redis, crashes, LONG_S)
    async with running(make_worker(redis_url, jobs.ALL, recorder, max_crashes=3, grace_s=0.0)):
        await recorder.until("job_started")
        await put(redis, jobs.plus, 1, 2, job_id="sum")
        assert (await result_of(redis, "sum")).value == 3
    assert "job_handed_back" in recorder.events
    await redis.flushall()


async def test_no_job_is_claimed_before_those_claimed_have_begun(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What kills its worker at once must not cost a crash to a job that was on its way."""
    recorder = Recorder()

    async def claim_and_note(client: Redis, keys: QueueKeys, asked: Claim) -> Claimed:
        if asked.lane_queue == "io":
            recorder.events.append("asked")
        return await claim(client, keys, asked)

    monkeypatch.setattr(worker_queue, "claim", claim_and_note)
    await put(redis, jobs.plus, 1, 2, job_id="sum")
    async with running(make_worker(redis_url, jobs.ALL, recorder)):
        await result_of(redis, "sum")
    begins = recorder.events.index("job_started")
    assert recorder.events[:begins].count("asked") == 1
