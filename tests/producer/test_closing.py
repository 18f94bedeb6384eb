"""No connection outlives its producer: however its calls end, frozen servers and cancelled closings included."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.embedded import EmbeddedRedis
from monarq.producer import Producer
from monarq.shared.errors import EnqueueUnknownError, ResultTimeoutError
from tests.producer.jobs import fetch
from tests.producer.programs import finish, start
from tests.support.cancelling import Moment, at_once, cancel_at_each, is_cancelled, nothing_left_open, when_ready
from tests.support.proxy import Proxy

Call = Callable[[Producer], Coroutine[Any, Any, object]]


async def wait_for_result(producer: Producer) -> None:
    with suppress(ResultTimeoutError):
        await producer.handle((await producer.enqueue(fetch, "u")).job_id).result(timeout=0.02)


CALLS: dict[str, Call] = {
    "enqueue": lambda producer: producer.enqueue(fetch, "u"),
    "enqueue_many": lambda producer: producer.enqueue_many(fetch, [("u",)] * 1500),
    "result": wait_for_result,
}


@pytest.mark.parametrize("moment", [at_once, when_ready])
@pytest.mark.parametrize("way", ["directly", "through the proxy"])
@pytest.mark.parametrize("call", CALLS)
async def test_a_call_that_is_cancelled(
    redis: Redis, redis_url: str, proxy: Proxy, call: str, way: str, moment: Moment
) -> None:
    url = f"{redis_url}?db=1" if way == "directly" else f"{proxy.url}/1"

    async def run(at: int) -> bool:
        async with Producer(url) as producer:
            return await is_cancelled(CALLS[call](producer), at, moment)

    async with nothing_left_open():
        assert await cancel_at_each(run) >= 2
        proxy.break_all()


@pytest.mark.parametrize("moment", [at_once, when_ready])
async def test_a_close_that_is_cancelled(redis_url: str, moment: Moment) -> None:
    async def run(at: int) -> bool:
        producer = Producer(redis_url)
        await wait_for_result(producer)
        return await is_cancelled(producer.close(), at, moment)

    async with nothing_left_open():
        assert await cancel_at_each(run) >= 2


@pytest.mark.usefixtures("many_jobs")
async def test_what_a_frozen_server_does_not_take(redis_server: EmbeddedRedis, redis_url: str) -> None:
    payload = "u" * 4_000_000  # more than the kernel takes on its behalf
    try:
        async with nothing_left_open(), Producer(redis_url, retry_for=0.1, redis_timeout=0.3) as producer:
            await producer.enqueue(fetch, "u")
            os.kill(redis_server.pid, signal.SIGSTOP)
            with pytest.raises(EnqueueUnknownError):
                await producer.enqueue(fetch, payload)
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)


@pytest.mark.parametrize("runner", ["asyncio", "uvloop"])
async def test_a_program_that_never_closes_its_producer_ends(redis_url: str, runner: str) -> None:
    """Even where warnings are errors: uvloop then waits for ever for a transport that is open when it closes."""
    process = start(
        f"""
        import asyncio, uvloop

        async def main():
            global producer, tasks
            producer = Producer()
            handle = await producer.enqueue(fetch, "u")
            calls = [handle.result(), producer.enqueue_many(fetch, [("u",)] * 5000)]
            tasks = [asyncio.create_task(call) for call in calls]
            await asyncio.sleep(0.01)

        {runner}.run(main())
        """,
        redis_url,
    )
    assert await asyncio.to_thread(finish, process) == ("", "", 0)
