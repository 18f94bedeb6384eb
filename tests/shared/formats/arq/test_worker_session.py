"""A worker's queues in arq's format together: lost leases and aborts are told by the lease."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import redis as blocking_redis
from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq import worker_session
from monarq.shared.formats.arq.jobs.cancel import cancel
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.payloads.codec import Codecs
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.lease import Lease
from monarq.workers.leases.table import LeaseTable
from tests.support.formats import OF_ARQ
from tests.support.queues import session_of
from tests.support.workers import QUEUE, put

pytestmark = OF_ARQ

WORKER = "host:1:session"
OTHER = QueueKeys.of("other")


async def claimed(redis: Redis, *job_ids: str) -> list[Lease]:
    for job_id in job_ids:
        await put(redis, "plus", 1, 2, job_id=job_id)
    [queue] = session_of(QUEUE, worker_id=WORKER).queues
    return (await queue.claim(redis, "io", len(job_ids))).leases


async def test_a_lost_lease_is_told_though_a_later_queue_fails(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, taken = await claimed(redis, "kept", "taken")
    await redis.set(names.in_progress("taken"), "somebody else", px=60_000)
    table = LeaseTable([QUEUE.ref, OTHER.ref])
    for lease in (kept, taken):
        table.add(lease)
    lost: list[list[Lease]] = []
    real = worker_session.renew

    def renew(client: Any, keys: QueueKeys, *asked: Any) -> list[bytes]:
        if keys == OTHER:
            raise ConnectionResetError(104, "reset")
        return real(client, keys, *asked)

    monkeypatch.setattr(worker_session, "renew", renew)

    def renew_all() -> None:
        with blocking_redis.Redis.from_url(redis_url) as client:
            session_of(QUEUE, OTHER, worker_id=WORKER, table=table).renew(client, b"{}", lost.append)

    with pytest.raises(ConnectionResetError):
        await asyncio.to_thread(renew_all)
    assert lost == [[taken]]
    await redis.flushall()


@pytest.mark.parametrize("asked", [[], ["a"], ["a", "c"]], ids=["none", "one", "two"])
async def test_the_running_jobs_that_are_to_be_aborted(redis: Redis, asked: list[str]) -> None:
    leases = await claimed(redis, "a", "b", "c")
    for job_id in asked:
        await cancel(redis, QUEUE, job_id)
    running = [(lease, Payload.read(lease.payload, Codecs())) for lease in leases if isinstance(lease.payload, bytes)]
    found = await session_of(QUEUE, worker_id=WORKER).find_cancels(redis, running)
    assert [lease.job_id for lease in found] == asked
    await redis.flushall()
