"""purge.lua, state -> call -> state."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode
from tests.shared.formats.arq.admin_calls import call_purge
from tests.shared.formats.arq.calls import call_enqueue
from tests.shared.formats.arq.rows import NOT_REPEATED, WRONGTYPE, Row, Scene, check, wrong
from tests.support.queue_state import KEYS, PARKED, Exactly, QueueState, leased, seed
from tests.support.slowness import patience_s

EMPTY: Final = QueueState()
NONE: Final = (0, 0)
ONE: Final = QueueState(queue={"a": -5}, payloads={"a": "payload"})
GONE: Final = QueueState(stats={"purged": "1"}, no_results=frozenset({"a"}))
CPU_JOB: Final = replace(ONE, queue={"a": PARKED}, cpu={"a": -5})
RUNNING: Final = QueueState(queue={"a": leased(9)}, payloads={"a": "payload"}, tokens={"a": "t1"})

PURGES = [
    Row("an empty queue", EMPTY, call_purge(), NONE, EMPTY),
    Row("a job goes", ONE, call_purge(), (1, 0), GONE, repeated=NONE),
    Row("one that is due later stays", ONE, call_purge(highest=-60), NONE, ONE),
    Row("a cpu job goes", CPU_JOB, call_purge(lane_queue="cpu"), (1, 0), GONE, repeated=NONE),
    Row("a cpu job is not in the way of the io lane", CPU_JOB, call_purge("(0", "(4102444800000000"), NONE, CPU_JOB),
    Row("a job that runs stays", RUNNING, call_purge(highest=60), (0, 1), RUNNING),
    Row(
        "a job that an arq worker runs stays, where it is",
        replace(ONE, tokens={"a": "1"}),
        call_purge(),
        (0, 1),
        replace(ONE, tokens={"a": "1"}),
    ),
    Row(
        "a token of a wrong type is one",
        wrong("arq:in-progress:a", "list", ONE),
        call_purge(),
        (0, 1),
        wrong("arq:in-progress:a", "list", ONE),
    ),
    Row(
        "all that belongs to it goes, results and letters stay",
        replace(
            ONE,
            tries={"a": "2"},
            crashes={"a": "1 killed"},
            aborts={"a": -5, "b": -5},
            queue={"a": Exactly(1)},
            results={"b": "result"},
        ),
        call_purge(),
        (1, 0),
        replace(GONE, aborts={"b": -5}, results={"b": "result"}),
        repeated=NONE,
    ),
    Row(
        "one whose lease ran out goes", replace(ONE, queue={"a": leased(-9)}), call_purge(), (1, 0), GONE, repeated=NONE
    ),
    Row(
        "some at a time",
        QueueState(queue={"a": -5, "b": -4}, payloads={"a": "payload", "b": "payload"}),
        call_purge(limit=1),
        (1, 0),
        replace(GONE, queue={"b": -4}, payloads={"b": "payload"}),
        NOT_REPEATED,
    ),
    Row(
        "behind those that run",
        replace(RUNNING, queue={"a": -9, "b": -4}, payloads={"a": "payload", "b": "payload"}),
        call_purge(skip=1),
        (1, 0),
        replace(RUNNING, queue={"a": -9}, stats={"purged": "1"}, no_results=frozenset({"b"})),
        repeated=NONE,
    ),
    Row("a queue of a wrong type", wrong(KEYS.queue), call_purge(), WRONGTYPE, wrong(KEYS.queue)),
    Row(
        "a payload of a wrong type",
        wrong("arq:job:a", "list", replace(ONE, payloads={})),
        call_purge(),
        (1, 0),
        GONE,
        repeated=NONE,
    ),
]


@pytest.mark.parametrize("row", PURGES, ids=str)
async def test_purges(row: Row, redis: Redis) -> None:
    await check(row, redis)


async def test_an_enqueue_that_is_repeated_does_not_bring_a_job_back(redis: Redis) -> None:
    scene = Scene(redis, await seed(redis, ONE))
    assert await call_purge()(scene) == (1, 0)
    assert 50_000 < await redis.pttl(KEYS.no_result("a")) <= 60_000
    assert await call_enqueue({"a": "payload"}, EnqueueMode.REPEATED)(scene) == [Enqueued.ENDED]
    assert await redis.zcard(KEYS.queue) == 0
    assert await call_enqueue({"a": "payload"}, EnqueueMode.NAMED)(scene) == [Enqueued.ADDED], "another job of this id"


async def test_those_who_wait_are_notified(redis: Redis) -> None:
    scene = Scene(redis, await seed(redis, replace(ONE, queue={"a": -5, "b": -4, "c": 60})))
    async with redis.pubsub() as hearing:
        await hearing.subscribe(KEYS.ended)
        await hearing.get_message(timeout=patience_s(5))
        assert await call_purge()(scene) == (2, 0)
        told = await hearing.get_message(timeout=patience_s(5))
    assert told is not None
    assert told["data"] == b"a\0b"
