"""What is not of its type in the worker: such a job is dead with the reason, is not tried again, and harms no other."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.producer import Producer
from monarq.shared.errors import ArgumentsError, ResultTypeError
from monarq.workers.system.signals import handling
from tests.support.formats import ON_BOTH, current_name
from tests.support.slowness import in_time
from tests.support.workers import dead_letter_of, make_worker, run_burst, running
from tests.types import wrong_jobs as jobs

pytestmark = ON_BOTH


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        (jobs.on_the_loop, "the result of wrong.on_the_loop: expected int, got str '5'"),
        (jobs.in_a_thread, "the result[1] of wrong.in_a_thread: expected int, got str '2'"),
        (jobs.in_a_process, "the result of wrong.in_a_process: expected int, got tuple"),
    ],
    ids=["io", "thread", "cpu"],
)
async def test_a_wrong_result_fails_its_job_at_once(redis: Redis, redis_url: str, job: Any, reason: str) -> None:
    jobs.RAN.clear()
    async with (
        running(make_worker(redis_url, jobs.ALL)) as worker,
        Producer(redis_url, queue=current_name()) as producer,
        in_time(60),
    ):
        handle = await producer.enqueue(job)
        with pytest.raises(ResultTypeError) as caught:
            await handle.result()
        assert str(caught.value) == reason
        assert reason in (await dead_letter_of(redis, handle.job_id))["error"]
        assert worker.counters.retried == 0
    assert len(jobs.RAN) <= 1


async def test_a_wrong_result_that_is_not_kept_fails_its_job_as_well(redis: Redis, redis_url: str) -> None:
    async with Producer(redis_url, queue=current_name()) as producer:
        handle = await producer.enqueue(jobs.not_kept)
    await run_burst(redis_url, jobs.ALL)
    assert "expected int, got str" in (await dead_letter_of(redis, handle.job_id))["error"]


async def test_wrong_arguments_are_refused_before_the_job_is_called(redis: Redis, redis_url: str) -> None:
    jobs.RAN.clear()
    with handling({signal.SIGINT: lambda: None}):  # as a worker's process does
        async with (
            running(make_worker(redis_url, jobs.ALL)) as worker,
            Producer(redis_url, queue=current_name(), check_arguments=False) as producer,
            in_time(60),
        ):
            for args, kwargs, reason in [
                (("1",), {}, "argument 'number' of wrong.takes: expected int, got str '1'"),
                ((), {}, "missing a required argument: 'number'"),
                ((1,), {"depth": 2}, "unexpected keyword argument 'depth'"),
                ((1, {"stays": 5}), {}, "argument 'leaves'.stays of wrong.takes: expected bool, got int 5"),
                ((1, {}), {}, "SystemExit: 7"),
                ((1, {"interrupts": True}), {}, "KeyboardInterrupt"),
            ]:
                handle = await producer.enqueue(jobs.takes.name, *args, **kwargs)
                with pytest.raises(ArgumentsError) as caught:
                    await handle.result()
                assert reason in str(caught.value)
                assert reason in (await dead_letter_of(redis, handle.job_id))["error"]
            assert worker.counters.retried == 0
            assert await (await producer.enqueue(jobs.plus, 1, 2)).result() == 3
    assert jobs.RAN == []


async def test_what_a_producer_does_not_check_the_worker_does(redis: Redis, redis_url: str) -> None:
    async with (
        running(make_worker(redis_url, jobs.ALL)),
        Producer(redis_url, queue=current_name(), check_arguments=False) as producer,
        in_time(60),
    ):
        wrong: Any = jobs.plus
        handles = [await producer.enqueue(wrong, "1", 2), *await producer.enqueue_many(wrong, [(1,), (1, 2.0)])]
        for handle in handles:
            with pytest.raises(ArgumentsError, match="plus"):
                await handle.result()
        right = await producer.enqueue(jobs.takes, 1, jobs.Leaves(stays=True))
        assert await right.result() == 1


async def test_a_result_that_is_not_what_the_handle_says_is_told_apart(redis: Redis, redis_url: str) -> None:
    async with (
        running(make_worker(redis_url, jobs.ALL)),
        Producer(redis_url, queue=current_name()) as producer,
        in_time(60),
    ):
        handle = await producer.enqueue(jobs.plus, 1, 2)
        assert await handle.result() == 3
        with pytest.raises(ResultTypeError, match="does not match the annotation here: expected str, got int 3"):
            await producer.handle(handle.job_id, type=str).result()
