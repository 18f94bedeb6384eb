"""Jobs in the queue of the other format: they are found where they would be waited for in vain."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.choice.namesakes import find_namesakes
from monarq.shared.protocol.namesake import Namesake, option_of
from monarq.shared.protocol.queue_ref import DEFAULT_QUEUES, QueueRef
from tests.support.queues import arq_queue
from tests.support.workers import put

NATIVE, ARQS = QueueRef("mail", "native"), arq_queue("mail")


@pytest.mark.parametrize(
    ("meant", "other"), [(NATIVE, ARQS), (ARQS, NATIVE), DEFAULT_QUEUES, DEFAULT_QUEUES[::-1]], ids=str
)
async def test_jobs_of_the_other_format_are_found_while_ones_own_queue_is_empty(
    redis: Redis, meant: QueueRef, other: QueueRef
) -> None:
    assert await find_namesakes(redis, [meant]) == []
    await put(redis, "send", job_id="a", queue=other)
    await put(redis, "send", job_id="b", queue=other, delay_ms=60_000)
    assert await find_namesakes(redis, [meant]) == [Namesake(other, 2, meant)]
    assert await find_namesakes(redis, [meant, other]) == [], "who names both serves both"
    await put(redis, "send", job_id="c", queue=meant)
    assert await find_namesakes(redis, [meant]) == []


async def test_keys_of_other_programs_are_not_looked_at(redis: Redis) -> None:
    await redis.zadd("mail", {"of somebody else": 1})
    await redis.expire("mail", 60)
    await redis.config_resetstat()
    assert await find_namesakes(redis, [NATIVE]) == []
    calls = await redis.info("commandstats")
    assert {"cmdstat_zcard": calls["cmdstat_zcard"]["calls"], "cmdstat_zscore": calls["cmdstat_zscore"]["calls"]} == {
        "cmdstat_zcard": 4,
        "cmdstat_zscore": 1,
    }


async def test_a_key_that_begins_as_arqs_do_is_looked_at_though_monarq_has_never_seen_the_queue(redis: Redis) -> None:
    meant, other = QueueRef("arq:hint", "native"), QueueRef("arq:hint", "arq")
    await redis.zadd("arq:hint", {"of arq's client": 1})
    assert await find_namesakes(redis, [meant]) == [Namesake(other, 1, meant)]
    await redis.delete("arq:hint")
    await redis.set("arq:hint", "no queue", ex=60)
    assert await find_namesakes(redis, [meant]) == []


async def test_nobody_is_asked_where_no_queue_is_named(redis: Redis) -> None:
    assert await find_namesakes(redis, []) == []


def test_they_are_told_in_one_sentence_with_the_option_that_names_them() -> None:
    assert str(Namesake(ARQS, 1, NATIVE)) == "1 job waits in the queue mail in arq's format"
    assert str(Namesake(QueueRef("a b", "native"), 1234, arq_queue("a b"))) == (
        "1,234 jobs wait in the queue a b in the native format"
    )
    assert [option_of(each) for each in (ARQS, QueueRef("a b", "native"))] == ["--arq-queue mail", "-q 'a b'"]
