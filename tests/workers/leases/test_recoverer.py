"""The recoverer: a dead worker's jobs go back to all its queues at once, until Redis takes them or the leases end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ReadOnlyError

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.jobs.claim import Claim, claim
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.choice import supervision
from monarq.shared.formats.native.workers.fleet import beat_fleet, read_fleet
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.connection import open_redis
from monarq.workers.control.messages import Ready
from monarq.workers.leases import recoverer
from monarq.workers.leases.recoverer import Recoverer
from monarq.workers.reporting.process_log import RecoveryLog
from tests.support.cancelling import nothing_left_open
from tests.support.formats import OF_ARQ
from tests.support.slowness import in_time
from tests.support.workers import QUEUE, put
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ

GONE = "host:1:gone"
OTHER = QueueKeys.of("other")
QUEUES = [QUEUE, OTHER]


def dead(lease_s: float = 600.0) -> Ready:
    return Ready(GONE, [keys.ref for keys in QUEUES], lease_s, 20.0)


@pytest.fixture
async def held(redis: Redis) -> list[QueueKeys]:
    """Each queue has one job, named as the queue, which the dead worker holds."""
    asked = Claim(worker=GONE, token="t", lane_queue="io", lease_ms=60_000, limit=1, max_payload=1000)
    for keys in QUEUES:
        await put(redis, jobs.plus, 1, 2, job_id=keys.queue, queue=keys)
        assert (await claim(redis, keys, asked)).leases
    return QUEUES


async def check_recovered(redis: Redis) -> None:
    for keys in QUEUES:
        assert not await redis.exists(names.in_progress(keys.queue), keys.leases(GONE))
        assert await redis.get(keys.crash(keys.queue)) == b"1 killed"
    await redis.flushall()


def test_one_job_is_told_of_as_one(caplog: pytest.LogCaptureFixture) -> None:
    RecoveryLog().jobs_recovered(GONE, 1)
    assert caplog.messages == [f"1 job of {GONE} is back in its queue"]


@pytest.mark.usefixtures("held")
async def test_all_its_queues_are_recovered_before_the_end(
    redis: Redis, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with nothing_left_open():
        recoveries = Recoverer(RecoveryLog())
        recoveries.start(dead(), "killed", open_redis(redis_url))
        await recoveries.finish()
    assert f"2 jobs of {GONE} are back in their queues" in caplog.text
    await check_recovered(redis)


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("error", [ReadOnlyError("read only"), ConnectionResetError(104, "reset")], ids=repr)
async def test_what_fails_is_tried_again(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    failures, real = [error], supervision.recover_arq

    async def fail_once(*args: Any) -> list[bytes]:
        if failures:
            raise failures.pop()
        return await real(*args)

    monkeypatch.setattr(supervision, "recover_arq", fail_once)
    recoveries = Recoverer(RecoveryLog())
    recoveries.start(dead(), "killed", open_redis(redis_url))
    await recoveries.finish()
    await check_recovered(redis)


async def test_a_worker_stays_listed_until_all_its_queues_are_recovered(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its supervisor dies meanwhile, others see to the rest of its queues."""
    queues = [QueueRef("a", "native"), QueueRef("b", "native")]
    listed: list[bool] = []
    real = supervision.recover_dead

    async def recover_and_look(client: Redis, queue: str, worker_id: str, what: str) -> int:
        freed = await real(client, queue, worker_id, what)
        listed.append(worker_id in [worker.id for worker in (await read_fleet(redis)).workers])
        return freed

    monkeypatch.setitem(supervision._RECOVERIES, "native", recover_and_look)  # type: ignore[arg-type]
    await beat_fleet(redis, GONE, 60_000, b"{}")
    recoveries = Recoverer(RecoveryLog())
    recoveries.start(Ready(GONE, queues, 600.0, 20.0), "killed", open_redis(redis_url))
    await recoveries.finish()
    assert listed == [True, True]
    assert (await read_fleet(redis)).workers == []


async def test_what_does_not_get_through_is_left_to_the_leases(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recoveries = Recoverer(RecoveryLog())
    recoveries.start(dead(lease_s=0.5), "killed", open_redis(f"unix://{tmp_path}/nobody.sock"))
    await recoveries.finish()
    assert caplog.text.count("cannot return the jobs") == 1  # told once, though it was tried again
    assert "they run again when their leases expire" in caplog.text


async def test_the_end_does_not_wait_for_it_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recoverer, "AT_EXIT_S", 0.1)
    recoveries = Recoverer(RecoveryLog())
    recoveries.start(dead(), "killed", open_redis(f"unix://{tmp_path}/nobody.sock"))
    async with in_time(10):
        await recoveries.finish()
    assert asyncio.all_tasks() == {asyncio.current_task()}
