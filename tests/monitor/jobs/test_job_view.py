"""The view of one job: state, result and timeline, with real workers and arq clients."""

from __future__ import annotations

import asyncio
import datetime as dt
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from arq.connections import RedisSettings, create_pool
from arq.jobs import serialize_job
from redis.asyncio import Redis

from monarq import Context, Retry, job
from monarq.monitor.admin import admin
from monarq.monitor.jobs.job_view import JobView, find_job, find_rows
from monarq.monitor.jobs.listing import list_jobs
from monarq.monitor.queues.series import read_totals
from monarq.producer import Producer
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.formats.choice.producers import producer_queue
from monarq.shared.payloads.codec import MSGPACK
from monarq.shared.protocol.queue_ref import QueueRef
from tests.monitor.jobs import cpu_jobs
from tests.support.formats import OF_ARQ
from tests.support.queue_state import server_ms
from tests.support.queues import ARQ_QUEUE, BOTH_FORMATS
from tests.support.slowness import in_time, patience_s
from tests.support.workers import make_worker, put, put_raw, result_of, run_burst, running

pytestmark = OF_ARQ

ANSI: Final = "\x1b[31mred\x00"


async def found(redis: Redis, job_id: str | bytes, **options: Any) -> JobView:
    view = await find_job(redis, job_id, **options)
    assert view is not None
    return view


def told(view: JobView) -> list[str]:
    return [moment.what for moment in view.timeline]


@job(name="monitored-fickle")
async def fickle(ctx: Context, until: int) -> dict[str, int]:
    if ctx.job_try < until:
        raise Retry(defer=0.01)
    return {"tries": ctx.job_try}


@job(name="monitored-faulty")
async def faulty(message: str) -> None:
    raise ValueError(message)


@job(name="monitored-bare")
async def bare() -> None: ...


async def test_an_unknown_job(redis: Redis, queue: QueueRef) -> None:
    assert await find_job(redis, "nobody") is None
    assert await find_job(redis, "nobody", queue) is None
    assert await find_rows(redis, "nobody") == []


async def test_no_arguments_differ_from_unreadable_ones(redis: Redis, queue: QueueRef) -> None:
    await put(redis, bare, job_id="none", queue=queue)
    assert (await found(redis, "none", with_arguments=True, queue=queue)).arguments == ""
    await put_raw(redis, "garbage", b"\x80\x04 no pickle", queue=queue)
    assert (await found(redis, "garbage", with_arguments=True, queue=queue)).arguments is None


async def test_a_job_on_its_way(redis: Redis, queue: QueueRef, redis_url: str) -> None:
    await put(redis, fickle, 3, job_id="a", delay_ms=60_000, queue=queue)
    deferred = await found(redis, "a", with_arguments=True, queue=queue)
    assert (deferred.row.state, deferred.row.name, deferred.arguments) == ("deferred", "monitored-fickle", "3")
    assert told(deferred) == ["enqueued", "due"]
    assert (await found(redis, "a", queue=queue)).arguments is None, "nothing is decoded that is not asked for"
    assert await admin.retry(redis, queue, "a") is admin.Retried.PROMOTED
    await run_burst(redis_url, [fickle], queues=(queue,))
    done = await found(redis, "a", with_arguments=True, queue=queue)
    # Results of native queues do not have them.
    assert (done.row.state, done.row.tries, done.arguments) == ("succeeded", 3, "3" if queue.format == "arq" else None)
    assert told(done) == ["enqueued", "promoted", "retried", "retried", "started", "succeeded"]
    assert [(moment.tries, moment.delay_ms) for moment in done.timeline if moment.what == "retried"] == [
        (1, 100),
        (2, 100),
    ]
    assert done.result is not None
    assert (done.result.value, done.result.success, done.result.format) == ("{'tries': 3}", True, "msgpack")
    assert done.result.kept_until_ms is not None
    assert abs(done.now_ms - await server_ms(redis)) < 5000


async def test_a_job_that_succeeds_leaves_no_history(redis: Redis, queue: QueueRef, redis_url: str) -> None:
    await put(redis, fickle, 1, job_id="a", queue=queue)
    await run_burst(redis_url, [fickle], queues=(queue,))
    assert told(await found(redis, "a", queue=queue)) == ["enqueued", "started", "succeeded"]
    assert (await monitor_queue(queue).read_facts(redis, b"a", with_payload=False)).history == []


