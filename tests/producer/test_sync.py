"""The blocking producer: the same methods, from any thread, interrupted by Ctrl-C, and refused after a fork."""

from __future__ import annotations

import asyncio
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis.asyncio import Redis

from monarq.producer import ProducerClosedError, SyncProducer
from monarq.shared.errors import ResultTimeoutError
from tests.producer.jobs import count_primes, fetch
from tests.producer.programs import finish, start
from tests.support.formats import OF_ARQ, ON_BOTH, count_waiting, current_name, current_queue
from tests.support.manual_worker import ManualWorker
from tests.support.slowness import patience_s


@ON_BOTH
async def test_the_same_names_blocking(redis_url: str, worker: ManualWorker) -> None:
    def use() -> None:
        with SyncProducer(redis_url, queue=current_name()) as producer:
            handle = producer.enqueue(fetch, "u")
            asyncio.run_coroutine_threadsafe(end_next(), loop).result()
            assert (handle.result(timeout=patience_s(10)), handle.state(), handle.existed) == (5, "succeeded", False)
            info = handle.info()
            assert info is not None
            assert (info.job_id, info.state) == (handle.job_id, "succeeded")
            assert producer.handle(handle.job_id, current_name()).result(timeout=patience_s(10)) == 5
            handles = producer.enqueue_many(fetch.options(defer_by=60), [("a",), ("b",)])
            assert [other.state() for other in handles] == ["deferred", "deferred"]
            with pytest.raises(ResultTimeoutError):
                handles[0].result(timeout=0.05)
            assert producer.enqueue("by name").queue == current_queue().name

    async def end_next() -> None:
        await worker.end(*await worker.claim_soon(), value=5)

    loop = asyncio.get_running_loop()
    await asyncio.to_thread(use)


@OF_ARQ
async def test_map_as_completed_and_cancel(redis_url: str, worker: ManualWorker) -> None:
    def use() -> tuple[list[int], list[object], bool]:
        with SyncProducer(redis_url, queue=current_name()) as producer:
            mapped = producer.map(count_primes, [(n, n + 7) for n in range(5)], timeout=patience_s(10))
            handles = producer.enqueue_many(fetch, [("a",), ("b",)])
            completed = list(producer.as_completed(handles, timeout=patience_s(10), return_exceptions=True))
            assert {handle for handle, _ in completed} == set(handles)
            for _ in producer.as_completed(handles):
                break
            cancelled = producer.enqueue(fetch, "c").cancel(timeout=patience_s(10))
            return mapped, [value for _, value in completed], cancelled

    used = asyncio.create_task(asyncio.to_thread(use))
    await worker.end(*await worker.claim_soon(5, lane_queue="cpu"), value=lambda payload: payload.args[0])
    await worker.end(*await worker.claim_soon(2), value="x")
    [cancelled] = await worker.claim_soon()
    await worker.end(cancelled, value=asyncio.CancelledError(), success=False)
    assert await used == ([0, 1, 2, 3, 4], ["x", "x"], True)


@ON_BOTH
async def test_what_a_job_raised_is_raised_here(redis_url: str, worker: ManualWorker) -> None:
    def use() -> None:
        with SyncProducer(redis_url, queue=current_name()) as producer:
            handle = producer.enqueue(fetch, "u")
            with pytest.raises(KeyError, match="gone"):
                list(producer.as_completed([handle], timeout=patience_s(10)))
            with pytest.raises(KeyError, match="gone"):
                handle.result(timeout=patience_s(10))

    used = asyncio.create_task(asyncio.to_thread(use))
    await worker.end(*await worker.claim_soon(), value=KeyError("gone"), success=False)
    await used


@ON_BOTH
async def test_threads_share_one(redis_url: str, redis: Redis) -> None:
    def use() -> int:
        with SyncProducer(redis_url, queue=current_name()) as producer, ThreadPoolExecutor(8) as pool:
            return len(set(pool.map(lambda n: producer.enqueue(fetch, str(n)).job_id, range(200))))

    assert await asyncio.to_thread(use) == 200 == await count_waiting(redis)


async def test_closing_wakes_other_threads_and_may_be_repeated(redis_url: str) -> None:
    def use() -> list[type]:
        producer = SyncProducer(redis_url, queue=current_name())
        handle = producer.enqueue(fetch, "u")
        ended: list[type] = []

        def wait() -> None:
            try:
                handle.result()
            except ProducerClosedError as error:
                ended.append(type(error))

        waiting = threading.Thread(target=wait)
        waiting.start()
        while handle.state() != "queued" or not producer._producer._listener._result_waiters:
            pass
        producer.close()
        producer.close()
        waiting.join(5)
        with pytest.raises(ProducerClosedError):
            producer.enqueue(fetch, "u")
        with pytest.raises(ProducerClosedError):
            handle.state()
        return ended

    assert await asyncio.to_thread(use) == [ProducerClosedError]
    assert not [thread for thread in threading.enumerate() if thread.name == "monarq-producer"]


async def test_ctrl_c_ends_a_wait(redis_url: str) -> None:
    process = start(
        """
        with SyncProducer() as producer:
            handle = producer.enqueue(fetch, "u")
            try:
                print("waiting", flush=True)
                handle.result()
            except KeyboardInterrupt:
                queues = producer._producer._listener._result_waiters.values()
                while any(queues):
                    pass
                print(handle.state(), "and nobody waits")
        """,
        redis_url,
    )
    assert process.stdout is not None
    assert await asyncio.to_thread(process.stdout.readline) == "waiting\n"
    process.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(finish, process) == ("queued and nobody waits\n", "", 0)


async def test_a_program_that_forgets_to_close_ends_quietly(redis_url: str) -> None:
    process = start("producer = SyncProducer()\nproducer.enqueue(fetch, 'u')", redis_url)
    assert await asyncio.to_thread(finish, process) == ("", "", 0)


async def test_a_fork_is_refused_and_can_have_its_own(redis_url: str, redis: Redis) -> None:
    process = start(
        """
        import os, warnings
        # From Python 3.12 on, of forks beside threads: what one leads to is seen here.
        warnings.simplefilter("ignore", DeprecationWarning)
        producer = SyncProducer()
        producer.enqueue(fetch, "u")
        child = os.fork()
        if child == 0:
            try:
                producer.enqueue(fetch, "u")
            except ProducerMisusedError as error:
                print(error, flush=True)
            producer.close()
            with SyncProducer() as other:
                other.enqueue(fetch, "u")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        producer.enqueue(fetch, "u")
        producer.close()
        """,
        redis_url,
    )
    out, err, code = await asyncio.to_thread(finish, process)
    assert "before a fork" in out
    assert (err, code) == ("", 0)
    assert await count_waiting(redis) == 3


async def test_a_storm_of_signals_that_enqueue_as_well(redis_url: str, redis: Redis) -> None:
    process = start(
        """
        import signal
        inner = 0
        def enqueue(*_):
            global inner
            producer.enqueue(fetch, "inner")
            inner += 1
        with SyncProducer() as producer:
            signal.signal(signal.SIGALRM, enqueue)
            outer = 0
            while inner < 500:
                # One at a time: a handler that is slower than its timer would never come to an end.
                signal.setitimer(signal.ITIMER_REAL, 0.0001 + outer % 10 * 0.0002)
                producer.enqueue(fetch, "outer")
                outer += 1
            signal.setitimer(signal.ITIMER_REAL, 0)
        print(inner + outer)
        """,
        redis_url,
    )
    out, err, code = await asyncio.to_thread(finish, process)
    assert (err, code) == ("", 0)
    assert int(out) == await count_waiting(redis)
