"""What jobs log, as `monarq worker` shows it: whose line it is, in text and in JSON, from each lane."""

from __future__ import annotations

import json
import re
from typing import Any

import arq
from arq.connections import RedisSettings
from redis.asyncio import Redis

from monarq.producer import Producer, named
from tests.cli.command import monarq
from tests.cli.worker.logs import logging_jobs
from tests.support.queues import NATIVE_QUEUE

WORKER = ("-w", "1", "--burst")
JOBS = "tests.cli.worker.logs.logging_jobs"


async def enqueue_three(url: str) -> None:
    async with Producer(url) as producer:
        await producer.enqueue(logging_jobs.log_here.options(job_id="one"), "a")
        await producer.enqueue(logging_jobs.log_in_thread.options(job_id="two"), "b")
        await producer.enqueue(logging_jobs.log_in_child.options(job_id="three"), "c")


def parsed(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


async def test_lines_of_a_job_begin_with_its_id_and_name(redis: Redis, redis_url: str) -> None:
    await enqueue_three(redis_url)
    ended = await monarq("worker", JOBS, *WORKER, url=redis_url)
    assert ended.code == 0, ended.err
    assert {line[9:] for line in ended.err.splitlines() if " says " in line} == {
        "INFO    [one:log_here] io says a",
        "INFO    [one:log_here] task says a",
        "WARNING [one:log_here] to_thread says a",
        "INFO    [two:log_in_thread] thread says b, a job's own is True",
        "INFO    [three:log_in_child] cpu says c",
    }
    assert "nobody hears this" not in ended.err


async def test_json_lines_hold_the_job_its_try_and_its_worker(redis: Redis, redis_url: str) -> None:
    await enqueue_three(redis_url)
    ended = await monarq("worker", JOBS, *WORKER, "--log-format", "json", url=redis_url)
    said = [line for line in parsed(ended.err) if " says " in line["message"]]
    assert {(line["message"], line["job_id"], line["job"], line["logger"]) for line in said} == {
        ("io says a", "one", "log_here", JOBS),
        ("task says a", "one", "log_here", "root"),
        ("to_thread says a", "one", "log_here", "another.library"),
        ("thread says b, a job's own is True", "two", "log_in_thread", JOBS),
        ("cpu says c", "three", "log_in_child", JOBS),
    }
    assert {(line["queue"], line["try"]) for line in said} == {(NATIVE_QUEUE.name, 1)}
    [worker] = {line["worker"] for line in said}
    [started] = [line for line in parsed(ended.err) if " serves " in line["message"]]
    assert started["worker"] == worker
    assert not {"job_id", "job", "try", "queue"} & set(started)
    pids = {line["message"].split()[0]: line["pid"] for line in said}
    assert pids["io"] == pids["thread"] == started["pid"] != pids["cpu"]


async def test_each_try_and_a_failure_are_separate_in_json(redis: Redis, redis_url: str) -> None:
    async with Producer(redis_url) as producer:
        await producer.enqueue(logging_jobs.log_and_retry.options(job_id="again"))
        await producer.enqueue(logging_jobs.log_and_fail.options(job_id="bad"))
    ended = await monarq("worker", JOBS, *WORKER, "--max-tries", "3", "--log-format", "json", url=redis_url)
    lines = parsed(ended.err)
    assert [line["try"] for line in lines if line["message"] == "a try"] == [1, 2, 3]
    [own] = [line for line in lines if line["message"] == "it went wrong"]
    assert (own["job_id"], own["level"]) == ("bad", "error")
    assert "KeyError: 'inner'" in own["traceback"]
    # monarq's own line of the end belongs to the job as well.
    [last] = [line for line in lines if "failed for good" in line["message"] and line["job_id"] == "bad"]
    assert (last["logger"], last["job"], last["try"]) == ("monarq.worker", "log_and_fail", 1)
    assert "ValueError: the end" in last["traceback"]


async def test_a_job_that_cannot_run_is_named_too(redis: Redis, redis_url: str) -> None:
    async with Producer(redis_url) as producer:
        await producer.enqueue("nobody_knows_it")
    ended = await monarq("worker", JOBS, *WORKER, "--keep-unknown", "0", "--log-format", "json", url=redis_url)
    [line] = [line for line in parsed(ended.err) if "is dead and has never run" in line["message"]]
    assert (line["job"], line["queue"], len(line["job_id"])) == ("nobody_knows_it", NATIVE_QUEUE.name, 22)


async def test_a_programs_own_logging_stays_and_can_use_the_fields(redis: Redis, redis_url: str) -> None:
    async with Producer(redis_url) as producer:
        await producer.enqueue(named("log_own_way").options(job_id="x"))
        await producer.enqueue(named("log_own_way_in_child", lane="cpu").options(job_id="y"))
    ended = await monarq("worker", "tests.cli.worker.logs.logging_app", *WORKER, "--log-format", "json", url=redis_url)
    assert f"own|{NATIVE_QUEUE.name}|x|log_own_way|1|from io" in ended.err.splitlines()
    assert f"own|{NATIVE_QUEUE.name}|y|log_own_way_in_child|1|from cpu" in ended.err.splitlines()
    assert ended.err.count("from io") == ended.err.count("from cpu") == 1


async def test_so_can_a_dict_for_logging_config(redis: Redis, redis_url: str) -> None:
    await enqueue_three(redis_url)
    custom = ("--custom-log-dict", "tests.cli.worker.logs.logging_app.LOGGING")
    ended = await monarq("worker", JOBS, *WORKER, *custom, url=redis_url)
    assert {"dict|one|io says a", "dict|three|cpu says c"} <= set(ended.err.splitlines())


async def test_arqs_lines_stay_as_they_are(redis: Redis, redis_url: str) -> None:
    """arq's lines are as arq has them, and a job's own stand beside them."""
    client = await arq.create_pool(RedisSettings.from_dsn(redis_url))
    await client.enqueue_job("log_as_arq", _job_id="a1")
    await client.aclose()
    ended = await monarq("worker", "tests.cli.worker.arq_settings.Logs", *WORKER, url=redis_url)
    lines = [re.sub(r"\d+\.\d\ds", "X.XXs", line[8:]).removesuffix(" delayed=X.XXs") for line in ended.err.splitlines()]
    own = [line for line in lines if "log_as_arq" in line and "functions" not in line]
    assert own == [
        ":   X.XXs → a1:log_as_arq()",
        " INFO    [a1:log_as_arq] from arq's job",
        ":   X.XXs ← a1:log_as_arq ● ",
    ]
