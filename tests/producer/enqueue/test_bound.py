"""Jobs with their own arguments: one, many of several kinds, and what is refused before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.producer import PartlyEnqueuedError, Producer, SyncProducer
from monarq.shared.errors import ArgumentsError
from tests.producer.jobs import count_primes, fetch, noop
from tests.support.formats import ON_BOTH, count_waiting, current_name
from tests.support.manual_worker import ManualWorker

pytestmark = ON_BOTH


def call_of(payload: Any) -> list[Any]:
    """What a payload calls, as the job's result."""
    return [payload.name, list(payload.args), payload.kwargs]


async def test_a_bound_job_is_enqueued_with_its_arguments(producer: Producer, worker: ManualWorker) -> None:
    call = fetch.bind("u", depth=2)
    assert repr(call) == "fetch_page.bind('u', depth=2)"
    handle = await producer.enqueue(call.options(job_id="mine"))
    assert (handle.job_id, (await producer.enqueue(call.options(job_id="mine"))).existed) == ("mine", True)
    await worker.end(*await worker.claim_soon(1), value=call_of)
    assert await handle.result() == ["fetch_page", ["u"], {"depth": 2}]


async def test_many_of_several_kinds_keep_their_order_and_options(producer: Producer, worker: ManualWorker) -> None:
    calls: list[Any] = [fetch.bind(str(n), depth=n) if n % 2 else noop.bind() for n in range(10)]
    calls += [fetch.bind("named").options(job_id="mine"), count_primes.bind(1, stop=2)]
    handles = await producer.enqueue_many(calls)
    assert handles[10].job_id == "mine"
    await worker.end(*await worker.claim_soon(11), value=call_of)
    await worker.end(*await worker.claim_soon(1, "cpu"), value=7)
    expected = [["fetch_page", [str(n)], {"depth": n}] if n % 2 else None for n in range(10)]
    got = [await handle.result() if n % 2 else None for n, handle in enumerate(handles[:10])]
    assert got == expected
    assert await handles[10].result() == ["fetch_page", ["named"], {}]
    assert await handles[11].result() == 7


async def test_all_are_checked_before_one_is_sent(producer: Producer, redis: Redis) -> None:
    right = fetch.bind("u")
    with pytest.raises(ArgumentsError, match="argument 'start' of count_primes_between: expected int, got str"):
        await producer.enqueue_many([right, count_primes.bind("1", 2)])  # type: ignore[arg-type]
    for wrong in (fetch, ("u",), "fetch_page"):
        with pytest.raises(ArgumentsError, match=r"only jobs with their arguments, job\.bind"):
            await producer.enqueue_many([right, wrong])  # type: ignore[list-item]
    with pytest.raises(ArgumentsError, match="give a list of argument tuples"):
        await producer.enqueue_many(fetch)  # type: ignore[arg-type]
    with pytest.raises(ArgumentsError, match="do not pass others"):
        await producer.enqueue(right, "v")  # type: ignore[call-overload]
    with pytest.raises(ArgumentsError, match="missing a required argument: 'url'"):
        fetch.bind()  # type: ignore[call-arg]
    assert await count_waiting(redis) == 0


@pytest.mark.usefixtures("many_jobs")
async def test_what_failed_half_way_is_told_by_its_position(producer: Producer) -> None:
    calls = [noop.bind(), *([fetch.bind("u")] * 1200), fetch.bind("\ud800")]
    with pytest.raises(PartlyEnqueuedError, match="cannot be serialized") as caught:
        await producer.enqueue_many(calls)
    assert len(caught.value.enqueued) == 1001
    assert caught.value.total == 1202


def test_blocking_producers_take_them_as_well(redis_url: str) -> None:
    with SyncProducer(redis_url, queue=current_name()) as producer:
        assert producer.enqueue(noop.bind()).job_id
        assert len(producer.enqueue_many(call for call in [noop.bind(), fetch.bind("u")])) == 2
