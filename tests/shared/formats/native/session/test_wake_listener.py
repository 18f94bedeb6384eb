"""The wake listener goes on after whatever befalls its connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from monarq.shared.formats.native.keys import wake_channel
from monarq.shared.formats.native.session import wake_listener
from monarq.shared.formats.native.session.wake_listener import WakeListener
from tests.support.slowness import in_time

WORKER = "host:1:ab"


class Heard:
    """What a listener tells."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[bytes] = asyncio.Queue()
        self.listening: asyncio.Queue[None] = asyncio.Queue()
        self.listener = WakeListener(WORKER, self.messages.put_nowait, lambda: self.listening.put_nowait(None))

    @asynccontextmanager
    async def running(self, redis: Redis) -> AsyncIterator[None]:
        """The listener runs."""
        task = asyncio.create_task(self.listener.run(redis))
        try:
            async with in_time(20):
                yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_each_message_is_passed_on(redis: Redis) -> None:
    heard = Heard()
    async with heard.running(redis):
        await heard.listening.get()
        await redis.publish(wake_channel(WORKER), b"one")
        await redis.publish(wake_channel("another"), b"not this")
        await redis.publish(wake_channel(WORKER), b"two")
        assert [await heard.messages.get(), await heard.messages.get()] == [b"one", b"two"]


async def test_it_listens_anew_where_the_connection_is_lost_and_tells_that_it_has_missed_some(redis: Redis) -> None:
    heard = Heard()
    async with heard.running(redis):
        await heard.listening.get()
        assert await redis.client_kill_filter(_type="pubsub") == 1
        await heard.listening.get()
        await redis.publish(wake_channel(WORKER), b"one")
        assert await heard.messages.get() == b"one"


async def test_it_listens_anew_where_redis_does_not_answer_any_more(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wake_listener, "PING_AFTER_S", 0.05)
    heard = Heard()
    real_ping: Callable[..., Coroutine[None, None, None]] = wake_listener.Redis.pubsub

    class Deaf:
        """A subscription whose pings reach nobody."""

        def __init__(self, pubsub: object) -> None:
            self._pubsub = pubsub

        def __getattr__(self, name: str) -> object:
            return getattr(self._pubsub, name)

        async def ping(self) -> None:
            pass

    monkeypatch.setattr(type(redis), "pubsub", lambda client: Deaf(real_ping(client)))
    async with heard.running(redis):
        for _ in range(2):
            await heard.listening.get()


async def test_a_quiet_connection_that_answers_stays(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake_listener, "PING_AFTER_S", 0.02)
    heard = Heard()
    async with heard.running(redis):
        await heard.listening.get()
        pings = -1
        while pings < 3:  # its pings are counted by Redis
            pings = (await redis.info("commandstats")).get("cmdstat_ping", {}).get("calls", 0)
        await redis.publish(wake_channel(WORKER), b"one")
        assert await heard.messages.get() == b"one"
        assert heard.listening.empty()


async def test_no_error_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = asyncio.Event()

    class Away:
        """A Redis that cannot be reached."""

        count = 0

        def pubsub(self) -> Away:
            return self

        async def subscribe(self, channel: str) -> None:
            Away.count += 1
            if Away.count == 3:
                tried.set()
            raise RedisConnectionError("away")

        async def aclose(self) -> None:
            raise OSError

    heard = Heard()
    async with heard.running(Away()):  # type: ignore[arg-type]
        await tried.wait()
