"""The page's /metrics: behind the same access control, and readable by a Prometheus client."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

from tests.monitor.web.dead_letters import write_dead_letter
from tests.monitor.web.site import TOKEN, page


async def test_metrics(redis: Redis) -> None:
    await write_dead_letter(redis, b"ann", name="mail.send")
    async with page(redis, token=TOKEN) as site:
        assert (await site.client.get("/metrics")).status_code == 401
        text = await site.text("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    told = {
        (sample.name, sample.labels.get("state")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert told["monarq_redis_up", None] == 1
    assert told["monarq_queue_jobs", "dead"] == 1
    assert told["monarq_queue_jobs", "queued"] == 0


async def test_a_redis_that_is_away_is_a_metric() -> None:
    async with page("redis://127.0.0.1:1") as site:
        assert "monarq_redis_up 0.0" in await site.text("/metrics")