async def test_a_job_that_succeeds_after_a_crash(redis: Redis, queue: QueueRef, redis_url: str, tmp_path: Path) -> None:
    await put(redis, cpu_jobs.die_once, str(tmp_path / "died"), job_id="a", queue=queue)
    await run_burst(redis_url, [cpu_jobs.die_once], queues=(queue,))
    view = await found(redis, "a", queue=queue)
    assert told(view) == ["enqueued", "crashed", "started", "succeeded"]
    assert (view.row.state, view.row.crashes) == ("succeeded", 1)
    assert "SIGKILL" in view.crash_note
    assert view.crash_note == view.timeline[1].note


async def test_a_dead_job_and_its_retry(redis: Redis, queue: QueueRef, redis_url: str) -> None:
    await put(redis, faulty, ANSI, job_id="a", queue=queue)
    await run_burst(redis_url, [faulty], queues=(queue,))
    dead = await found(redis, "a", with_arguments=True, queue=queue)
    assert (dead.row.state, dead.row.error) == ("failed", f"ValueError: {ANSI}")
    assert (dead.arguments, dead.payload_format) == (repr(ANSI), "msgpack")
    assert dead.dead_letter is not None
    assert "ValueError" in dead.dead_letter.traceback
    assert told(dead) == ["enqueued", "started", "failed"]
    assert await admin.retry(redis, queue, "a") is admin.Retried.REVIVED
    again = await found(redis, "a", queue=queue)
    assert (again.row.state, again.dead_letter) == ("queued", None)
    assert told(again) == ["enqueued", "revived"]


async def test_a_job_that_runs_and_is_cancelled(redis: Redis, queue: QueueRef, redis_url: str) -> None:
    began = asyncio.Event()

    @job(name="monitored-endless")
    async def endless() -> None:
        began.set()
        await asyncio.Event().wait()

    await put(redis, endless, job_id="a", queue=queue)
    worker = make_worker(redis_url, [endless], queues=(queue,))
    async with running(worker):
        await began.wait()
        view = await found(redis, "a", queue=queue)
        assert (view.row.state, view.row.worker, view.row.due_ms) == ("running", worker.worker_id, None)
        if queue.format == "arq":  # a native queue learns of it by the worker's next word of itself
            assert view.row.started_ms is not None
            assert abs(view.row.started_ms - await server_ms(redis)) < 5000
        assert await admin.cancel(redis, queue, "a") is admin.Cancelled.RUNS
        await result_of(redis, "a", queue)
    view = await found(redis, "a", queue=queue)
    assert (view.row.state, view.dead_letter) == ("cancelled", None)
    assert view.result is not None
    assert view.result.error_type == "asyncio.exceptions.CancelledError"
    assert told(view) == ["enqueued", "started", "cancel-asked", "cancelled"]


async def test_since_when_a_job_runs_is_told_by_the_next_word_of_its_worker(
    redis: Redis, queue: QueueRef, redis_url: str
) -> None:
    may_end = asyncio.Event()

    @job(name="monitored-long")
    async def long() -> None:
        await may_end.wait()

    await put(redis, long, job_id="a", queue=queue)
    async with running(make_worker(redis_url, [long], queues=(queue,))), in_time(10):
        while not (view := await found(redis, "a", queue=queue)).row.started_ms:
            await asyncio.sleep(0.05)
        assert abs(view.row.started_ms - await server_ms(redis)) < 10_000
        assert told(view) == ["enqueued", "started"]
        [row] = (await list_jobs(redis, queue, "running")).rows
        assert (row.job_id, row.started_ms, row.worker) == ("a", view.row.started_ms, view.row.worker)
        may_end.set()


async def test_a_job_that_was_cancelled_while_it_waited(redis: Redis, redis_url: str) -> None:
    native = BOTH_FORMATS[1]
    await put(redis, fickle, 1, job_id="a", queue=native, delay_ms=60_000)
    assert await admin.cancel(redis, native, "a") is admin.Cancelled.ENDED
    view = await found(redis, "a", with_arguments=True)
    assert (view.row.state, view.row.name, view.arguments) == ("cancelled", "monitored-fickle", None)
    assert told(view) == ["enqueued", "cancel-asked", "cancelled"]
    assert view.timeline[-1].note.startswith("cancelled before it was started; it was due 2")
    assert (view.row.due_ms or 0) - (view.row.enqueued_ms or 0) in range(50_000, 70_000)
    assert view.result is not None
    assert (view.result.success, view.result.error) == (False, "cancelled before it was started")
    assert isinstance((await result_of(redis, "a", native)).value, asyncio.CancelledError)
    [ended] = (await list_jobs(redis, native, "ended")).rows
    assert (ended.job_id, ended.state, ended.name) == ("a", "cancelled", "monitored-fickle")
    assert (await read_totals(redis, native)).cancelled == 1
    assert await admin.cancel(redis, native, "a") is admin.Cancelled.UNKNOWN


