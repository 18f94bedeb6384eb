"""Keys that ended jobs leave in Redis expire within an hour, or are listed in docs/guides/redis.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import arq
import pytest
from redis.asyncio import Redis

from monarq.producer import Producer
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.formats.arq.queues.counts import read_counts
from tests.arq.workers import burst, ours, running, until
from tests.support.formats import current_name
from tests.workers.cron.schedulers import EVERY_SECOND, entry, scheduler

DOCS: Final = Path(__file__).parents[2] / "docs/guides/redis.md"
ROW: Final = re.compile(r"^\| (`<base>.*|`monarq:.*) \| .* \| (.*) \|$", re.MULTILINE)
LONG_S: Final = {"hour": 3600, "hours": 3600, "day": 86_400, "days": 86_400}
HOUR_S: Final = 3600


def documented() -> dict[str, int]:
    """The longest time, in seconds, of each pattern of keys."""
    found: dict[str, int] = {}
    for keys, told in ROW.findall(DOCS.read_text()):
        times = [int(count) * LONG_S[unit] for count, unit in re.findall(r"(\d+) (hours?|days?)", told)]
        for pattern in re.findall(r"`([^`]+)`", keys):
            name = re.escape(pattern.replace("<base>", QueueKeys.of(DEFAULT_QUEUE).base))
            found[re.sub("<[a-z]+>", ".+", name)] = max(times, default=0)
    return found


async def settled(redis: Redis) -> bool:
    """Whether what was counted stands in its place, as it does once a look or an event falls into a later second."""
    keys = QueueKeys.of(DEFAULT_QUEUE)
    await read_counts(redis, keys)
    return bool(await redis.exists(f"{keys.base}stats"))


@pytest.mark.parametrize("keep_result", [0, 60])
async def test_what_stays_for_longer_than_an_hour_is_documented(
    redis: Redis, redis_url: str, pool: arq.ArqRedis, keep_result: int
) -> None:
    for name, argument in (("fail", "why"), ("again", 2), ("sleep", 0)):
        await pool.enqueue_job(name, argument)
    async with Producer(redis_url, codec="pickle", queue=current_name()) as producer:
        await producer.enqueue("sleep", 0)
    await scheduler(entry(EVERY_SECOND, run_at_startup=True, job_name="sleep")).run_once(redis)
    await burst(pool, keep_result=keep_result)
    await until(lambda: settled(redis))
    long = await pool.enqueue_job("sleep", 60)
    assert long is not None
    async with running(ours(pool)):
        await until(lambda: pool.exists(f"arq:in-progress:{long.job_id}"))
    await redis.delete(DEFAULT_QUEUE, f"arq:job:{long.job_id}")

    known = documented()
    assert len(known) > 10
    stays = {key.decode(): await redis.ttl(key) async for key in redis.scan_iter("monarq:*")}
    assert {key.rpartition(":")[2] for key in stays} >= {"stats", "names", "live", "recent", "dead", "queues"}
    for key, ttl_s in stays.items():
        times = [longest_s for pattern, longest_s in known.items() if re.fullmatch(pattern, key)]
        assert 0 < ttl_s <= max([HOUR_S, *times]), key
    await redis.flushall()
