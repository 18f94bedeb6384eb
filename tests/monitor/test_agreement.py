"""After a run with a killed worker, stats, metrics, page and series agree with what was run, to the job."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any, Final

import pytest
from redis.asyncio import Redis

from monarq.monitor.queues.counters import COUNTS
from monarq.producer import Producer
from tests.cli.command import monarq
from tests.monitor import agreement_jobs as jobs
from tests.monitor.metrics.test_prometheus import scrape, value
from tests.support.formats import OF_ARQ, current_name
from tests.support.pool import pool
from tests.support.queues import ARQ_QUEUE
from tests.support.slowness import in_time

pytestmark = OF_ARQ

ENQUEUED: Final = {"agree_done": 400, "agree_failed": 30, "agree_again": 40, "agree_cpu": 50}
ENDS_OF_RUNS: Final = ("succeeded", "failed", "cancelled", "retried", "handed_back", "crashed", "lost")
TOLD_BY_BOTH: Final = ("enqueued", *ENDS_OF_RUNS)


async def told(url: str) -> dict[str, Any]:
    """What `monarq stats --json` tells of the only queue."""
    ended = await monarq("stats", "--json", "--window", "all", url=url)
    [queue] = json.loads(ended.out)["queues"]
    return dict(queue)


async def enqueue_all(url: str, killed: Path) -> list[str]:
    """The ids of the jobs that are retried."""
    async with Producer(url, queue=current_name()) as producer:
        again = await producer.enqueue_many(jobs.again, [(str(killed),)] * ENQUEUED["agree_again"])
        await producer.enqueue_many(jobs.done, [(str(killed),)] * ENQUEUED["agree_done"])
        await producer.enqueue_many(jobs.failed, [()] * ENQUEUED["agree_failed"])
        await producer.enqueue_many(jobs.count, [(1000,)] * ENQUEUED["agree_cpu"])
    return [handle.job_id for handle in again]


async def kill_one_that_runs_jobs(redis: Redis, again: list[str]) -> None:
    """Ends a worker, with SIGKILL, in the middle of its jobs, some of which are retried later; they wait for that."""
    async with in_time(20):
        while True:
            for leases in await redis.keys("monarq:{arq:queue}:leases:*"):
                held = set(map(bytes.decode, await redis.hkeys(leases)))
                if len(held) >= 20 and held.intersection(again):
                    os.kill(int(leases.split(b":")[-2]), signal.SIGKILL)
                    return
            await asyncio.sleep(0.01)


async def until_all_is_over(redis: Redis) -> None:
    async with in_time(60):
        while await redis.zcard("arq:queue"):
            await asyncio.sleep(0.1)


@pytest.mark.timeout(120)
async def test_a_run_with_a_kill(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    async with pool("tests.monitor.agreement_jobs", url=redis_url):
        again = await enqueue_all(redis_url, tmp_path / "killed")
        await kill_one_that_runs_jobs(redis, again)
        (tmp_path / "killed").touch()
        await until_all_is_over(redis)
    queue = await told(redis_url)
    assert [queue[name] for name in ("queued", "deferred", "running", "dead")] == [0, 0, 0, 30]
    assert_counts(queue, enqueued=520, succeeded=490, failed=30, cancelled=0, retried=80, lost=0)
    assert queue["crashed"] >= 20
    by_name = {each["name"]: each for each in queue["jobs"]}
    assert set(by_name) == set(ENQUEUED)
    for name, each in by_name.items():
        failures = ENQUEUED[name] if name == "agree_failed" else 0
        retries = 2 * ENQUEUED[name] if name == "agree_again" else 0
        done = ENQUEUED[name] - failures
        assert_counts(each, enqueued=ENQUEUED[name], succeeded=done, failed=failures, dead=failures, retried=retries)
    assert sum(each["crashed"] for each in by_name.values()) == queue["crashed"]
    assert len(queue["failures"]) == 10
    await assert_metrics_say_the_same(redis, queue, by_name)


def assert_counts(told: dict[str, Any], **counts: int) -> None:
    assert {name: told[name] for name in counts} == counts


async def assert_metrics_say_the_same(redis: Redis, queue: dict[str, Any], by_name: dict[str, Any]) -> None:
    samples = await scrape(redis)
    events = {name: value(samples, "monarq_queue_events_total", queue=ARQ_QUEUE, state=name) for name in COUNTS}
    for name in TOLD_BY_BOTH:
        assert events[name] == queue[name], name
    # Every run that began came to one end.
    assert events["started"] == sum(int(queue[name]) for name in ENDS_OF_RUNS)
    for job, each in by_name.items():
        for name in ("enqueued", "succeeded", "failed", "retried", "dead", "crashed"):
            assert value(samples, "monarq_jobs_total", queue=ARQ_QUEUE, job=job, state=name) == each[name], (
                job,
                name,
            )