async def test_what_is_told_of_a_waiting_job_that_its_producer_cancelled(redis: Redis, redis_url: str) -> None:
    async with Producer(redis_url, queue=BOTH_FORMATS[1]) as producer:
        handle = await producer.enqueue(fickle.options(job_id="a", defer_by=60), 1)
        assert await handle.cancel(timeout=patience_s(10))
    view = await found(redis, "a")
    assert (view.row.state, view.row.name) == ("cancelled", "monitored-fickle")
    assert told(view) == ["enqueued", "cancel-asked", "cancelled"]


async def test_when_a_job_expires_that_says_so_itself(redis: Redis, redis_url: str) -> None:
    native = BOTH_FORMATS[1]
    async with Producer(redis_url, queue=native) as producer:
        for number, size in enumerate((1, 2000)):
            await producer.enqueue(faulty.options(job_id=f"{number}", expires=60), "x" * size)
    for job_id in ("0", "1"):
        view = await found(redis, job_id)
        assert view.row.enqueued_ms is not None
        assert view.expires_ms == view.row.enqueued_ms + 60_000


async def test_a_job_that_is_handed_back(redis: Redis, queue: QueueRef, redis_url: str) -> None:
    began = asyncio.Event()

    @job(name="monitored-patient")
    async def patient() -> None:
        began.set()
        await asyncio.Event().wait()

    await put(redis, patient, job_id="a", queue=queue)
    worker = make_worker(redis_url, [patient], grace_s=0.0, queues=(queue,))
    async with running(worker):
        await began.wait()
    view = await found(redis, "a", queue=queue)
    assert (view.row.state, view.row.tries) == ("queued", 0)
    back = next(moment for moment in view.timeline if moment.what == "handed-back")
    assert back.note == worker.worker_id


async def test_jobs_of_arq_clients_in_pickle(redis: Redis, redis_url: str) -> None:
    when = dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
    pool = await create_pool(RedisSettings(unix_socket_path=redis_url.removeprefix("unix://")))
    await pool.enqueue_job("monitored-fickle", 1, when, _job_id="a", _defer_by=60, name=[None, {"x": b"y"}])
    await pool.aclose()
    view = await found(redis, "a", with_arguments=True)
    assert (view.row.state, view.row.name, view.payload_format) == ("deferred", "monitored-fickle", "pickle")
    assert view.arguments.startswith("1, 2026-01-02 03:04:05.000006, ")
    assert view.arguments.endswith("name=[None, {'x': b'y'}]")
    assert view.row.enqueued_ms is not None
    assert view.expires_ms is not None


async def test_a_pickled_result(redis: Redis, redis_url: str) -> None:
    for job_id, name, args in (("ok", "monitored-fickle", (1,)), ("no", "monitored-faulty", ("not so",))):
        await put_raw(redis, job_id, serialize_job(name, args, {}, None, await server_ms(redis)))
    await run_burst(redis_url, [fickle, faulty], codecs=_pickling())
    ok, no = await found(redis, "ok", with_arguments=True), await found(redis, "no")
    assert ok.result is not None
    assert no.result is not None
    assert (ok.row.state, ok.result.format, ok.result.value, ok.arguments) == (
        "succeeded",
        "pickle",
        "{'tries': 1}",
        "1",
    )
    assert (no.result.success, no.result.error) == (False, "ValueError: not so")


def _pickling() -> Any:
    from monarq.shared.payloads.codec import Codecs

    return Codecs(allow_pickle=True)


async def test_a_result_that_was_not_kept(redis: Redis, queue: QueueRef, redis_url: str) -> None:
    @job(name="monitored-forgotten", keep_result=0)
    async def forgotten() -> None:
        return None

    await put(redis, forgotten, job_id="a", queue=queue)
    await run_burst(redis_url, [forgotten], queues=(queue,))
    view = await found(redis, "a", queue=queue)
    assert (view.row.state, view.result) == ("unknown", None)


async def test_every_known_queue_is_looked_at(redis: Redis) -> None:
    other = QueueKeys.of("other")
    await redis.zadd("monarq:queues", {"other": await server_ms(redis)})
    await redis.expire("monarq:queues", 60)
    await put(redis, fickle, 1, job_id="a", queue=other)
    [row] = await find_rows(redis, "a")
    assert (row.queue, row.state) == ("other", "queued")
    view = await find_job(redis, "a", ARQ_QUEUE)
    assert view is not None
    assert view.row.state == "unknown", "in the queue that was named it does not stand"


_BOOM: Final = "raise BaseException('it was unpickled')"


