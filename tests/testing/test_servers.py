"""The servers of sandboxes, and what is redirected to them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from monarq import Producer, Queue, SyncProducer, job
from monarq.embedded import EmbeddedRedis, EmbeddedRedisError
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.connection import open_redis
from monarq.testing import Sandbox, SyncSandbox
from monarq.testing.server import sandbox_server, stop_server
from tests.testing.shop import send, signup


@job
async def times_two(number: int) -> int:
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
        handle = await producer.enqueue(times_two, 2)
        later = await producer.enqueue(times_two.options(defer_by=60), 3)
        sandbox.assert_enqueued(times_two, 2)
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
            await producer.enqueue(times_two, 1)
    monarq.assert_not_enqueued(times_two)


async def test_the_environment_is_as_before_after_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:1234")
    monkeypatch.delenv("MONARQ_REDIS", raising=False)
    async with Sandbox() as sandbox:
        assert os.environ["REDIS_URL"] == os.environ["MONARQ_REDIS"] == sandbox.url
    assert os.environ["REDIS_URL"] == "redis://elsewhere:1234"
    assert "MONARQ_REDIS" not in os.environ


def test_a_blocking_producer_finds_it(monarq_sync: SyncSandbox) -> None:
    with SyncProducer() as producer:
        producer.enqueue(times_two, 1)
    monarq_sync.assert_enqueued(times_two, 1)


LASTING = Producer()


@pytest.fixture(scope="module")
def lasting_sync() -> Iterator[SyncProducer]:
    """As one at the top of a module, but that its thread ends with the module's tests."""
    with SyncProducer() as producer:
        yield producer


@pytest.mark.parametrize("time", [1, 2])
async def test_a_producer_of_a_module_works_in_each_test_on_its_loop(time: int, monarq: Sandbox) -> None:
    handle = await LASTING.enqueue(times_two, time)
    await LASTING.enqueue(times_two, 10)
    assert monarq.assert_enqueued(times_two, time).job_id == handle.job_id
    await monarq.drain()
    assert await handle.result() == 2 * time


@pytest.mark.parametrize("time", [1, 2])
def test_a_blocking_producer_of_a_module_works_in_each_test(
    time: int, lasting_sync: SyncProducer, monarq_sync: SyncSandbox
) -> None:
    handle = lasting_sync.enqueue(times_two, time)
    assert len(monarq_sync.enqueued(times_two, time)) == 1
    monarq_sync.drain()
    assert handle.result() == 2 * time


async def test_a_producer_that_was_closed_can_be_opened_in_the_next_test() -> None:
    lasting = Producer()
    for number in (1, 2):
        async with Sandbox() as sandbox, lasting:
            await lasting.enqueue(times_two, number)
            sandbox.assert_enqueued(times_two, number)


async def test_after_the_sandbox_it_finds_what_it_found_before(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    async with Producer() as lasting:
        async with Sandbox() as sandbox:
            await lasting.enqueue(times_two, 1)
            sandbox.assert_enqueued(times_two, 1)
        await lasting.enqueue(times_two, 2)
        async with open_redis(redis_url) as redis:
            page = await monitor_queue(QueueRef("default", "native")).browse(redis, "queued", None, 10)
    assert len(page.jobs) == 1
