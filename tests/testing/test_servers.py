"""The servers of sandboxes, and what is redirected to them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from monarq import Producer, Queue, SyncProducer, job
from monarq.embedded import EmbeddedRedis, EmbeddedRedisError
from monarq.testing import Sandbox, SyncSandbox
from monarq.testing.server import sandbox_server, stop_server
from tests.testing.shop import send, signup


@job
async def double(number: int) -> int:
    return 2 * number


@pytest.fixture
def _no_server_after() -> Iterator[None]:
    """The next test must not have the server of this one."""
    yield
    stop_server()


@pytest.mark.usefixtures("_no_server_after")
@pytest.mark.parametrize("queue_format", ["native", "arq"])
async def test_fakeredis_does_where_there_is_no_server(queue_format: str) -> None:
    queue = Queue("some", format=queue_format)
    async with Sandbox(server="fakeredis") as sandbox, Producer(queue=queue) as producer:
        assert "fakeredis" in sandbox_server("fakeredis").description
        handle = await producer.enqueue(double, 2)
        later = await producer.enqueue(double.options(defer_by=60), 3)
        sandbox.assert_enqueued(double, 2)
        await sandbox.drain()
        assert await handle.result() == 4
        sandbox.travel(61)
        await sandbox.drain()
        assert await later.result() == 6


@pytest.mark.usefixtures("_no_server_after")
def test_a_kind_of_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EmbeddedRedisError, match="there is no redis-server here"):
        SyncSandbox(server="redis-server").open()
    assert "REDIS_URL" not in os.environ


async def test_sandboxes_one_after_the_other_have_one_server_which_is_emptied(monarq: Sandbox) -> None:
    await signup("a@b")
    url = monarq.url
    monarq.close()
    async with Sandbox() as other:
        assert other.url == url
        assert other.enqueued() == []


async def test_one_that_was_killed_is_replaced(monarq: Sandbox) -> None:
    url = monarq.url
    monarq.close()
    stop_server()
    async with Sandbox() as other:
        assert other.url != url
        await signup("a@b")
        other.assert_enqueued(send)


async def test_a_producer_with_a_url_is_not_redirected(monarq: Sandbox) -> None:
    with EmbeddedRedis() as elsewhere:
        async with Producer(elsewhere.url) as producer:
            await producer.enqueue(double, 1)
    monarq.assert_not_enqueued(double)


async def test_the_environment_is_as_before_after_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:1234")
    monkeypatch.delenv("MONARQ_REDIS", raising=False)
    async with Sandbox() as sandbox:
        assert os.environ["REDIS_URL"] == os.environ["MONARQ_REDIS"] == sandbox.url
    assert os.environ["REDIS_URL"] == "redis://elsewhere:1234"
    assert "MONARQ_REDIS" not in os.environ


def test_a_blocking_producer_finds_it(monarq_sync: SyncSandbox) -> None:
    with SyncProducer() as producer:
        producer.enqueue(double, 1)
    monarq_sync.assert_enqueued(double, 1)
