"""Tracing by OpenTelemetry: the spans of an enqueue and of each run, and the links between them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from redis.asyncio import Redis

from monarq import Context, Exponential, Producer, Retry, SyncProducer, job
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from monarq.shared.payloads.codec import MSGPACK, Codecs
from monarq.shared.payloads.signing import Signer
from monarq.shared.tracing.tracing import find_tracing, sending
from tests.support.formats import OF_ARQ, current_name
from tests.support.slowness import in_time, patience_s
from tests.support.spans import Exported, attributes, linked
from tests.support.workers import make_worker, run_burst, running

pytestmark = OF_ARQ


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Exported:
    made = Exported()
    # The real setter works once in a process.
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", made.provider)
    return made


def own_span(name: str) -> None:
    with trace.get_tracer_provider().get_tracer("the user's").start_as_current_span(name):
        pass


@job
async def traced_io(word: str) -> str:
    own_span("on the loop")
    await asyncio.create_task(_in_a_task())
    return word


async def _in_a_task() -> None:
    own_span("in a task")


@job(lane="thread")
def traced_thread() -> None:
    own_span("in a thread")


@job
async def traced_failure() -> None:
    raise ValueError("as asked")


@job(retry=Exponential(2, base=0.01))
async def traced_flaky(ctx: Context) -> None:
    if ctx.job_try == 1:
        raise KeyError("not yet")
    if ctx.job_try == 2:
        raise Retry(defer=0.01)


@job
async def traced_wait() -> None:
    await asyncio.sleep(60)


ALL = [traced_io, traced_thread, traced_failure, traced_flaky, traced_wait]


async def test_a_run_links_to_its_enqueue_and_holds_the_jobs_own_spans(redis_url: str, exported: Exported) -> None:
    async with Producer(redis_url, queue=current_name()) as producer:
        with exported.provider.get_tracer("the user's").start_as_current_span("request") as request:
            await producer.enqueue(traced_io.options(job_id="one"), "word")
    worker = await run_burst(redis_url, ALL)
    [sent], [processed] = exported.sent, exported.processed
    assert (sent.kind, processed.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    assert sent.parent == request.get_span_context()
    assert linked([processed]) == {sent.context.span_id}
    assert [link.context.trace_id for link in processed.links] == [sent.context.trace_id]
    assert processed.parent is None
    assert processed.context.trace_id != sent.context.trace_id
    for name in ("on the loop", "in a task"):
        [own] = exported.named(name)
        assert own.parent is not None
        assert own.parent.span_id == processed.context.span_id
    assert attributes(sent) == {
        "messaging.system": "monarq",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": DEFAULT_QUEUE,
        "messaging.message.id": "one",
        "monarq.job.name": "traced_io",
    }
    assert attributes(processed) == {
        "messaging.system": "monarq",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": DEFAULT_QUEUE,
        "messaging.message.id": "one",
        "messaging.client.id": worker.worker_id,
        "monarq.job.name": "traced_io",
        "monarq.job.try": 1,
        "monarq.job.lane": "io",
        "monarq.job.outcome": "succeeded",
    }
    assert processed.status.status_code is StatusCode.UNSET


async def test_spans_of_thread_jobs_are_children_too(redis_url: str, exported: Exported) -> None:
    with (
        SyncProducer(redis_url, queue=current_name()) as producer,
        exported.provider.get_tracer("x").start_as_current_span("script") as script,
    ):
        await asyncio.to_thread(producer.enqueue, traced_thread)
    await run_burst(redis_url, ALL)
    [sent], [processed], [own] = exported.sent, exported.processed, exported.named("in a thread")
    assert sent.parent is not None
    assert sent.parent.span_id == script.get_span_context().span_id
    assert own.parent is not None
    assert own.parent.span_id == processed.context.span_id


async def test_a_failure_is_recorded(redis_url: str, exported: Exported) -> None:
    async with Producer(redis_url, queue=current_name()) as producer:
        await producer.enqueue(traced_failure)
        await producer.enqueue("nobody_knows_this")
    await run_burst(redis_url, ALL, keep_unknown_s=0)
    spans = {str(attributes(span)["monarq.job.name"]): span for span in exported.processed}
    failed = spans["traced_failure"]
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.status.description == "ValueError: as asked"
    assert attributes(failed)["error.type"] == "ValueError"
    [event] = failed.events
    assert event.name == "exception"
    assert "raise ValueError" in str(attributes(event)["exception.stacktrace"])
    refused = spans["nobody_knows_this"]
    assert refused.status.status_code is StatusCode.ERROR
    assert "no job is named" in str(refused.status.description)


async def test_each_try_is_a_span_with_the_same_link(redis_url: str, exported: Exported) -> None:
    async with Producer(redis_url, queue=current_name()) as producer:
        await producer.enqueue(traced_flaky)
    await run_burst(redis_url, ALL)
    [sent] = exported.sent
    told = [
        (
            attributes(span)["monarq.job.try"],
            attributes(span)["monarq.job.outcome"],
            span.status.status_code,
            [event.name for event in span.events],
        )
        for span in exported.processed
    ]
    assert told == [
        (1, "retried", StatusCode.ERROR, ["monarq.job.retry", "exception"]),
        (2, "retried", StatusCode.UNSET, ["monarq.job.retry"]),
        (3, "succeeded", StatusCode.UNSET, []),
    ]
    assert linked(exported.processed) == {sent.context.span_id}


async def test_a_run_that_is_handed_back_says_so(redis: Redis, redis_url: str, exported: Exported) -> None:
    async with Producer(redis_url, queue=current_name()) as producer:
        await producer.enqueue(traced_wait)
        async with running(make_worker(redis_url, ALL, grace_s=0.05)) as worker, in_time(10):
            while not worker.running:
                await asyncio.sleep(0.01)
    [span] = exported.processed
    assert attributes(span)["monarq.job.outcome"] == "handed_back"
    await redis.flushall()


async def test_many_jobs_of_one_call_are_one_span(redis_url: str, exported: Exported) -> None:
    async with Producer(redis_url, queue=current_name()) as producer:
        await producer.enqueue_many(traced_io, [("x",)] * 1500)
    await run_burst(redis_url, ALL, lease_s=15.0)
    [sent] = exported.sent
    assert attributes(sent)["messaging.batch.message_count"] == 1500
    assert "messaging.message.id" not in attributes(sent)
    assert len(exported.processed) == 1500
    assert linked(exported.processed) == {sent.context.span_id}


async def test_an_enqueue_that_fails_is_recorded(exported: Exported) -> None:
    async with Producer("redis://127.0.0.1:1", retry_for=0.05, queue=current_name()) as producer:
        with pytest.raises(Exception, match="nothing was enqueued"):
            await producer.enqueue(traced_io, "x")
    [sent] = exported.sent
    assert sent.status.status_code is StatusCode.ERROR
    assert attributes(sent)["error.type"] == "monarq.RedisUnavailableError"
    assert [event.name for event in sent.events] == ["exception"]


@pytest.mark.parametrize("codec", ["msgpack", "pickle"])
async def test_signed_jobs_carry_it_under_their_signature(
    redis: Redis, redis_url: str, exported: Exported, codec: str
) -> None:
    key = "0123456789abcdef0123456789abcdef"
    async with Producer(redis_url, codec=codec, signing_key=key, queue=current_name()) as producer:  # type: ignore[arg-type]  # one of two
        await producer.enqueue(traced_io, "x")
    codecs = Codecs(allow_pickle=True, signer=Signer(key))
    await run_burst(redis_url, ALL, codecs=codecs)
    [sent], [processed] = exported.sent, exported.processed
    assert linked([processed]) == {sent.context.span_id}


@pytest.mark.parametrize("junk", [7, "00-x", {"traceparent": 3}, {"traceparent": "00-zz-yy-01"}, {}, [1], None])
async def test_a_trace_that_is_none_harms_no_job(
    redis: Redis, redis_url: str, exported: Exported, junk: object
) -> None:
    async with Producer(redis_url, queue=current_name()) as producer:
        handle = await producer.enqueue(traced_io, "x")
        key = names.job(handle.job_id)
        payload = MSGPACK.loads(await redis.get(key))
        await redis.set(key, MSGPACK.dumps(payload | {"trace": junk}), keepttl=True)
        await run_burst(redis_url, ALL)
        assert await handle.result(patience_s(5)) == "x"
    assert list(exported.processed[0].links) == []


def test_nothing_of_opentelemetry_is_imported_for_programs_that_do_not_use_it() -> None:
    program = (
        "import sys, monarq.arq, monarq.cli.app, monarq.producer, monarq.workers.process.worker\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=patience_s(30))


def test_a_provider_that_the_environment_names_is_found() -> None:
    program = (
        "import opentelemetry.trace; from monarq.shared.tracing.tracing import find_tracing;"
        "raise SystemExit(find_tracing() is None)"
    )
    chosen = os.environ | {"OTEL_PYTHON_TRACER_PROVIDER": "sdk_tracer_provider"}
    subprocess.run([sys.executable, "-c", program], check=True, timeout=patience_s(30), env=chosen)


async def test_without_a_provider_nothing_is_made_and_nothing_carried(redis: Redis, redis_url: str) -> None:
    assert find_tracing() is None
    with sending("q", "name", job_id="x") as carrier:
        assert carrier is None
    async with Producer(redis_url, queue=current_name()) as producer:
        handle = await producer.enqueue(traced_io, "x")
        assert "trace" not in MSGPACK.loads(await redis.get(names.job(handle.job_id)))
        await run_burst(redis_url, ALL)
        assert await handle.result(patience_s(5)) == "x"
