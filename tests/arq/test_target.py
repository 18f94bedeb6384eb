"""arq's settings as a target: `monarq worker app.WorkerSettings` for an application that knows nothing of monarq."""

from __future__ import annotations

import asyncio
import logging
import sys
from types import SimpleNamespace
from typing import Any

import arq
import pytest
from arq.jobs import Job
from redis.asyncio import Redis

from monarq import Listener, Run
from monarq.arq import ArqRedis
from monarq.arq.lifecycle.health_check import HealthCheckWriter
from monarq.shared.errors import TargetError
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from monarq.targets import load_target
from monarq.workers.cron.scheduler import CronScheduler
from monarq.workers.events.dispatcher import Dispatcher
from tests.arq import jobs
from tests.arq.workers import burst
from tests.support.slowness import in_time, patience_s

TARGET = "tests.arq.app.WorkerSettings"
SETTINGS_DICT = {"functions": [jobs.add], "max_jobs": 3}
SETTINGS_OBJECT = SimpleNamespace(**SETTINGS_DICT)


async def seen(redis: Redis) -> dict[str, int]:
    return {name.decode(): int(times) for name, times in (await redis.hgetall("test:seen")).items()}


async def test_a_target_of_arqs_runs_with_all_that_belongs_to_it(
    redis: Redis, redis_url: str, stock: arq.ArqRedis
) -> None:
    loaded = load_target(TARGET, redis_url, {"concurrency": 7})
    assert isinstance(loaded.events, Dispatcher)
    assert [type(part) for part in loaded.background] == [HealthCheckWriter, CronScheduler]
    assert loaded.settings.concurrency == 7
    made = await stock.enqueue_job("parent", 5)
    assert made is not None
    worker = loaded.worker()
    async with in_time(20):
        await worker.run()
    child = await made.result(timeout=patience_s(5))
    assert await Job(child, stock).result(timeout=patience_s(5)) == 105
    assert await seen(redis) == {"startup": 1, "at_start": 1, "shutdown": 100}
    assert await redis.zcard(DEFAULT_QUEUE) == 0
    assert await redis.exists("arq:queue:health-check") == 0
    await redis.delete("test:seen")


class Empty:
    """Its functions are misspelled, say."""


def test_settings_without_a_job_are_refused_before_a_worker_could_fail_those_that_wait(redis_url: str) -> None:
    with pytest.raises(TargetError, match=r"Empty names no jobs: at least one function or cron_job must be registered"):
        load_target("tests.arq.test_target.Empty", redis_url, {})


@pytest.mark.parametrize("name", ["SETTINGS_OBJECT", "SETTINGS_DICT"])
def test_settings_may_be_held_by_an_object_too(redis_url: str, name: str) -> None:
    loaded = load_target(f"tests.arq.test_target.{name}", redis_url, {})
    assert loaded.settings.concurrency == 3


def test_a_module_may_hold_them(redis_url: str) -> None:
    loaded = load_target("tests.arq.module_settings", redis_url, {})
    assert (loaded.settings.concurrency, loaded.settings.one_process) == (3, True)


async def test_the_command_runs_it_too(redis: Redis, redis_url: str, stock: arq.ArqRedis) -> None:
    made = await stock.enqueue_job("parent", 5)
    assert made is not None
    command: list[Any] = [sys.executable, "-m", "monarq", "worker", TARGET, "--redis", redis_url, "--burst"]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with in_time(40):
            shown, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, shown.decode()
    child = await made.result(timeout=patience_s(5))
    assert await Job(child, stock).result(timeout=patience_s(5)) == 105
    assert (await seen(redis))["startup"] >= 1
    assert "Starting worker for 3 functions: add, parent, cron:at_start" in shown.decode()
    assert f"← {made.job_id}:parent ● '{child}'" in shown.decode()
    await redis.delete("test:seen")


async def test_arqs_worker_takes_listeners_beside_its_lines(pool: ArqRedis, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[object] = []

    class Values(Listener):
        def job_succeeded(self, run: Run, value: object) -> None:
            heard.append((run.job_id, value))

    caplog.set_level(logging.INFO)
    await pool.enqueue_job("add", 1, 2, _job_id="three")
    await burst(pool, listeners=[Values()])
    assert heard == [("three", 3)]
    assert any("← three:add ● 3" in record.getMessage() for record in caplog.records)
