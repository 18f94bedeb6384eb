"""Redis outages of loops: reported once at their start and at their end, with longer and longer waits between."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.exceptions import AuthenticationError, BusyLoadingError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from monarq.shared.redis.backoff import FIRST_S
from monarq.shared.redis.redis_errors import NotSentError
from monarq.workers.events import outage as outage_module
from monarq.workers.events.outage import Outage, SharedOutage, is_of_server
from tests.support.slowness import in_time
from tests.support.workers import Recorder


async def test_each_outage_is_reported_once_and_begins_with_a_short_wait() -> None:
    recorder = Recorder()
    outage = Outage(recorder, "looking")
    outage.passed()
    for _ in range(2):
        waits_s = [outage.failed(OSError()) for _ in range(3)]
        assert waits_s[0] <= FIRST_S < waits_s[-1]
        outage.passed()
        outage.passed()
    assert recorder.events == ["redis_lost", "redis_back"] * 2


class Server:
    """A server that many loops call repeatedly."""

    def __init__(self, loops: int) -> None:
        self.recorder = Recorder()
        self.outage = SharedOutage(self.recorder, "calling")
        self.is_away = True
        self.failures = 0
        self.replies = asyncio.Semaphore(0)
        self.tasks = [asyncio.create_task(self._loop(object())) for _ in range(loops)]

    async def _loop(self, me: object) -> None:
        while True:
            if self.outage.holds_back(me):
                await self.outage.wait_for_others()
            if self.is_away:
                self.failures += 1
                await self.outage.failed(me, OSError())
                continue
            self.outage.passed(me)
            self.replies.release()
            return

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Any = asyncio.sleep
    monkeypatch.setattr(outage_module.asyncio, "sleep", lambda _: real(0))


@pytest.mark.usefixtures("no_waits")
async def test_one_loop_tries_again_for_all_and_when_it_gets_a_reply_all_go_on() -> None:
    server = Server(loops=100)
    for _ in range(50):
        await asyncio.sleep(0)
    assert server.failures <= 51, "the first failure, and one at a time from then on"
    server.is_away = False
    async with in_time(10):
        for _ in range(100):
            await server.replies.acquire()
    assert server.recorder.events == ["redis_lost", "redis_back"]
    await server.end()


async def test_where_the_loop_that_tries_again_is_cancelled_another_one_does() -> None:
    server = Server(loops=3)
    await asyncio.sleep(0)
    server.tasks[0].cancel()
    server.is_away = False
    async with in_time(10):
        for _ in range(2):
            await server.replies.acquire()
    await server.end()


@pytest.mark.parametrize(
    ("error", "of_server"),
    [
        (RedisConnectionError("broken under a reply that is too large"), False),
        (NotSentError("no connection"), True),
        (TimeoutError(), False),
        (BusyLoadingError("loading"), True),
        (ReadOnlyError("a replica"), True),
        (AuthenticationError("a password is missing"), True),
        (ResponseError("WRONGTYPE Operation against a key"), False),
        (RedisError("refused by the queue"), False),
    ],
    ids=repr,
)
def test_which_errors_are_those_of_the_server(error: BaseException, of_server: bool) -> None:
    assert is_of_server(error) is of_server
