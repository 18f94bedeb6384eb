"""`monarq worker`: the limits that its options set."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.producer import Producer
from monarq.shared.errors import JobFailedError, PayloadError
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.protocol.namesake import option_of
from tests.cli.command import monarq
from tests.support.formats import ON_BOTH, current_name, current_queue
from tests.support.queue_state import server_ms
from tests.support.queues import NATIVE_QUEUE
from tests.support.slowness import patience_s

QUEUE = QueueKeys.of(DEFAULT_QUEUE)
NATIVE = NativeKeys.of(NATIVE_QUEUE.name)


@ON_BOTH
async def test_limits_reach_the_workers(redis: Redis, redis_url: str) -> None:
    limits = "--max-result 1KB --keep-result 5m --keep-dead 2h --max-dead 1 --max-crashes 2 --cpu-memory 1GB"
    async with Producer(redis_url, queue=current_name()) as producer:
        small = await producer.enqueue("double_text", "x")
        large = [await producer.enqueue("double_text", "x" * 600) for _ in range(2)]
        ended = await monarq(
            *("worker", "tests.cli.target", "-w", "1", "-c", "1", "--burst", "--max-payload", "100KB"),
            *("--max-jobs-per-child", "5", "--max-error-text", "2KB", *limits.split()),
            *option_of(current_queue()).split(),
            url=redis_url,
        )
        assert ended.code == 0
        assert await small.result(timeout=patience_s(5)) == "xx"
        # In arq's format the error would be too large as well, as the arguments are in the result, and goes as text.
        told_as = JobFailedError if current_queue().format == "arq" else PayloadError
        for handle in large:
            with pytest.raises(told_as, match="raise max_result"):
                await handle.result(timeout=patience_s(5))
    if current_queue().format == "arq":
        assert 290_000 < await redis.pttl(names.result(small.job_id)) <= 300_000
        left_ms = [await redis.pttl(QUEUE.dead_letter(handle.job_id)) for handle in large]
        assert min(left_ms) == -2  # gone: one is kept
        assert 7_100_000 < max(left_ms) <= 7_200_000
        return
    now_ms = await server_ms(redis)
    ends = dict(await redis.zrange(NATIVE.key("ends"), 0, -1, withscores=True))
    assert 290_000 < ends[b"r" + small.job_id.encode()] - now_ms <= 300_000
    letters = await redis.zrange(NATIVE.key("dead"), 0, -1)
    assert len(letters) == 1
    assert 7_100_000 < ends[b"d" + letters[0]] - now_ms <= 7_200_000
