"""as_completed and map."""

from __future__ import annotations

import asyncio

import pytest

from monarq.producer import Producer, ProducerClosedError
from monarq.shared.errors import ResultTimeoutError
from tests.producer.jobs import count_primes, fetch
from tests.support.formats import ON_BOTH, current_name
from tests.support.manual_worker import ManualWorker
from tests.support.slowness import in_time, patience_s

pytestmark = ON_BOTH


async def test_handles_come_in_the_order_in_which_jobs_end(producer: Producer, worker: ManualWorker) -> None:
    handles = await producer.enqueue_many(fetch, [(str(n),) for n in range(20)])
    leases = {lease.job_id: lease for lease in await worker.claim()}
    order = handles[::-1]
    got = []
    completed = producer.as_completed(handles)
    async with in_time(30):
        for handle in order:  # the next job ends when this one has come
            async with asyncio.TaskGroup() as group:
                group.create_task(worker.end(leases[handle.job_id], value=lambda payload: payload.args[0]))
                got.append(await anext(completed))
        assert [pair async for pair in completed] == []
    assert got == [(handle, str(handles.index(handle))) for handle in order]


async def test_a_job_that_raised_ends_the_iteration_or_gives_its_exception(
    producer: Producer, worker: ManualWorker
) -> None:
    handles = await producer.enqueue_many(fetch, [("a",), ("b",)])
    first, second = await worker.claim()
    await worker.end(first, value=ValueError("no"), success=False)
    with pytest.raises(ValueError, match="no"):
        await anext(producer.as_completed(handles))
    await worker.end(second, value=1)
    got = {handle.job_id: value async for handle, value in producer.as_completed(handles, return_exceptions=True)}
    assert got[second.job_id] == 1
    assert isinstance(got[first.job_id], ValueError)


async def test_as_completed_runs_out_of_time(producer: Producer, worker: ManualWorker) -> None:
    done, left = await producer.enqueue_many(fetch, [("a",), ("b",)])
    await worker.end(*[lease for lease in await worker.claim() if lease.job_id == done.job_id], value=1)
    completed = producer.as_completed([done, left, done], timeout=0.3)
    assert [(await anext(completed))[0], (await anext(completed))[0]] == [done, done]
    with pytest.raises(ResultTimeoutError, match=left.job_id):
        await anext(completed)


async def test_leaving_early_waits_for_nothing_any_more(producer: Producer, worker: ManualWorker) -> None:
    handles = await producer.enqueue_many(fetch, [(str(n),) for n in range(10)])
    await worker.end((await worker.claim())[0], value=1)
    async for _ in producer.as_completed(handles):
        break
    async with in_time(5):
        while any(producer._listener._result_waiters.values()):
            await asyncio.sleep(0.01)


async def test_closing_ends_an_iteration(redis_url: str) -> None:
    producer = Producer(redis_url, queue=current_name())
    handles = await producer.enqueue_many(fetch, [(str(n),) for n in range(10)])
    completed = producer.as_completed(handles)
    first = asyncio.create_task(anext(completed))
    await asyncio.sleep(0.05)
    await producer.close()
    with pytest.raises(ProducerClosedError):
        await first


async def test_map_gives_values_in_the_order_of_the_arguments(producer: Producer, worker: ManualWorker) -> None:
    mapping = asyncio.create_task(producer.map(count_primes, [(n, 2 * n) for n in range(50)], timeout=patience_s(10)))
    leases = await worker.claim_soon(50, lane_queue="cpu")
    for lease in leases[::-1]:
        await worker.end(lease, value=lambda payload: payload.args[1] - payload.args[0])
    assert await mapping == list(range(50))


async def test_map_raises_what_the_first_job_to_fail_raised(producer: Producer, worker: ManualWorker) -> None:
    mapping = asyncio.create_task(producer.map("fetch", [("a",), ("b",)], timeout=patience_s(10)))
    leases = await worker.claim_soon(2)
    await worker.end(leases[1], value=ZeroDivisionError("by"), success=False)
    with pytest.raises(ZeroDivisionError):
        await mapping


async def test_map_of_nothing_is_nothing(producer: Producer) -> None:
    assert await producer.map(count_primes, []) == []