class _Bomb:
    """Whatever unpickles it fails the test."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (_BOOM,)


def hostile() -> Iterator[tuple[str, bytes]]:
    """Payloads that nobody should decode, by what they are."""
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]
    many: list[Any] = ["a"] * 1000
    for _ in range(40):
        many = [many, many]
    fields = {"t": None, "f": "bomb", "a": (), "k": {}, "et": 1}
    yield "a pickle bomb", pickle.dumps(_Bomb())
    yield "a bomb among the arguments", pickle.dumps({**fields, "a": (_Bomb(),)})
    yield "a bomb as a name", pickle.dumps({**fields, "f": _Bomb()})
    yield "the same part a trillion times", pickle.dumps({**fields, "a": (many,)})
    yield "a deep pickle", pickle.dumps({**fields, "a": (deep,)})
    yield "deep msgpack", b"\x91" * 100_000
    yield "an endless msgpack", b"\x85\xa1t\xc0\xa1f\xdb\xff\xff\xff\xff"
    yield "half a pickle", pickle.dumps({**fields, "a": ("x" * 100,)})[:60]
    yield "pops of an empty stack", b"\x80\x04" + b"0" * 50 + b"."
    yield "marks without end", b"\x80\x04" + b"(" * 5000
    yield "a large number", b"\x80\x04}\x8c\x01fI" + b"9" * 5000 + b"\ns."
    yield "nothing", b""
    yield "noise", bytes(range(256)) * 3
    yield "halves of pairs", pickle.dumps({**fields, "f": "\ud800"})
    yield "nan as its time", MSGPACK.dumps({**fields, "et": float("nan"), "f": 7})
    yield "2 MB", MSGPACK.dumps({**fields, "f": "large", "a": ("x" * 2_000_000,)})


@pytest.mark.parametrize(("what", "payload"), list(hostile()), ids=[what for what, _ in hostile()])
async def test_hostile_payloads(redis: Redis, queue: QueueRef, what: str, payload: bytes) -> None:
    job_id = ANSI if queue.format == "arq" else ANSI.rstrip("\0")  # native ids have no zero bytes
    await put_raw(redis, job_id, payload, queue=queue)
    async with in_time(2):
        view = await found(redis, job_id, with_arguments=True, queue=queue)
    assert view.row.state == "queued"
    assert view.row.payload_bytes == len(payload)
    assert len(view.arguments or "") <= 10_001
    assert view.row.name in {None, "bomb", "large", "\\ud800"}
    if what == "a bomb among the arguments":
        assert view.arguments == f"exec({_BOOM!r})"


@pytest.mark.parametrize(("what", "data"), list(hostile()), ids=[what for what, _ in hostile()])
async def test_hostile_results(redis: Redis, what: str, data: bytes) -> None:
    await redis.set("arq:result:a", data, ex=60)
    async with in_time(2):
        view = await found(redis, "a", with_arguments=True)
    assert (view.row.state, view.result is not None) == ("unknown", True)


async def test_keys_of_wrong_types(redis: Redis) -> None:
    keys = QueueKeys.of(DEFAULT_QUEUE)
    await put(redis, fickle, 1, job_id="a")
    for key in ("arq:job:a", "arq:result:a", "arq:retry:a", keys.history("a"), keys.dead_letter("a"), keys.crash("a")):
        await redis.delete(key)
        await redis.sadd(key, "x")  # type: ignore[misc]
        await redis.expire(key, 60)
    view = await found(redis, "a", with_arguments=True)
    assert (view.row.name, view.row.tries) == (None, 0)


async def test_ids_of_any_bytes(redis: Redis) -> None:
    await put(redis, fickle, 1, job_id="a")
    await redis.zadd(DEFAULT_QUEUE, {b"\xff\x00": 5})
    await redis.set(b"arq:job:\xff\x00", await redis.get("arq:job:a"))  # type: ignore[arg-type]
    for job_id in (b"\xff\x00", "\udcff\x00"):
        view = await found(redis, job_id)
        assert (view.row.raw_id, view.row.job_id, view.row.name) == (b"\xff\x00", "\\xff\x00", "monitored-fickle")


async def test_a_wait_for_a_purged_job_ends(redis: Redis, queue: QueueRef, redis_url: str) -> None:
    from monarq import ResultNotFoundError

    async with Producer(redis_url, queue=queue) as producer:
        handle = await producer.enqueue("nobody runs it")
        waiting = asyncio.create_task(handle.result())
        async with in_time(10):
            while not await redis.pubsub_numsub(producer_queue(queue).ended) or waiting.done():
                await asyncio.sleep(0.01)
            assert await admin.purge(redis, queue) == 1
            with pytest.raises(ResultNotFoundError, match="is not in "):
                await waiting
