"""The error of a wait whose timeout has passed says what is known about the job."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from monarq import Context, Producer, ResultTimeoutError, SyncProducer, job
from monarq.producer.results import last_look
from tests.support.slowness import in_time, patience_s
from tests.support.workers import make_worker, running

STARTED: asyncio.Event


@job
async def never_ends(ctx: Context) -> None:
    STARTED.set()
    await asyncio.Event().wait()


async def said(handle: object, timeout: float = 0.1) -> str:
    with pytest.raises(ResultTimeoutError) as caught:
        await handle.result(timeout=timeout)  # type: ignore[attr-defined]
    return str(caught.value)


async def test_a_queue_that_no_worker_serves(producer: Producer) -> None:
    handle = await producer.enqueue("send", "a@b")
    assert await said(handle) == (
        f"job 'send' ({handle.job_id}) in queue {handle.queue} did not end within 0.1 s: it is queued, and no monarq"
        f" worker serves the queue; see `monarq jobs show {handle.job_id}`"
    )


async def test_a_name_that_no_worker_has_registered(redis_url: str) -> None:
    async with running(make_worker(redis_url, [never_ends])), Producer(redis_url) as producer:
        handle = await producer.enqueue("nobodys", "a")
        text = await said(handle, 0.5)
    assert "job 'nobodys' (" in text
    assert "and no worker of the queue has registered a job of this name" in text


async def test_a_deferred_job(producer: Producer) -> None:
    handle = await producer.enqueue(never_ends.options(defer_by=timedelta(hours=1)))
    assert "it is deferred until 2" in await said(handle)


async def test_a_running_job(redis_url: str) -> None:
    global STARTED
    STARTED = asyncio.Event()
    async with running(make_worker(redis_url, [never_ends])), Producer(redis_url) as producer:
        handle = await producer.enqueue(never_ends)
        async with in_time(20):
            await STARTED.wait()
        assert "it is running on worker " in await said(handle)
        await handle.cancel(timeout=patience_s(20))


async def test_a_redis_that_was_never_reached() -> None:
    with SyncProducer("redis://127.0.0.1:1") as producer, pytest.raises(ResultTimeoutError) as caught:
        producer.handle("x").result(timeout=0.2)
    text = str(caught.value)
    assert text.startswith("job x in queue default did not end within 0.2 s: its state is unknown: Redis at ")
    assert "cannot be reached" in text


async def test_a_redis_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_look, "LOOK_S", 0.2)

    async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()

    silent = await asyncio.start_server(keep_silent, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with silent, Producer(f"redis://127.0.0.1:{port}") as producer:
        text = await asyncio.wait_for(said(producer.handle("x")), patience_s(3))
    assert "its state is unknown, as Redis at " in text
    assert "did not answer within 0.2 s" in text


async def test_it_names_one_of_those_that_as_completed_still_waits_for(producer: Producer) -> None:
    handle = await producer.enqueue("send", "a@b")
    with pytest.raises(ResultTimeoutError, match=r"it is queued, and no monarq worker serves the queue"):
        async for _ in producer.as_completed([handle], timeout=0.1):
            pass
