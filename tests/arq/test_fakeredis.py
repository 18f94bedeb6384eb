"""Tests as arq's users write them, on fakeredis: each of the ways in which a fixture makes the client."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fakeredis import FakeServer, aioredis
from redis.asyncio import ConnectionPool

from monarq.arq import ArqRedis, Worker
from monarq.arq.jobs import JobStatus
from tests.arq import jobs
from tests.support.slowness import patience_s


def of_a_fake_client() -> ArqRedis:
    return ArqRedis(aioredis.FakeRedis(server=FakeServer()).connection_pool)


def of_fake_connections() -> ArqRedis:
    """fakeredis has a function by this name, where redis-py has a class."""
    return ArqRedis(pool_or_conn=ConnectionPool(connection_class=aioredis.FakeConnection, server=FakeServer()))


def of_both_classes() -> ArqRedis:
    class FakeArqRedis(ArqRedis, aioredis.FakeRedis):
        pass

    return FakeArqRedis(server=FakeServer())


@pytest.mark.filterwarnings("ignore:FakeConnection is deprecated:DeprecationWarning")
@pytest.mark.parametrize("make", [of_a_fake_client, of_fake_connections, of_both_classes])
async def test_a_worker_runs_what_such_a_client_enqueues(make: Callable[[], ArqRedis]) -> None:
    redis = make()
    made = await redis.enqueue_job("add", 1, 2)
    assert made is not None
    assert await made.status() is JobStatus.queued
    worker = Worker([jobs.add], redis_pool=redis, burst=True, handle_signals=False, poll_delay=0.01)
    assert await worker.run_check() == 1
    assert await made.result(timeout=patience_s(5)) == 3
    await worker.close()
