"""A result whose own time is over counts as gone, also where nobody has deleted it yet; and ids that are refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from monarq.shared.errors import SettingsError
from monarq.shared.formats.native.jobs.enqueue import enqueue
from monarq.shared.formats.native.jobs.find import find_results, find_state
from monarq.shared.formats.native.queues.facts import read_facts
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.protocol.producer_queue import Unfinished
from tests.shared.formats.native.calls import KEYS, enqueue_jobs
from tests.support.queue_state import server_ms

KEPT, ENDS = KEYS.key("kept"), KEYS.key("ends")


@pytest.mark.parametrize(("left_ms", "is_there"), [(-1, False), (60_000, True)], ids=["over", "not yet"])
async def test_a_result_with_a_time_of_its_own(redis: Redis, left_ms: int, is_there: bool) -> None:
    await redis.execute_command("HSET", KEPT, "a", b"result")
    await redis.zadd(ENDS, {"ra": await server_ms(redis) + left_ms})
    assert await find_results(redis, KEYS, ["a"]) == [b"result" if is_there else Unfinished.GONE]
    assert await find_state(redis, KEYS, "a") == ("ended" if is_there else "unknown")
    assert ((await read_facts(redis, KEYS, b"a")).result_bytes is not None) is is_there
    came = await enqueue_jobs(redis, "a", mode=EnqueueMode.NAMED)
    assert came == [Enqueued.EXISTED if is_there else Enqueued.ADDED]


async def test_a_result_that_is_kept_for_ever(redis: Redis) -> None:
    await redis.execute_command("HSET", KEPT, "a", b"result")
    assert await find_results(redis, KEYS, ["a"]) == [b"result"]


@pytest.mark.parametrize("field", ["\0", "\0i", "\0c", "\0a job", "a\0b"])
@pytest.mark.parametrize("kind", [str, str.encode])
async def test_an_id_that_may_be_taken_for_something_else(redis: Redis, field: str, kind: Callable[[str], str]) -> None:
    for mode in (EnqueueMode.NAMED, EnqueueMode.REPEATED):
        with pytest.raises(SettingsError, match="it must not contain a zero byte"):
            await enqueue(redis, KEYS, "call", Placement(), mode, [("fine", b""), (kind(field), b"")])
    assert await redis.keys() == []
