"""`monarq doctor` about queues: it names the jobs that no worker knows, and says what to do."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq import job
from monarq.monitor.queues.series import read_unknown_jobs
from monarq.shared.protocol.queue_ref import QueueRef
from tests.cli.command import Cli
from tests.support.queues import BOTH_FORMATS
from tests.support.slowness import in_time
from tests.support.workers import Recorder, make_worker, put, running


@job(name="known-to-the-worker")
async def known() -> None: ...


async def of_queues(cli_here: Cli, *args: str) -> list[dict[str, Any]]:
    ended = await cli_here("doctor", *args, "--json")
    assert ended.code == 0
    return [finding for finding in json.loads(ended.out)["findings"] if finding["section"] == "queues"]


@pytest.mark.parametrize("queue", BOTH_FORMATS, ids=lambda queue: queue.format)
async def test_jobs_that_no_worker_knows_are_a_warning(
    redis: Redis, redis_url: str, cli_here: Cli, queue: QueueRef
) -> None:
    [well] = await of_queues(cli_here)
    assert (well["subject"], well["level"]) == ("unknown jobs", "ok")
    is_named = queue.format == "native"
    async with running(make_worker(redis_url, [known], Recorder(), queues=(queue,))):
        await put(redis, "duoble", 1, job_id="a", queue=queue)
        await _until_unknown(redis, queue, 1)
        [found] = await of_queues(cli_here, "tests.cli.target")
        assert found["level"] == "warning"
        shown = "'duoble'" if is_named else "jobs whose names only the workers' logs tell"
        assert found["found"] == f"{queue.label}: no worker knows {shown}; these jobs wait for a worker that does"
        assert found["advice"].startswith("start or redeploy a worker whose module has these jobs before they become")
        assert found["advice"].endswith("; did you mean 'double'?") is is_named
        [found] = await of_queues(cli_here)
        assert found["advice"].endswith("or correct their names where they are enqueued")

        if is_named:
            await put(redis, "double", 1, job_id="b", queue=queue)
            await _until_unknown(redis, queue, 2)
            [found] = await of_queues(cli_here, "tests.cli.target")
            assert "no worker knows 'double', 'duoble';" in found["found"]
            assert found["advice"] == (
                "'double' is a job of tests.cli.target: start it, or restart its workers: monarq worker"
                f" tests.cli.target -q {queue.name}"
            )


async def _until_unknown(redis: Redis, queue: QueueRef, count: int) -> None:
    async with in_time(30):
        while len(await read_unknown_jobs(redis, queue)) < count:
            await asyncio.sleep(0.05)
