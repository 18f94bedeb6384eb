"""`monarq worker --metrics-port`; all numbers agree with what was run, to the job, where a worker was killed."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.cli.worker.ports import url_of
from monarq.monitor.queues.stats import read_stats
from monarq.producer import Producer
from monarq.shared.formats.choice.monitors import read_workers
from tests.cli.command import Cli, heard, start, stop, until
from tests.cli.worker.http_pool import HttpPool, http_pool
from tests.monitor.metrics.test_prometheus import Samples, samples_of, value
from tests.support.formats import count_waiting
from tests.support.queues import NATIVE_QUEUE
from tests.support.slowness import in_time

ONE_PORT = ("--health-port", "0", "--metrics-port", "0")
WAITS, FAILS, SQUARES = 300, 40, 30


async def scrape(pool: HttpPool) -> Samples:
    answer = await pool.get("/metrics")
    assert answer.status_code == 200
    return samples_of(answer.text)


async def settled(pool: HttpPool) -> Samples:
    """The metrics once no job is left."""
    async with in_time(20):
        while True:
            samples = await scrape(pool)
            left = [
                value(samples, "monarq_queue_jobs", queue=NATIVE_QUEUE, state=state) for state in ("queued", "running")
            ]
            if left == [0, 0]:
                return samples
            await asyncio.sleep(0.2)


def total(samples: Samples, job: str, state: str) -> float | None:
    return value(samples, "monarq_jobs_total", queue=NATIVE_QUEUE, job=job, state=state)


async def test_all_numbers_agree_after_a_kill(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    async with http_pool(redis_url, "-c", "10", workers=2, ports=("--metrics-port", "0")) as pool:
        await until(partial(both_are_there, redis))
        async with Producer(redis_url) as producer:
            await producer.enqueue_many("wait_ms", [(100,) for _ in range(WAITS)])
            await producer.enqueue_many("fail_saying", [("no",) for _ in range(FAILS)])
            await producer.enqueue_many("square", [(n,) for n in range(SQUARES)])
        await kill_a_worker_midway(redis)
        samples = await settled(pool)
        [stats] = json.loads((await cli_here("stats", "--json")).out)["queues"]

    def events(state: str) -> float:
        return value(samples, "monarq_queue_events_total", queue=NATIVE_QUEUE, state=state) or 0

    everything = WAITS + FAILS + SQUARES
    assert [total(samples, job, "enqueued") for job in ("wait_ms", "fail_saying", "square")] == [WAITS, FAILS, SQUARES]
    assert [total(samples, job, "succeeded") for job in ("wait_ms", "fail_saying", "square")] == [WAITS, 0, SQUARES]
    assert [total(samples, job, "failed") for job in ("wait_ms", "fail_saying", "square")] == [0, FAILS, 0]
    assert (events("enqueued"), events("succeeded"), events("failed")) == (everything, WAITS + SQUARES, FAILS)
    for state in ("enqueued", "succeeded", "failed", "retried", "crashed", "lost", "cancelled", "handed_back"):
        assert events(state) == stats[state]
    assert events("crashed") >= 1  # what the dead worker held ran again
    assert events("crashed") == sum(total(samples, job, "crashed") or 0 for job in ("wait_ms", "fail_saying", "square"))
    ran = ("succeeded", "failed", "cancelled", "retried", "handed_back", "crashed", "lost")
    assert events("started") == sum(map(events, ran))
    assert value(samples, "monarq_queue_jobs", queue=NATIVE_QUEUE, state="dead") == stats["dead"] == FAILS
    for job, count in (("wait_ms", WAITS), ("fail_saying", FAILS), ("square", SQUARES)):
        for histogram in ("run", "wait"):
            assert value(samples, f"monarq_job_{histogram}_seconds_count", queue=NATIVE_QUEUE, job=job) == count
    assert value(samples, "monarq_pool_restarts_total") == 1
    assert await count_waiting(redis, NATIVE_QUEUE) == 0


async def both_are_there(redis: Redis) -> bool:
    return len((await read_workers(redis, [NATIVE_QUEUE]))[NATIVE_QUEUE]) == 2


async def kill_a_worker_midway(redis: Redis) -> None:
    async with in_time(20):
        while True:
            [stats] = await read_stats(redis, [NATIVE_QUEUE])
            held: dict[str, Any] = {worker.worker_id: worker.pid for worker in stats.workers}
            if stats.succeeded >= 40 and stats.running > 10 and len(held) == 2:
                os.kill(min(held.values()), signal.SIGKILL)
                return
            await asyncio.sleep(0.005)


async def test_one_port_for_both(redis: Redis, redis_url: str) -> None:
    async with http_pool(redis_url, ports=ONE_PORT) as pool:
        await pool.until("/readyz", 200)
        async with in_time(10):
            while value(await scrape(pool), "monarq_redis_up") != 1:
                await asyncio.sleep(0.1)
        samples = await scrape(pool)
        assert value(samples, "monarq_pool_workers", phase="ready") == 1
        assert value(samples, "monarq_pool_draining") == 0
        assert (await pool.get("/nothing")).status_code == 404


async def test_the_whole_addresses_are_said(redis_url: str) -> None:
    process = await start("worker", "tests.cli.target", "-w", "1", *ONE_PORT, url=redis_url)
    said = await heard(process, "serving http://")
    await stop(process)
    urls = re.findall(r"http://\S+?(?=,|$)", said, re.MULTILINE)
    [base] = {url.rpartition("/")[0] for url in urls}
    assert urls == [f"{base}/livez", f"{base}/readyz", f"{base}/metrics"]


@pytest.mark.parametrize(
    ("bound", "host"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", socket.gethostname())], ids=["one", "all"]
)
def test_where_it_listens_on_all_addresses_the_host_is_named(bound: str, host: str) -> None:
    with socket.create_server((bound, 0)) as listener:
        assert url_of(listener) == f"http://{host}:{listener.getsockname()[1]}"
