"""Beats of the lease thread: those that overlap with calls of the event loop, and what they cost."""

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
from tests.shared.formats.native.calls import blocking_client
from tests.shared.formats.native.session.holding import Holder
from tests.shared.formats.native.state import put
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
    queue = NativeWorkerQueue("mail", terms_of(), leases_of=lambda _: [], on_lost=lost.extend, in_use={})
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


class Recording:
    """A blocking client that notes what is sent."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.sent: list[tuple[Any, ...]] = []

    def execute_command(self, *parts: Any, **options: Any) -> Any:
        """Passes a command on."""
        self.sent.append(parts)
        return self._client.execute_command(*parts, **options)


async def commands_of(redis: Redis) -> dict[str, int]:
    """How often each command was carried out so far, in scripts or not, apart from those that look for that."""
    return {
        name: counts["calls"]
        for name, counts in (await redis.info("commandstats")).items()
        if name not in ("cmdstat_info", "cmdstat_config|resetstat")
    }


async def test_a_renewal_sends_and_does_the_same_for_one_job_and_for_a_thousand(redis: Redis) -> None:
    holder, sent, done = Holder(redis), [], []
    with blocking_client(redis) as client:
        holder.session.renew(client, b"{}", holder.lose)  # the first one lists the queues, and loads the scripts
        for jobs in (1, 999):
            await put(redis, *(f"{jobs}-{number}" for number in range(jobs)))
            assert len(await holder.claim(jobs)) == jobs
            holder.session.renew(client, b"{}", holder.lose)
            await redis.config_resetstat()
            recording = Recording(client)
            holder.session.renew(recording, b"{}", holder.lose)
            done.append(await commands_of(redis))
            sent.append(recording.sent)
    assert len(holder.table) == 1000
    assert sent[0] == sent[1]
    assert len(sent[0]) == 2, "the beat of the queue, and that of the worker"
    assert done[0] == done[1]
