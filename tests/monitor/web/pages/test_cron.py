"""The cron page shows the status of running workers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from redis.asyncio import Redis

from monarq.monitor.queues.cron import read_crons
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.formats.native.workers.fleet import register_queues
from monarq.shared.jobs.cron_schedule import crontab
from monarq.shared.payloads.codec import MSGPACK, Codecs
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.workers.cron.entry import CronEntry
from monarq.workers.cron.scheduler import CronScheduler
from monarq.workers.events.dispatcher import Dispatcher
from tests.monitor.web.site import Site
from tests.support.queues import ARQ_QUEUE, BOTH_FORMATS
from tests.support.slowness import in_time

KEYS = QueueKeys.of(DEFAULT_QUEUE)


def scheduler(queue: QueueRef, *entries: CronEntry) -> CronScheduler:
    return CronScheduler(entries, queue=queue, codecs=Codecs(write=MSGPACK), events=Dispatcher())


async def test_the_crons_of_a_worker_are_shown(redis: Redis, queue: QueueRef, site: Site) -> None:
    assert "No running worker has a cron job" in await site.text("/cron")
    hourly = CronEntry("report", "cron:report", crontab("0 * * * *", "Europe/Berlin"), remembers=True)
    elsewhere = QueueRef("other", queue.format)
    other = CronEntry("tidy", "cron:tidy", crontab("30 4 * * *"), queue=elsewhere)
    await register_queues(redis, [BOTH_FORMATS[1].name])
    await scheduler(queue, hourly, other).run_once(redis)
    [cron] = await read_crons(redis, [queue])
    assert (cron.name, cron.job, cron.schedule, cron.zone) == ("cron:report", "report", "0 * * * *", "Europe/Berlin")
    assert cron.next_ms == round(hourly.schedule.next_after(datetime.now(UTC)).timestamp() * 1000)
    assert cron.last_ms is None
    html = await site.text("/cron")
    assert "0 * * * *" in html
    assert "in " in html
    assert [cron.name for cron in await read_crons(redis, [elsewhere])] == ["cron:tidy"]


async def test_the_last_tick_is_shown(redis: Redis, queue: QueueRef) -> None:
    each_second = CronEntry("beat", "cron:beat", crontab("* * * * * *"), remembers=True)
    one = scheduler(queue, each_second)
    async with in_time(5):
        while not (found := await read_crons(redis, [queue])) or found[0].last_ms is None:
            await asyncio.sleep(await one.run_once(redis))
    assert found[0].next_ms > found[0].last_ms
    await redis.flushall()


async def test_a_cron_without_a_worker_is_not_shown(redis: Redis) -> None:
    await scheduler(ARQ_QUEUE, CronEntry("tidy", "cron:tidy", crontab("@daily"))).run_once(redis)
    assert 0 < await redis.ttl(KEYS.crons) <= 120
    [field] = await redis.hkeys(KEYS.crons)
    told = (await redis.hget(KEYS.crons, field)).replace(b'"told_ms":1', b'"told_ms":')
    await redis.hset(KEYS.crons, field, told)
    assert await read_crons(redis, [ARQ_QUEUE]) == []


async def test_a_key_of_another_type_is_ignored(redis: Redis) -> None:
    await redis.set(KEYS.crons, "wrong", ex=60)
    await scheduler(ARQ_QUEUE, CronEntry("tidy", "cron:tidy", crontab("@daily"))).run_once(redis)
    assert await read_crons(redis, [ARQ_QUEUE]) == []
