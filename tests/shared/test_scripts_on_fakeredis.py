"""The scripts on fakeredis, the last resort of newcomers without a Redis: every row of every table holds there too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from monarq.embedded import EmbeddedRedis
from monarq.embedded.discovery import FORCE_VARIABLE
from monarq.shared.formats.arq.jobs import claim as claiming
from monarq.shared.formats.arq.jobs.claim import Claim, claim
from monarq.shared.formats.arq.jobs.enqueue import enqueue
from monarq.shared.formats.arq.jobs.finish import finish
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.redis.connection import open_redis
from tests.shared.formats.arq import tables
from tests.shared.formats.arq.calls import ending
from tests.shared.formats.arq.rows import Row, check
from tests.support.queue_state import KEYS


@pytest.fixture(scope="module")
def fakeredis_url() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FORCE_VARIABLE, "fakeredis")
        with EmbeddedRedis() as server:
            assert server.kind == "fakeredis"
            yield server.url


@pytest.fixture
async def fakeredis(fakeredis_url: str) -> AsyncIterator[Redis]:
    client = open_redis(fakeredis_url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.mark.parametrize("row", tables.ENQUEUE + tables.OTHERS, ids=str)
async def test_a_row(row: Row, fakeredis: Redis) -> None:
    await check(row, fakeredis)


async def test_full_batches(fakeredis: Redis) -> None:
    ids = [f"{number:04}" for number in range(claiming.BATCH)]
    jobs = [(job_id, b"payload") for job_id in ids]
    assert await enqueue(fakeredis, KEYS, Placement(), EnqueueMode.NEW, jobs) == [Enqueued.ADDED] * len(ids)
    claimed = await claim(fakeredis, KEYS, Claim("w1", "t1", "io", 15_000, claiming.BATCH, 100))
    assert [lease.job_id for lease in claimed.leases] == ids
    assert await finish(fakeredis, KEYS, "w1", [ending(job_id) for job_id in ids], 100) == []
    assert await fakeredis.zcard(KEYS.queue) == 0
