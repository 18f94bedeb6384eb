"""Job references: jobs that are enqueued by name."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.producer import Producer, named
from monarq.shared.errors import SettingsError
from monarq.shared.formats.arq.keys import PARKED_SCORE
from monarq.shared.queue import Queue
from tests.support.formats import OF_ARQ
from tests.support.manual_worker import ManualWorker


@OF_ARQ
async def test_a_job_can_be_enqueued_by_its_name(producer: Producer, redis: Redis, worker: ManualWorker) -> None:
    await producer.enqueue("anything at all", 1, 2, three=4)
    [lease] = await worker.claim()
    assert worker.payload(lease).name == "anything at all"
    handle = await producer.enqueue(
        named("primes", lane="cpu", queue=Queue("other", format="arq")).options(job_id="n"), 1
    )
    assert (handle.job_id, handle.queue) == ("n", "other")
    assert await redis.zscore("other", "n") == PARKED_SCORE


@pytest.mark.parametrize("option", ["_defer_by", "_defer_until", "_expires", "_job_id", "_queue_name"])
async def test_no_option_is_sent_along_as_an_argument(producer: Producer, redis: Redis, option: str) -> None:
    right = rf"{option} is not an argument .*\.options\({option[1:].removesuffix('_name')}=\.\.\.\)"
    with pytest.raises(TypeError, match=right):
        await producer.enqueue("anything at all", 1, **{option: 5})
    assert await redis.dbsize() == 0


@pytest.mark.parametrize(("name", "lane"), [("", "io"), ("fetch", "gpu")])
def test_a_name_or_lane_that_cannot_be_is_refused(name: str, lane: str) -> None:
    with pytest.raises(SettingsError):
        named(name, lane=lane)
