"""`monarq stats`, as a process."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.embedded import EmbeddedRedis
from monarq.monitor.queues.stats import QueueStats, WorkerStats
from monarq.producer import Producer
from monarq.shared.formats.native.workers.fleet import register_queues
from monarq.shared.protocol.queue_ref import QueueRef
from tests.cli.command import Cli, Ended, end, heard, listed, monarq, start, worker
from tests.support.slowness import in_time, patience_s


async def read_line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    async with in_time(10):
        told: dict[str, Any] = json.loads(await process.stdout.readline())
    return told


async def stop(process: asyncio.subprocess.Process) -> Ended:
    process.send_signal(signal.SIGINT)
    return await end(process)


async def test_names_that_programs_rely_on(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    async with Producer(redis_url) as producer, worker(redis_url):
        assert await (await producer.enqueue("double", 2)).result(patience_s(10)) == 4
        await listed(redis)
        ended = await cli_here("stats", "--json")
    [queue] = json.loads(ended.out)["queues"]
    assert set(queue) == {
        *("queue", "format", "queued", "deferred", "running", "dead", "enqueued", "succeeded", "failed", "retried"),
        *("crashed", "cancelled", "handed_back", "lost"),
        *("jobs_per_s", "oldest_s", "health_check", "workers", "paused", "queued_cpu"),
        *("enqueued_per_s", "wait", "run", "arq", "jobs", "series", "failures", "unknown_jobs"),
    }
    assert set(queue) >= set(QueueStats.__dataclass_fields__)
    [told] = queue["workers"]
    assert set(told) == {
        *(
            "worker_id",
            "host",
            "pid",
            "version",
            "concurrency",
            "running",
            "uptime_s",
            "succeeded",
            "failed",
            "cancelled",
            "retried",
        ),
        *("draining", "alive", "queues", "cpu_percent", "memory_bytes", "loop_lag_s", "restarts", "running_jobs"),
        *("abandoned_threads", "cpu_places", "cpu_running"),
    }
    assert set(told) == set(WorkerStats.__dataclass_fields__)
    assert (queue["enqueued"], queue["succeeded"], told["alive"]) == (1, 1, True)


async def test_help_names_every_field(cli_here: Cli) -> None:
    shown = (await cli_here("stats", "--help")).out
    for field in (*QueueStats.__dataclass_fields__, *WorkerStats.__dataclass_fields__):
        assert field in shown
    assert "\nVerdict:\n" in shown


async def test_all_known_queues_or_those_that_are_named(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    async with worker(redis_url, "tests.cli.target", "-q", "emails"):
        await listed(redis, QueueRef("emails", "native"))
        known = json.loads((await cli_here("stats", "--json")).out)["queues"]
        assert [queue["queue"] for queue in known] == ["emails"]
        await register_queues(redis, ["a", "b"])
        named = json.loads((await cli_here("stats", "--json", "-q", "b", "-q", "a")).out)["queues"]
        assert [queue["queue"] for queue in named] == ["b", "a"]


async def test_in_a_pipe_it_is_plain_text_and_nothing_is_cut(redis: Redis, redis_url: str) -> None:
    queue = "a-queue-with-a-very-long-name-" * 3
    await register_queues(redis, [queue])
    ended = await monarq("stats", "-q", queue, url=redis_url)
    assert (ended.code, ended.err) == (0, "")
    assert "\x1b" not in ended.out
    assert queue in ended.out


async def test_a_watch_outlives_its_redis() -> None:
    with EmbeddedRedis(port=0) as server:
        url, port = server.url, int(server.url.rsplit(":", 1)[1].partition("/")[0])
        process = await start("stats", "--watch", "--json", url=url)
        assert (await read_line(process))["queues"][0]["queued"] == 0
    await heard(process, "cannot be reached")
    with EmbeddedRedis(port=port):
        assert (await read_line(process))["queues"][0]["queued"] == 0
        ended = await stop(process)
    assert ended.code == 0
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("as_json", [(), ("--json",)], ids=["text", "json"])
async def test_a_watch_waits_for_a_queue_that_is_not_there(
    redis: Redis, redis_url: str, as_json: tuple[str, ...]
) -> None:
    process = await start("stats", "--watch", "-q", "mail", *as_json, url=redis_url)
    said = await heard(process, "waiting: unknown queue mail")
    await register_queues(redis, ["mail"])
    assert process.stdout is not None
    async with in_time(10):
        shown = await process.stdout.readline()
    assert (json.loads(shown)["queues"][0]["queue"] == "mail") if as_json else (b"no worker" in shown)
    ended = await stop(process)
    assert ended.code == 0
    assert (said + ended.err).count("waiting") == 1, "it says so once"
