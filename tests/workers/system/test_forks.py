"""What jobs fork has nothing of the worker: not its signals, not its connections, and it does not run its loop."""

from __future__ import annotations

import signal

from monarq.producer import Producer
from tests.support.slowness import patience_s
from tests.workers.supervisor.test_supervisor_jobs import pool_of, stop
from tests.workers.system import forking_jobs as jobs

TARGET = "tests.workers.system.forking_jobs"


async def test_forks_have_default_signals_and_none_of_the_workers_connections(redis_url: str) -> None:
    async with pool_of(redis_url, TARGET) as pool, Producer(redis_url) as producer:
        lanes = (jobs.fork_on_loop, jobs.fork_in_thread, jobs.fork_in_child)
        # Once before: a connection that is being made at the very moment of a fork is not known yet.
        await (await producer.enqueue(jobs.fork_on_loop)).result(timeout=patience_s(20))
        told = [await (await producer.enqueue(job)).result(timeout=patience_s(20)) for job in lanes]
        await stop(pool)
    for child in told:
        assert child["default"]
        assert child["wakeup"] == -1
        assert child["exit code"] == -signal.SIGTERM
    # What is shared: stdout, and in the worker its loop's own pipe and pair of sockets, which lead to nobody else.
    assert [len(child["shared"]) for child in told] == [4, 4, 1]


async def test_a_fork_that_comes_back_into_the_worker_ends(redis_url: str) -> None:
    async with pool_of(redis_url, TARGET) as pool, Producer(redis_url) as producer:
        for job in (jobs.come_back_twice_on_loop, jobs.come_back_twice_in_thread):
            assert await (await producer.enqueue(job)).result(timeout=patience_s(20)) == 1
            await pool.line("forked")
            await pool.line("forked")
        await stop(pool)
    assert pool.count("went on") == 1


async def test_a_fork_that_comes_back_into_the_loop_takes_no_message_from_it(redis_url: str) -> None:
    async with pool_of(redis_url, TARGET) as pool, Producer(redis_url) as producer:
        handle = await producer.enqueue(jobs.come_back_beside_messages)
        assert await handle.result(timeout=patience_s(20)) == "to the worker"
        await stop(pool)
