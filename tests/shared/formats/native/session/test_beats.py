"""Beats of the lease thread that overlap with calls of the event loop."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.producer import Producer
from monarq.shared.formats.native.jobs.claim import Claim, ClaimReply, IncarnationGoneError
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.session import queue as module
from monarq.shared.formats.native.session.queue import NativeWorkerQueue
from monarq.shared.formats.native.workers.leases import BeatReply
from monarq.shared.queue import Queue
from monarq.shared.redis.connection import UrlSource
from tests.support.queues import terms_of


async def test_a_beat_that_overtakes_the_first_claim_loses_no_job(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim's reply comes before that of the beat, which says that there is no incarnation."""
    loop, has_beaten, is_claimed = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    claim, beat = module.claim, module.beat

    async def late_claim(redis: Redis, keys: NativeKeys, asked: Claim) -> ClaimReply:
        await has_beaten.wait()
        return await claim(redis, keys, asked)

    def early_beat(redis: Any, keys: NativeKeys, incarnation: str, lease_ms: int) -> BeatReply:
        try:
            return beat(redis, keys, incarnation, lease_ms)
        except IncarnationGoneError:
            loop.call_soon_threadsafe(has_beaten.set)
            asyncio.run_coroutine_threadsafe(is_claimed.wait(), loop).result()
            raise

    async with Producer(redis_url, queue=Queue("mail")) as producer:
        await producer.enqueue("greet")
    lost: list[Any] = []
    queue = NativeWorkerQueue("mail", terms_of(), leases_of=lambda _: [], on_lost=lost.extend)
    monkeypatch.setattr(module, "claim", late_claim)
    monkeypatch.setattr(module, "beat", early_beat)
    incarnation = queue.incarnation
    claiming = asyncio.create_task(queue.claim(redis, "io", 1))
    await asyncio.sleep(0)
    client = UrlSource(redis_url).blocking_client()
    beating = asyncio.create_task(asyncio.to_thread(queue.beat, client, loop))
    claimed = await claiming
    is_claimed.set()
    await beating
    await asyncio.sleep(0)
    client.close()
    assert len(claimed.leases) == 1
    assert queue.incarnation is incarnation
    assert await redis.hexists(queue.keys.held(incarnation.name), claimed.leases[0].job_id)
