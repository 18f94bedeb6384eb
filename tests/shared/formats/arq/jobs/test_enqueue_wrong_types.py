"""enqueue.lua where a key holds a type that it should not: all of a job is there, or nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.shared.lane import Lane
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode
from tests.shared.formats.arq.calls import call_enqueue
from tests.shared.formats.arq.rows import WRONGTYPE, Row, check, wrong
from tests.support.queue_state import KEYS, QueueState

ADDED, EXISTED = Enqueued.ADDED, Enqueued.EXISTED
A: Final = {"a": "payload"}
JOB_IN: Final = QueueState(queue={"a": 0}, payloads=A, stats={"enqueued": "1"}, notes=frozenset({"io"}))
TWO: Final = {"a": "payload", "b": "2"}
B_IN: Final = QueueState(queue={"b": 0}, payloads={"b": "2"}, stats={"enqueued": "1"}, notes=frozenset({"io"}))


WRONG_TYPES = [
    Row(
        "payload: the id counts as taken",
        wrong("arq:job:a", "list"),
        call_enqueue(TWO, EnqueueMode.NAMED),
        [EXISTED, ADDED],
        wrong("arq:job:a", "list", B_IN),
        repeated=[EXISTED] * 2,
    ),
    Row(
        "result: the id counts as taken",
        wrong("arq:result:a", "list"),
        call_enqueue(TWO, EnqueueMode.NAMED),
        [EXISTED, ADDED],
        wrong("arq:result:a", "list", B_IN),
        repeated=[EXISTED] * 2,
    ),
    Row(
        "in-progress: is not a claim",
        wrong("arq:in-progress:a", "list"),
        call_enqueue(A, EnqueueMode.NAMED),
        [ADDED],
        wrong("arq:in-progress:a", "list", JOB_IN),
        repeated=[EXISTED],
    ),
    Row(
        "tick: it has been enqueued",
        wrong(KEYS.base + "tick:a", "list"),
        call_enqueue(TWO, EnqueueMode.NAMED, tick_s=60),
        [EXISTED, ADDED],
        wrong(KEYS.base + "tick:a", "list", replace(B_IN, ticks=frozenset({"b"}))),
        repeated=[EXISTED] * 2,
    ),
    Row(
        "queue: refused, and no payload is left behind",
        wrong(KEYS.queue),
        call_enqueue(A),
        WRONGTYPE,
        wrong(KEYS.queue),
    ),
    Row(
        "cpu set: a cpu job is refused, and is not parked for ever",
        wrong(KEYS.cpu),
        call_enqueue(A, lane=Lane.CPU),
        WRONGTYPE,
        wrong(KEYS.cpu),
    ),
    Row(
        "cpu set: an io job has nothing to do with it",
        wrong(KEYS.cpu),
        call_enqueue(A),
        [ADDED],
        wrong(KEYS.cpu, beside=JOB_IN),
        repeated=[EXISTED],
    ),
    Row(
        "aborts: there are none to drop",
        wrong("arq:abort"),
        call_enqueue(A, EnqueueMode.NAMED),
        [ADDED],
        wrong("arq:abort", beside=JOB_IN),
        repeated=[EXISTED],
    ),
    Row(
        "statistics: nothing is counted",
        wrong(KEYS.base + "stats"),
        call_enqueue(A),
        [ADDED],
        wrong(KEYS.base + "stats", beside=replace(JOB_IN, stats={})),
        repeated=[EXISTED],
    ),
    Row(
        "wake-up list: nobody is told",
        wrong(KEYS.wake("io")),
        call_enqueue(A),
        [ADDED],
        wrong(KEYS.wake("io"), beside=replace(JOB_IN, notes=frozenset())),
        repeated=[EXISTED],
    ),
]


@pytest.mark.parametrize("row", WRONG_TYPES, ids=str)
async def test_a_key_of_a_wrong_type(row: Row, redis: Redis) -> None:
    await check(row, redis)
