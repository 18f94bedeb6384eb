"""The Prometheus metrics, as Prometheus' own parser reads them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from redis.asyncio import Redis

from monarq.monitor.admin.admin import pause, resume
from monarq.monitor.metrics.endpoint import Exporter, read_known
from monarq.monitor.metrics.prometheus import Snapshot, read_snapshot
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.workers.register_names import register_names
from monarq.shared.protocol.queue_ref import QueueRef
from tests.support.formats import OF_ARQ
from tests.support.queues import NATIVE_QUEUE, arq_queue
from tests.support.slowness import in_time
from tests.support.workers import make_worker, put, put_raw, run_burst, running
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def samples_of(text: str) -> Samples:
    """Each sample by its name and labels; none may be told twice."""
    found = [sample for family in parse(text) for sample in family.samples]
    samples = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in found}
    assert len(samples) == len(found)
    return samples


async def scrape(redis: Redis) -> Samples:
    body, content_type = await Exporter(lambda: read_known(redis)).scrape("")
    assert content_type.startswith("text/plain; version=")
    return samples_of(body.decode())


def value(samples: Samples, name: str, queue: QueueRef | None = None, **labels: str) -> float | None:
    of_queue = {} if queue is None else {"queue": queue.name, "format": queue.format}
    return samples.get((name, frozenset((labels | of_queue).items())))


async def test_an_empty_redis(redis: Redis) -> None:
    samples = await scrape(redis)
    assert value(samples, "monarq_redis_up") == 1
    assert value(samples, "monarq_queue_jobs", queue=NATIVE_QUEUE, state="queued") == 0
    assert value(samples, "monarq_queue_oldest_seconds", queue=NATIVE_QUEUE) == 0
    assert value(samples, "monarq_queue_paused", queue=NATIVE_QUEUE) == 0
    assert value(samples, "monarq_workers", queue=NATIVE_QUEUE) == 0


async def test_jobs_are_counted_exactly(redis: Redis, queue: QueueRef, redis_url: str) -> None:
    for number in range(5):
        await put(redis, jobs.plus, 1, number, job_id=f"sum-{number}", queue=queue)
    await put(redis, jobs.break_down, "broken", job_id="bad", queue=queue)
    await put(redis, jobs.retry_once, job_id="again", queue=queue)
    await put(redis, jobs.wait, 0.3, job_id="slow", queue=queue)
    await put_raw(redis, "nonsense", b"\xff", queue=queue)
    await run_burst(redis_url, jobs.ALL, queues=(queue,))
    await put(redis, jobs.plus, 1, 1, job_id="later", delay_ms=60_000, queue=queue)
    await put(redis, jobs.plus, 1, 1, job_id="now", queue=queue)
    samples = await scrape(redis)

    def jobs_total(job: str, state: str) -> float | None:
        return value(samples, "monarq_jobs_total", queue=queue, job=job, state=state)

    def events_total(state: str) -> float | None:
        return value(samples, "monarq_queue_events_total", queue=queue, state=state)

    assert [jobs_total("plus", state) for state in ("succeeded", "failed", "retried", "dead")] == [5, 0, 0, 0]
    assert [jobs_total("break_down", state) for state in ("succeeded", "failed", "dead")] == [0, 1, 1]
    assert [jobs_total("retry_once", state) for state in ("succeeded", "retried")] == [1, 1]
    assert jobs_total("plus", "started") is None
    assert [events_total(state) for state in ("succeeded", "failed", "dead", "retried", "lost")] == [7, 2, 2, 1, 0]
    assert value(samples, "monarq_queue_jobs", queue=queue, state="queued") == 1
    assert value(samples, "monarq_queue_jobs", queue=queue, state="deferred") == 1
    assert value(samples, "monarq_queue_jobs", queue=queue, state="dead") == 2
    ran: dict[str, Any] = {"queue": queue, "job": "wait"}
    assert value(samples, "monarq_job_run_seconds_count", **ran) == 1
    assert 0.29 <= (value(samples, "monarq_job_run_seconds_sum", **ran) or 0) < 3
    assert value(samples, "monarq_job_run_seconds_bucket", **ran, le="0.128") == 0
    assert value(samples, "monarq_job_run_seconds_bucket", **ran, le="4.096") == 1
    assert value(samples, "monarq_job_run_seconds_bucket", **ran, le="+Inf") == 1
    assert value(samples, "monarq_job_wait_seconds_count", **ran) == 1


async def test_workers(redis: Redis, queue: QueueRef, redis_url: str) -> None:
    worker = make_worker(redis_url, jobs.ALL, concurrency=7, queues=(queue,))
    async with running(worker), in_time(10):
        while value(samples := await scrape(redis), "monarq_workers", queue=queue) != 1:
            await asyncio.sleep(0.05)
    labels = {"worker": worker.worker_id, "host": worker.worker_id.split(":")[0]}
    assert value(samples, "monarq_worker_up", **labels) == 1
    assert value(samples, "monarq_worker_concurrency", **labels) == 7
    assert (value(samples, "monarq_worker_memory_bytes", **labels) or 0) > 20 * 2**20
    assert value(samples, "monarq_worker_loop_lag_seconds", **labels) is not None


@pytest.mark.parametrize("name", ['a "quoted" \\ name', "two\nlines", "ünïcode ✓", "{le=1}", "#x y 1", "<script>"])
async def test_names_with_any_characters(redis: Redis, name: str) -> None:
    queue = QueueKeys.of('q"\\\n')
    await register_names(redis, queue, [name])
    await put(redis, name, job_id="named", queue=queue, name=name)
    snapshot = await read_snapshot(redis, [arq_queue('q"\\\n')])
    for accept, parser in (("", parse), ("application/openmetrics-text; version=1.0.0", parse_openmetrics)):
        body, _ = await Exporter(lambda: asyncio.sleep(0, snapshot)).scrape(accept)
        [told] = [
            sample
            for family in parser(body.decode())
            for sample in family.samples
            if sample.name == "monarq_jobs_total" and sample.labels["state"] == "enqueued"
        ]
        assert (told.labels["queue"], told.labels["job"], told.value) == ('q"\\\n', name, 1)


async def test_a_paused_queue(redis: Redis, queue: QueueRef) -> None:
    await put(redis, jobs.plus, 1, 1, job_id="now", queue=queue)
    await pause(redis, queue)
    assert value(await scrape(redis), "monarq_queue_paused", queue=queue) == 1
    await resume(redis, queue)
    assert value(await scrape(redis), "monarq_queue_paused", queue=queue) == 0


async def test_a_redis_that_is_away(tmp_path: Path) -> None:
    redis = Redis.from_url(f"unix://{tmp_path}/nobody.sock")
    samples = await scrape(redis)
    assert value(samples, "monarq_redis_up") == 0
    assert {name for name, _ in samples} == {"monarq_redis_up", "monarq_build_info"}
    await redis.aclose()


async def test_a_redis_that_is_not_known_yet() -> None:
    body, _ = await Exporter(lambda: asyncio.sleep(0, None)).scrape("")
    assert {name for name, _ in samples_of(body.decode())} == {"monarq_build_info"}


async def test_simultaneous_scrapes_read_once(redis: Redis) -> None:
    reads = 0

    async def read() -> Snapshot:
        nonlocal reads
        reads += 1
        await asyncio.sleep(0.05)
        return Snapshot()

    exporter = Exporter(read)
    bodies = await asyncio.gather(*(exporter.scrape("") for _ in range(20)))
    assert reads == 1
    assert len(set(bodies)) == 1
