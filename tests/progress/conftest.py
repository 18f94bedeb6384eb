"""A producer, and a worker in the test's own process."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from monarq.producer import Producer
from monarq.shared.protocol.queue_ref import Format
from monarq.workers.process.worker import Worker
from tests.progress import jobs
from tests.support.formats import current_name
from tests.support.workers import make_worker, running


@pytest.fixture
async def producer(redis_url: str, queue_format: Format) -> AsyncIterator[Producer]:
    async with Producer(redis_url, queue=current_name()) as made:
        yield made


@pytest.fixture
async def worker(redis_url: str, queue_format: Format) -> AsyncIterator[Worker]:
    # A lease that a busy machine does not let run out: a job that ran twice would count from 1 again.
    async with running(make_worker(redis_url, jobs.ALL, lease_s=30.0)) as made:
        yield made
