"""Crons in the page: as running workers tell of them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from redis.asyncio import Redis

from monarq.monitor.queues.cron import read_crons
from monarq.shared.jobs.cron_schedule import crontab
from monarq.shared.payloads.codec import MSGPACK, Codecs
from monarq.shared.redis.keys import DEFAULT_QUEUE, QueueKeys
from monarq.workers.cron.entry import CronEntry
from monarq.workers.cron.keeper import CronKeeper
from monarq.workers.events.dispatcher import Dispatcher
from tests.page.site import Site
from tests.support.slowness import in_time

KEYS = QueueKeys.of(DEFAULT_QUEUE)


def keeper(*entries: CronEntry) -> CronKeeper:
    return CronKeeper(entries, queue=DEFAULT_QUEUE, codecs=Codecs(write=MSGPACK), events=Dispatcher())


async def test_what_a_worker_keeps_is_shown(redis: Redis, site: Site) -> None:
    assert "No running worker keeps a cron" in await site.text("/cron")
    hourly = CronEntry("report", "cron:report", crontab("0 * * * *", "Europe/Berlin"), remembers=True)
    other = CronEntry("tidy", "cron:tidy", crontab("30 4 * * *"), queue="other")
    await keeper(hourly, other).look(redis)
    [cron] = await read_crons(redis, [DEFAULT_QUEUE])
    assert (cron.name, cron.job, cron.schedule, cron.zone) == ("cron:report", "report", "0 * * * *", "Europe/Berlin")
    assert cron.next_ms == round(hourly.schedule.next_after(datetime.now(UTC)).timestamp() * 1000)
    assert cron.last_ms is None
    html = await site.text("/cron")
    assert "0 * * * *" in html
    assert "in " in html
    assert [cron.name for cron in await read_crons(redis, ["other"])] == ["cron:tidy"]


async def test_the_newest_tick_is_known(redis: Redis) -> None:
    each_second = CronEntry("beat", "cron:beat", crontab("* * * * * *"), remembers=True)
    kept = keeper(each_second)
    async with in_time(5):
        while not (found := await read_crons(redis, [DEFAULT_QUEUE])) or found[0].last_ms is None:
            await asyncio.sleep(await kept.look(redis))
    assert found[0].next_ms > found[0].last_ms
    await redis.flushall()


async def test_what_nobody_keeps_any_more_is_not_shown(redis: Redis) -> None:
    await keeper(CronEntry("tidy", "cron:tidy", crontab("@daily"))).look(redis)
    assert 0 < await redis.ttl(KEYS.crons) <= 120
    [field] = await redis.hkeys(KEYS.crons)
    told = (await redis.hget(KEYS.crons, field)).replace(b'"told_ms":1', b'"told_ms":')
    await redis.hset(KEYS.crons, field, told)
    assert await read_crons(redis, [DEFAULT_QUEUE]) == []


async def test_a_key_of_another_type_is_passed_over(redis: Redis) -> None:
    await redis.set(KEYS.crons, "wrong", ex=60)
    await keeper(CronEntry("tidy", "cron:tidy", crontab("@daily"))).look(redis)
    assert await read_crons(redis, [DEFAULT_QUEUE]) == []
