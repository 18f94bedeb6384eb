"""`monarq worker`: the limits that its options set."""

from __future__ import annotations

from dataclasses import fields

import pytest
from redis.asyncio import Redis

from monarq.cli.worker.command import SETTINGS
from monarq.producer import Producer
from monarq.shared.errors import JobFailedError
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.workers.config.settings import WorkerSettings
from tests.cli.command import monarq
from tests.support.slowness import patience_s

QUEUE = QueueKeys.of(DEFAULT_QUEUE)


def test_every_option_is_a_setting() -> None:
    assert set(SETTINGS.values()) <= {field.name for field in fields(WorkerSettings)} | {"max_tries", "allow_pickle"}


async def test_limits_reach_the_workers(redis: Redis, redis_url: str) -> None:
    limits = "--max-result 1KB --keep-result 5m --keep-dead 2h --max-dead 1 --max-crashes 2 --cpu-memory 1GB"
    async with Producer(redis_url) as producer:
        small = await producer.enqueue("double", "x")
        large = [await producer.enqueue("double", "x" * 600) for _ in range(2)]
        ended = await monarq(
            *("worker", "tests.cli.target", "-w", "1", "-c", "1", "--burst", "--max-payload", "100KB"),
            *("--max-jobs-per-child", "5", "--max-error-text", "2KB", *limits.split()),
            url=redis_url,
        )
        assert ended.code == 0
        assert await small.result(timeout=patience_s(5)) == "xx"
        for handle in large:
            with pytest.raises(JobFailedError, match="raise max_result"):
                await handle.result(timeout=patience_s(5))
    assert 290_000 < await redis.pttl(names.result(small.job_id)) <= 300_000
    left_ms = [await redis.pttl(QUEUE.dead_letter(handle.job_id)) for handle in large]
    assert min(left_ms) == -2  # gone: one is kept
    assert 7_100_000 < max(left_ms) <= 7_200_000
