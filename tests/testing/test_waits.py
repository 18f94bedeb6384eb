"""Waits for jobs that a test has forgotten to run."""

from __future__ import annotations

import asyncio
import threading

import pytest

from monarq import JobState, MonarqError, Producer, ResultTimeoutError, SyncProducer, job
from monarq.testing import Sandbox, SyncSandbox, attendance
from tests.support.slowness import in_time
from tests.support.workers import make_worker


@job
async def twofold(number: int) -> int:
    return 2 * number


@job
async def doze(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox's patience is shorter."""
    monkeypatch.setattr(attendance, "PATIENCE_S", 0.5)


@pytest.mark.usefixtures("impatient")
async def test_a_wait_without_a_drain_ends_with_an_error(monarq: Sandbox) -> None:
    async with in_time(20), Producer() as producer:
        handle = await producer.enqueue(twofold, 4)
        with pytest.raises(MonarqError, match=r"in a sandbox they run only during a drain. Call `await monarq.drain"):
            await handle.result()
        with pytest.raises(MonarqError, match="only during a drain"):
            await producer.map(twofold, [(1,), (2,)])
        with pytest.raises(MonarqError, match="only during a drain"):
            await anext(handle.watch())
        await monarq.drain()
        assert await handle.result() == 8


@pytest.mark.usefixtures("impatient")
def test_so_does_a_blocking_one(monarq_sync: SyncSandbox) -> None:
    with SyncProducer() as producer:
        handle = producer.enqueue(twofold, 4)
        with pytest.raises(MonarqError, match=r"Call `monarq_sync.drain\(\)` first"):
            handle.result()
        monarq_sync.drain()
        assert handle.result() == 8


@pytest.mark.usefixtures("impatient")
async def test_a_drain_in_another_task_may_take_longer(monarq: Sandbox) -> None:
    async with in_time(20), Producer() as producer:
        handle = await producer.enqueue(doze, 1.5)
        draining = asyncio.create_task(monarq.drain())
        assert await handle.result() == 1.5
        await draining


@pytest.mark.usefixtures("impatient")
def test_so_may_one_in_another_thread(monarq_sync: SyncSandbox) -> None:
    with SyncProducer() as producer:
        handle = producer.enqueue(doze, 1.5)
        drain = threading.Thread(target=monarq_sync.drain)
        drain.start()
        assert handle.result() == 1.5
        drain.join()


@pytest.mark.usefixtures("impatient")
async def test_what_waits_on_another_redis_may_take_longer(monarq: Sandbox, redis_url: str) -> None:
    async with in_time(20), Producer(redis_url) as producer:
        handle = await producer.enqueue(twofold, 4)
        waiting = asyncio.create_task(handle.result())
        await asyncio.sleep(1.5)
        assert not waiting.done()
        await make_worker(redis_url, [twofold], burst=True).run()
        assert await waiting == 8


@pytest.mark.usefixtures("impatient")
async def test_a_wait_that_is_given_up_leaves_nothing_behind(monarq: Sandbox) -> None:
    async with Producer() as producer:
        handle = await producer.enqueue(twofold, 4)
        waiting = asyncio.create_task(handle.result())
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await handle.state() is JobState.QUEUED


async def test_a_timeout_says_when_jobs_run(monarq: Sandbox) -> None:
    async with Producer() as producer:
        handle = await producer.enqueue(twofold, 4)
        with pytest.raises(ResultTimeoutError, match=r"it is queued; in a sandbox, jobs run only during drain\(\)"):
            await handle.result(timeout=0.1)


@pytest.mark.filterwarnings("error")
async def test_a_drain_that_is_not_awaited_fails_the_test() -> None:
    sandbox = Sandbox()
    sandbox.open()
    sandbox.drain()  # type: ignore[unused-coroutine]
    with pytest.raises(MonarqError, match="was called without await, so it ran no jobs"):
        sandbox.close()
    sandbox.close()
    with pytest.raises(MonarqError, match="was called without await"):
        async with Sandbox() as sandbox:
            sandbox.drain()  # type: ignore[unused-coroutine]
    with pytest.raises(ValueError, match="the test's own"):
        async with Sandbox():
            raise ValueError("the test's own")
