"""Traces in a fleet of both kinds: jobs with a trace run on arq's workers, and jobs without one on monarq's."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

import arq
import pytest
from opentelemetry import trace
from redis.asyncio import Redis

import monarq.arq
from monarq.producer import Producer
from monarq.shared.formats.arq import keys as names
from monarq.shared.payloads.codec import PICKLE
from tests.arq import jobs
from tests.arq.workers import burst, theirs
from tests.support.formats import current_name
from tests.support.spans import Exported, attributes, linked


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Exported:
    made = Exported()
    # The real setter works once in a process.
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", made.provider)
    return made


async def test_unmodified_arq_workers_run_what_carries_a_trace(
    redis: Redis, redis_url: str, pool: monarq.arq.ArqRedis, stock: arq.ArqRedis, exported: Exported
) -> None:
    await pool.enqueue_job("add", 1, 2, _job_id="own")
    async with Producer(redis_url, codec="pickle", queue=current_name()) as producer:
        await producer.enqueue("add", 3, 4)
    assert [job.args for job in await stock.queued_jobs()] == [(1, 2), (3, 4)]
    carried = PICKLE.loads(await redis.get(names.job("own")))["trace"]["traceparent"]
    assert carried.split("-")[2] == f"{exported.sent[0].context.span_id:016x}"
    worker = theirs(stock, [jobs.add], burst=True)
    await worker.main()
    assert (worker.jobs_complete, worker.jobs_failed) == (2, 0)
    assert sorted(result.result for result in await stock.all_job_results()) == [3, 7]


async def test_monarqs_workers_link_to_monarqs_clients_and_run_arqs_without(
    redis: Redis, pool: monarq.arq.ArqRedis, stock: arq.ArqRedis, exported: Exported
) -> None:
    await stock.enqueue_job("add", 1, 2, _job_id="theirs")
    await pool.enqueue_job("add", 3, 4, _job_id="ours")
    await burst(pool, [jobs.add])
    await pool.enqueue_job("add", 3, 4, _job_id="later")
    await burst(pool, [jobs.add])
    spans = {attributes(span)["messaging.message.id"]: span for span in exported.processed}
    assert len(exported.processed) == 3
    assert linked([spans["theirs"]]) == set()
    assert linked([spans["ours"]]) == {exported.sent[0].context.span_id}
    assert linked([spans["later"]]) == {exported.sent[1].context.span_id}


async def test_a_users_own_format_carries_nothing_but_arqs_fields(
    redis: Redis, pool: monarq.arq.ArqRedis, exported: Exported
) -> None:
    seen: list[set[str]] = []

    def write(data: dict[str, object]) -> bytes:
        seen.append(set(data))
        return PICKLE.dumps(data)

    pool.job_serializer, pool.job_deserializer = write, PICKLE.loads
    await pool.enqueue_job("add", 1, 2)
    assert seen == [{"t", "f", "a", "k", "et"}]
    assert len(exported.sent) == 1
    await redis.flushall()


async def spans_of(package: str, path: str, **env: str) -> list[Any]:
    """The spans of the instrumented program, whose client is of this package."""
    command = [sys.executable, "-m", "tests.arq.compatibility.instrumented_app", package, path]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, env={**os.environ, **env})
    told, _ = await process.communicate()
    assert process.returncode == 0
    return list(json.loads(told))


RUNS = [("add", "SERVER"), ("again", "SERVER"), ("again", "SERVER"), ("fail", "SERVER")]


@pytest.mark.parametrize(
    ("package", "sent"),
    [
        ("arq", [("add", "CLIENT"), ("fail", "CLIENT"), ("send arq:queue", "PRODUCER")]),
        ("monarq.arq", [("send arq:queue", "PRODUCER")] * 3),
    ],
)
async def test_beside_an_instrumentation_of_arq_there_is_one_trace(
    stock: arq.ArqRedis, package: str, sent: list[tuple[str, str]]
) -> None:
    spans = await spans_of(package, str(stock.connection_pool.connection_kwargs["path"]))
    assert len({trace_id for _, _, trace_id in spans}) == 1
    assert sorted((name, kind) for name, kind, _ in spans) == sorted([*sent, ("request", "INTERNAL"), *RUNS])


async def test_spans_of_monarqs_own_can_be_turned_off(stock: arq.ArqRedis) -> None:
    path = str(stock.connection_pool.connection_kwargs["path"])
    spans = await spans_of("monarq.arq", path, MONARQ_TRACES="0")
    assert sorted((name, kind) for name, kind, _ in spans) == sorted([("request", "INTERNAL"), *RUNS])
    request = next(trace_id for name, _, trace_id in spans if name == "request")
    assert {trace_id for name, _, trace_id in spans if name in ("add", "fail")} == {request}
