"""`monarq worker`, as a process that runs real worker processes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from asyncio.subprocess import PIPE
from contextlib import suppress
from pathlib import Path

import pytest
from arq import create_pool
from arq.connections import RedisSettings
from redis.asyncio import Redis

from monarq.monitor.queues.stats import read_stats
from monarq.producer import Producer
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.version import VERSION
from monarq.workers.system.cores import usable_cores
from tests.cli.command import STARTED, Cli, heard, listed, monarq, start, stop, until, worker
from tests.cli.conftest import NOWHERE
from tests.support.command import ROOT, start_monarq
from tests.support.queues import NATIVE_QUEUE, arq_queue
from tests.support.slowness import in_time, patience_s


async def test_it_says_what_it_runs_and_its_options_reach_the_workers(redis: Redis, redis_url: str) -> None:
    process = await start(
        "worker",
        "tests.cli.target",
        "-w",
        "2",
        "-q",
        "high",
        "-q",
        "low",
        "-c",
        "7",
        "--grace",
        "3s",
        url=redis_url,
    )
    said = await heard(process, "serving")
    assert said.startswith(f"monarq {VERSION}: tests.cli.target\n")
    assert f"\nmonarq: 2 workers, serving high, low, Redis at {redis_url}, 7 jobs at once in each" in said

    async def both_are_listed() -> bool:
        [high] = await read_stats(redis, [QueueRef("high", "native")])
        return [(told.concurrency, told.queues) for told in high.workers] == [(7, ("high", "low"))] * 2

    await until(both_are_listed)
    assert (await stop(process)).code == 0


async def test_the_banner_comes_before_the_lines_of_the_first_worker(redis: Redis, redis_url: str) -> None:
    process = await start("worker", "tests.cli.target", url=redis_url)
    said = (await heard(process, "Ctrl-C ends it")).splitlines()
    assert said[0] == f"monarq {VERSION}: tests.cli.target"
    cores = usable_cores()
    assert said[-1].startswith(f"monarq: {cores} worker{'' if cores == 1 else 's'}, serving default, Redis at ")
    assert (await stop(process)).code == 0


async def test_a_burst_of_jobs_of_all_lanes_logged_one_by_one(redis: Redis, redis_url: str) -> None:
    async with Producer(redis_url) as producer:
        handles = [await producer.enqueue("double", 4), await producer.enqueue("square", 5)]
        ended = await monarq("worker", "tests.cli.target", "-w", "1", "--burst", "-v", url=redis_url)
        assert ended.code == 0
        assert f"{handles[0].job_id}:double" in ended.err
        assert [await handle.result(patience_s(5)) for handle in handles] == [8, 25]


async def test_an_embedded_redis_lives_as_long_as_the_worker() -> None:
    process = await start("worker", "tests.cli.target", "-w", "1", "--redis", "embedded", url=NOWHERE)
    said = await heard(process, "serving")
    assert re.search("ends: (redis|valkey)-server ", said)
    assert "Redis at unix://" in said
    assert (await stop(process)).code == 0


async def test_pyproject_may_ask_for_an_embedded_redis(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.monarq]\nredis = "embedded"\n')
    (tmp_path / "jobs.py").write_text(
        "from monarq import Producer, job\n\n\n@job\nasync def ask() -> None:\n"
        "    async with Producer() as producer:\n        await producer.enqueue('unknown')\n    print('reached')\n"
    )
    env = {"REDIS_URL": NOWHERE, "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    process = await start_monarq("worker", "jobs", "-w", "1", url="", env=env, cwd=tmp_path, stdout=PIPE, stderr=PIPE)
    STARTED.append(process)
    said = await heard(process, "serving")
    assert "embedded Redis, which is stopped when this command ends" in said
    assert process.stdout is not None
    url = said.rpartition("Redis at ")[2].partition(";")[0]
    async with Producer(url) as producer, in_time(30):
        await producer.enqueue("ask")
        assert await process.stdout.readline() == b"reached\n", "by a job's own producer"
    assert (await stop(process)).code == 0


async def test_settings_as_arq_has_them(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    async with worker(redis_url, "tests.cli.worker.arq_settings.WorkerSettings", "--redis", redis_url):
        client = await create_pool(RedisSettings(unix_socket_path=redis_url.removeprefix("unix://")))
        job = await client.enqueue_job("greet", "Ann", _queue_name="arq:greetings")
        assert job is not None
        assert await job.result(timeout=patience_s(10)) == "hello Ann"
        await client.aclose()
        await listed(redis, arq_queue("arq:greetings"))
        check = await cli_here("worker", "tests.cli.worker.arq_settings:WorkerSettings", "--check")
        assert (check.code, "arq:greetings" in check.err) == (0, True)


@pytest.mark.parametrize("target", ["tests.cli.target", "tests.cli.worker.arq_settings:WorkerSettings"])
async def test_check_sees_within_a_lease_that_a_worker_was_killed(
    redis: Redis, redis_url: str, cli_here: Cli, target: str
) -> None:
    process = await start("worker", target, "-w", "1", "--lease", "2", "--redis", redis_url, url=redis_url)
    await heard(process, "serving")
    queue = arq_queue("arq:greetings") if "arq_settings" in target else NATIVE_QUEUE
    await listed(redis, queue)
    [stats] = await read_stats(redis, [queue])
    assert (await cli_here("worker", target, "--check")).code == 0
    os.kill(stats.workers[0].pid, signal.SIGSTOP)  # so that it cannot take its leave when its supervisor dies
    process.kill()
    os.kill(stats.workers[0].pid, signal.SIGKILL)

    async def none_is_alive() -> bool:
        [left] = await read_stats(redis, [queue])
        return left.health_check is None and not any(worker.alive for worker in left.workers)

    async with in_time(10):
        await until(none_is_alive)
    dead = await cli_here("worker", target, "--check")
    assert (dead.code, "no live worker" in dead.err) == (1, True)


async def test_check_shows_whether_a_worker_is_alive(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    nobody = await cli_here("worker", "tests.cli.target", "--check")
    assert (nobody.code, nobody.out) == (1, "")
    assert nobody.err.startswith("monarq: default: no live worker")

    await redis.set(f"{DEFAULT_QUEUE}:health-check", "j_complete=3", ex=60)
    arqs = await cli_here("worker", "tests.cli.target", "--check", "--arq-queue", DEFAULT_QUEUE)
    assert (arqs.code, arqs.err) == (0, "monarq: arq:queue: j_complete=3\n")

    async with worker(redis_url):
        await listed(redis)
        alive = await cli_here("worker", "tests.cli.target", "--check")
        assert (alive.code, alive.err) == (0, "monarq: default: 1 worker alive\n")
        other = await cli_here("worker", "tests.cli.target", "--check", "-q", "default", "-q", "other")
        assert other.code == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["no.such.module"], "there is no module 'no'"),
        (["tests.cli.command"], "contains no jobs"),
        (["tests.cli.target", "--redis", NOWHERE, "--redis-wait", "0s"], f"Redis at {NOWHERE} cannot be reached"),
    ],
)
async def test_workers_that_cannot_start_say_why_in_one_line(redis_url: str, args: list[str], words: str) -> None:
    workers = "2" if args == ["no.such.module"] else "1"
    ended = await monarq("worker", *args, "-w", workers, url=redis_url)
    assert (ended.code, ended.out) == (2, "")
    banner, told = ended.err.splitlines()
    assert banner == f"monarq {VERSION}: {args[0]}"
    assert told.startswith("monarq: ")
    assert words in told


async def test_the_log_as_json(redis: Redis, redis_url: str) -> None:
    async with Producer(redis_url) as producer:
        await producer.enqueue("fail_saying", "of course")
        await producer.enqueue("double", 1)
    ended = await monarq("worker", "tests.cli.target", "-w", "1", "--burst", "--log-format", "json", url=redis_url)
    assert ":double" not in ended.err  # that would be a line a job
    lines = [json.loads(line) for line in ended.err.splitlines() if not line.startswith("monarq")]
    [error] = [line for line in lines if line["level"] == "error"]
    assert "ValueError: of course" in error["message"]
    assert "Traceback" in error["traceback"]


async def test_a_log_dict_of_ones_own(redis: Redis, redis_url: str) -> None:
    ended = await monarq(
        "worker",
        "tests.cli.target",
        "-w",
        "1",
        "--burst",
        "--custom-log-dict",
        "tests.cli.target.log_dict",
        url=redis_url,
    )
    assert ended.code == 0
    own = [line for line in ended.err.splitlines() if not line.startswith("monarq")]
    assert own
    assert all(line.startswith("MINE ") for line in own)


@pytest.mark.parametrize("option", ["--reload", "--watch"], ids=["--reload", "as arq spells it"])
async def test_workers_are_replaced_when_the_program_changes(
    redis: Redis, redis_url: str, tmp_path: Path, option: str
) -> None:
    process = await start(
        *("worker", "tests.cli.target", "-w", "1", option, str(tmp_path), "--reload-also", ".toml"),
        url=redis_url,
    )
    await heard(process, "serving")
    for ending in ("toml", "py"):
        # What a job or a log writes there is no change of the program: the folder as a whole would never be quiet.
        (tmp_path / "written-by-a-job.txt").write_text(ending)
        (tmp_path / f"changed.{ending}").touch()
        said = await heard(process, "rolling restart: done")
        assert said.count(f"{tmp_path} has changed") == 1
    assert (await stop(process)).code == 0


async def test_a_program_that_silences_all_loggers_and_asks_for_the_loop(redis: Redis, redis_url: str) -> None:
    process = await start("worker", "tests.cli.worker.logs.silencing_app", "-w", "1", "-v", url=redis_url)
    await heard(process, "with 2 jobs: is_on_its_loop, silence_again")
    async with Producer(redis_url) as producer:
        assert await (await producer.enqueue("is_on_its_loop")).result(patience_s(20)) is True
        await (await producer.enqueue("silence_again")).result(patience_s(20))

        async def is_told_of() -> bool:
            handle = await producer.enqueue("is_on_its_loop")
            with suppress(TimeoutError):
                async with asyncio.timeout(2):
                    return bool(await heard(process, f"<- {handle.job_id}:is_on_its_loop"))
            return False

        await until(is_told_of)
    assert (await stop(process)).code == 0
