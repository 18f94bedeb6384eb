"""What all tests share: one real Redis of their own, emptied before each test, and a check that no key leaks."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from monarq.embedded import EmbeddedRedis
from monarq.shared.protocol.queue_ref import Format
from monarq.shared.redis.connection import open_redis
from tests.support.formats import use_format
from tests.support.plugins.leaks import leaked_keys
from tests.support.plugins.loops import StrictLoop
from tests.support.proxy import Proxy
from tests.support.server import why_wrong

pytest_plugins = ["tests.support.plugins.run_limits", "tests.support.plugins.tracebacks"]


def pytest_configure(config: pytest.Config) -> None:
    """The fixtures that users have; where monarq is installed, pytest has loaded them by itself."""
    if not config.pluginmanager.has_plugin("monarq"):
        config.pluginmanager.import_plugin("monarq.testing.plugin")


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests run under uvloop, as the workers do."""
    return {"uvloop": StrictLoop}


def pytest_collection_finish() -> None:
    """Before the tests run.

    What was collected stays to the end: searched for garbage again and again, it is a tenth of the tests' time.
    """
    gc.collect()
    gc.freeze()
    # What a script runs in the background ignores Ctrl-C, and so would every program that tests start and interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[EmbeddedRedis]:
    """A real Redis for the whole run: what touches a script is never tested on less."""
    with EmbeddedRedis() as server:
        if wrong := why_wrong(server):
            pytest.exit(wrong, returncode=3)
        yield server


@pytest.fixture
async def redis(redis_server: EmbeddedRedis) -> AsyncIterator[Redis]:
    """A client of the emptied server. When the test is over, no key without TTL may be left that nothing needs."""
    async with open_redis(redis_server.url) as client:
        await client.flushall()
        yield client
        leaked = await leaked_keys(client)
    assert not leaked, f"keys without TTL are left: {leaked}"


@pytest.fixture
async def redis_url(redis_server: EmbeddedRedis, redis: Redis) -> str:
    """The URL of the emptied server."""
    return redis_server.url


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[Proxy]:
    """A proxy before the emptied server, which loses what the test wants lost."""
    async with Proxy(urlsplit(redis_url).path) as made:
        yield made


@pytest.fixture(params=["native", "arq"])
def queue_format(request: pytest.FixtureRequest) -> Iterator[Format]:
    """The test is played on both formats: its default queue is a native one, and then one in arq's format."""
    use_format(request.param)
    yield request.param
    use_format("native")


@pytest.fixture
def arq_format(request: pytest.FixtureRequest) -> Iterator[None]:
    """The default queue of the test is one in arq's format, unless the test is played on both."""
    if "queue_format" not in request.fixturenames:
        use_format("arq")
    yield
    use_format("native")
