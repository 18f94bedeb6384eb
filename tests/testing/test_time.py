"""The clock of a sandbox, and all that goes by it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from monarq import Context, Producer, ResultNotFoundError, job
from monarq.shared.clock import wall_ms
from monarq.shared.errors import SettingsError
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.formats.native.queues.counts import _SCRIPT as SOME_SCRIPT
from monarq.shared.protocol.queue_ref import Format, QueueRef
from monarq.shared.redis.clock import read_now_ms
from monarq.shared.redis.connection import open_redis
from monarq.testing import Sandbox
from tests.support.formats import current_queue
from tests.testing import shop

TIMES: list[datetime] = []


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    shop.SENT.clear()
    TIMES.clear()


@pytest.fixture
async def client(monarq: Sandbox) -> AsyncIterator[Redis]:
    async with open_redis(monarq.url) as opened:
        yield opened


@job(keep_result="10m")
async def look(ctx: Context) -> None:
    TIMES.append(ctx.enqueued_at)


async def test_the_clock_stands_all_but_still(monarq: Sandbox) -> None:
    before = monarq.now
    await asyncio.sleep(0.05)
    assert timedelta(0) < monarq.now - before < timedelta(milliseconds=5)


async def test_a_journey_is_as_long_as_it_was_to_be(monarq: Sandbox, client: Redis) -> None:
    before = monarq.now
    after = monarq.travel("1h30m", days=1, hours=2, minutes=3, seconds=4)
    wanted = timedelta(days=1, hours=3, minutes=33, seconds=4)
    assert abs(after - before - wanted) < timedelta(milliseconds=100)
    assert abs(await read_now_ms(client) / 1000 - after.timestamp()) < 0.1
    assert abs(wall_ms() / 1000 - after.timestamp()) < 0.1


async def test_it_goes_to_a_time_that_is_given(monarq: Sandbox) -> None:
    to = datetime(2035, 3, 1, 12, tzinfo=UTC)
    assert abs(monarq.travel(to=to) - to) < timedelta(milliseconds=100)


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"seconds": -1}, "time only moves forward: it is 20"),
        ({}, "time only moves forward"),
        ({"to": datetime(2020, 1, 1, tzinfo=UTC)}, "time only moves forward"),
        ({"to": datetime(2035, 1, 1)}, "time zone"),  # noqa: DTZ001
        ({"hours": 1, "to": datetime(2035, 1, 1, tzinfo=UTC)}, "not both"),
        ({"days": 100_000}, "no further"),
        ({"days": float("nan")}, "travel: days is not a number, or is too large"),
        ({"hours": 10**400}, "travel: hours is not a number"),
        ({"days": True}, "travel: days is not a number"),
    ],
)
async def test_a_journey_that_cannot_be_is_refused(monarq: Sandbox, where: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        monarq.travel(**where)


async def test_the_machines_time_holds_again_after_the_sandbox() -> None:
    source = SOME_SCRIPT.source
    async with Sandbox() as sandbox:
        sandbox.travel(days=1)
        assert SOME_SCRIPT.source != source
        assert wall_ms() > time.time() * 1000 + 86_000_000
    assert SOME_SCRIPT.source == source
    assert abs(wall_ms() - time.time() * 1000) < 1000


async def test_another_redis_has_the_machines_time_meanwhile(monarq: Sandbox, redis: Redis, redis_url: str) -> None:
    monarq.travel(days=1)
    async with Producer(redis_url) as producer:
        handle = await producer.enqueue(look.options(defer_by="1h"))
        facts = await monitor_queue(QueueRef("default", "native")).read_facts(
            redis, handle.job_id.encode(), with_payload=False
        )
    assert facts.due_ms is not None
    assert abs(facts.due_ms / 1000 - time.time() - 3600) < 60


async def test_jobs_and_results_have_the_time_of_the_sandbox(monarq: Sandbox, queue_format: Format) -> None:
    async with Producer(queue=current_queue()) as producer:
        await producer.enqueue(look)
        monarq.travel(days=3)
        handle = await producer.enqueue(look)
        await monarq.drain()
        info = await handle.info()
    assert abs(TIMES[1] - TIMES[0] - timedelta(days=3)) < timedelta(seconds=1)
    assert info is not None
    assert info.ended_at is not None
    assert abs(info.ended_at - monarq.now) < timedelta(seconds=1)


async def test_results_end_when_their_time_is_over(monarq: Sandbox, queue_format: Format) -> None:
    async with Producer(queue=current_queue()) as producer:
        handle = await producer.enqueue(look)
        await monarq.drain()
        monarq.travel(minutes=9)
        assert await handle.result() is None
        monarq.travel(minutes=2)
        with pytest.raises(ResultNotFoundError):
            await handle.result()


async def test_what_the_server_keeps_for_a_time_gets_older(monarq: Sandbox, client: Redis) -> None:
    await client.set("short", 1, ex=60)
    await client.set("long", 1, ex=3700)
    await client.set("lasting", 1)
    monarq.travel(hours=1)
    assert await client.exists("short", "long", "lasting") == 2
    assert 90 <= await client.ttl("long") <= 100


async def test_a_cron_fires_when_its_time_has_come_and_once(monarq: Sandbox) -> None:
    to = (monarq.now + timedelta(days=1)).replace(hour=2, minute=59)
    monarq.travel(to=to)
    await monarq.drain()
    shop.SENT.clear()
    monarq.travel(minutes=2)
    await monarq.drain()
    assert shop.SENT == ["cleaned up"]
    await monarq.drain()
    assert shop.SENT == ["cleaned up"]


async def test_a_cron_is_not_enqueued_ahead_of_its_time(monarq: Sandbox) -> None:
    monarq.travel(to=(monarq.now + timedelta(days=1)).replace(hour=2, minute=59, second=59, microsecond=500_000))
    await monarq.drain()
    assert monarq.enqueued() == []


async def test_of_missed_ticks_the_newest_counts_as_after_an_outage(monarq: Sandbox) -> None:
    monarq.travel(days=5)
    await monarq.drain()
    assert shop.SENT == ["cleaned up"]


@pytest.fixture
def monarq_app() -> object:
    return "tests.testing.shop"
