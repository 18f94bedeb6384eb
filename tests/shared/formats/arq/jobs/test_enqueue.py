"""enqueue.lua, state -> call -> state."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.shared.lane import Lane
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode
from tests.shared.formats.arq.calls import call_enqueue
from tests.shared.formats.arq.rows import Row, Scene, check
from tests.support.queue_state import KEYS, PARKED, Exactly, QueueState, leased, read_ttls, server_ms

ADDED, EXISTED, ENDED = Enqueued.ADDED, Enqueued.EXISTED, Enqueued.ENDED
A: Final = {"a": "payload"}
NOTHING: Final = QueueState()


JOB_IN: Final = QueueState(queue={"a": 0}, payloads=A, stats={"enqueued": "1"}, notes=frozenset({"io"}))
WAITING: Final = QueueState(queue={"a": -5}, payloads={"a": "another"})
RUNNING: Final = QueueState(queue={"a": leased(10)}, payloads={"a": "payload"}, tokens={"a": "t1"})
EXPIRED_RUNNING: Final = QueueState(queue={"a": leased(10)}, tokens={"a": "t1"})

NEW = [
    Row("a job goes in", NOTHING, call_enqueue(A), [ADDED], JOB_IN, repeated=[EXISTED]),
    Row(
        "many go in with one note",
        NOTHING,
        call_enqueue({"a": "1", "b": "2", "c": "3"}),
        [ADDED] * 3,
        QueueState(
            queue={"a": 0, "b": 0, "c": 0},
            payloads={"a": "1", "b": "2", "c": "3"},
            stats={"enqueued": "3"},
            notes=frozenset({"io"}),
        ),
        repeated=[EXISTED] * 3,
    ),
    Row(
        "a cpu job is parked in the queue",
        NOTHING,
        call_enqueue(A, lane=Lane.CPU),
        [ADDED],
        replace(JOB_IN, queue={"a": PARKED}, cpu={"a": 0}, notes=frozenset({"cpu"})),
        repeated=[EXISTED],
    ),
    Row(
        "a deferred cpu job keeps its time in the cpu set",
        NOTHING,
        call_enqueue(A, lane=Lane.CPU, delay_s=60),
        [ADDED],
        replace(JOB_IN, queue={"a": PARKED}, cpu={"a": 60}, notes=frozenset({"cpu"})),
        repeated=[EXISTED],
    ),
    Row(
        "a thread job waits in the queue",
        NOTHING,
        call_enqueue(A, lane=Lane.THREAD),
        [ADDED],
        JOB_IN,
        repeated=[EXISTED],
    ),
    Row(
        "deferred by a delay",
        NOTHING,
        call_enqueue(A, delay_s=60),
        [ADDED],
        replace(JOB_IN, queue={"a": 60}),
        repeated=[EXISTED],
    ),
    Row(
        "deferred until a time",
        NOTHING,
        call_enqueue(A, due=90),
        [ADDED],
        replace(JOB_IN, queue={"a": 90}),
        repeated=[EXISTED],
    ),
    Row(
        "a time that has passed",
        NOTHING,
        call_enqueue(A, due=-90),
        [ADDED],
        replace(JOB_IN, queue={"a": -90}),
        repeated=[EXISTED],
    ),
    Row(
        "a time before 1970",
        NOTHING,
        call_enqueue(A, due=Exactly(-7)),
        [ADDED],
        replace(JOB_IN, queue={"a": Exactly(-7)}),
        repeated=[EXISTED],
    ),
    Row(
        "a second note is not left",
        QueueState(notes=frozenset({"io"})),
        call_enqueue(A),
        [ADDED],
        JOB_IN,
        repeated=[EXISTED],
    ),
    Row(
        "an id that is no UTF-8, and any bytes as payload",
        NOTHING,
        call_enqueue({"\udcff\udcfe": "\x00\r\n\udcff"}),
        [ADDED],
        replace(JOB_IN, queue={"\udcff\udcfe": 0}, payloads={"\udcff\udcfe": "\x00\r\n\udcff"}),
        repeated=[EXISTED],
    ),
    Row(
        "what is there does not keep the others out",
        WAITING,
        call_enqueue({"a": "1", "b": "2"}),
        [EXISTED, ADDED],
        QueueState(
            queue={"a": -5, "b": 0},
            payloads={"a": "another", "b": "2"},
            stats={"enqueued": "1"},
            notes=frozenset({"io"}),
        ),
        repeated=[EXISTED, EXISTED],
    ),
    Row(
        "a call that a network has held back until its job has ended makes no second one",
        QueueState(results={"a": "done"}, no_results=frozenset({"b"})),
        call_enqueue({"a": "1", "b": "2", "c": "3"}),
        [EXISTED, EXISTED, ADDED],
        replace(JOB_IN, queue={"c": 0}, payloads={"c": "3"}, results={"a": "done"}, no_results=frozenset({"b"})),
        repeated=[EXISTED] * 3,
    ),
    Row(
        "a member whose payload has expired becomes the new job",
        QueueState(queue={"a": -5}),
        call_enqueue(A),
        [ADDED],
        JOB_IN,
        repeated=[EXISTED],
    ),
]

NAMED = [
    Row("a free id", NOTHING, call_enqueue(A, EnqueueMode.NAMED), [ADDED], JOB_IN, repeated=[EXISTED]),
    Row("a job of this id waits", WAITING, call_enqueue(A, EnqueueMode.NAMED), [EXISTED], WAITING),
    Row("a job of this id runs", RUNNING, call_enqueue({"a": "2"}, EnqueueMode.NAMED), [EXISTED], RUNNING),
    Row(
        # Its end would remove the new job's payload and place with its own.
        "a job of this id runs and its payload has expired",
        EXPIRED_RUNNING,
        call_enqueue(A, EnqueueMode.NAMED),
        [EXISTED],
        EXPIRED_RUNNING,
    ),
    Row(
        "an arq worker runs a job of this id whose payload has expired",
        QueueState(queue={"a": -5}, tokens={"a": "1"}),
        call_enqueue(A, EnqueueMode.NAMED),
        [EXISTED],
        QueueState(queue={"a": -5}, tokens={"a": "1"}),
    ),
    Row(
        "the result of such a job is kept",
        QueueState(results={"a": "done"}),
        call_enqueue(A, EnqueueMode.NAMED),
        [EXISTED],
        QueueState(results={"a": "done"}),
    ),
    Row(
        "a job that ended without a result bars nothing",
        QueueState(no_results=frozenset({"a"})),
        call_enqueue(A, EnqueueMode.NAMED),
        [ADDED],
        replace(JOB_IN, no_results=frozenset({"a"})),
        repeated=[EXISTED],
    ),
    Row(
        "an abort that was meant for an earlier job of this id is dropped",
        QueueState(aborts={"a": -50, "b": -50}),
        call_enqueue(A, EnqueueMode.NAMED),
        [ADDED],
        replace(JOB_IN, aborts={"b": -50}),
        repeated=[EXISTED],
    ),
    Row(
        "tries and crashes of an earlier job of this id, which has expired, are not the new one's",
        QueueState(queue={"a": -5}, tries={"a": "4", "b": "1"}, crashes={"a": "2 killed"}),
        call_enqueue(A, EnqueueMode.NAMED),
        [ADDED],
        replace(JOB_IN, tries={"b": "1"}),
        repeated=[EXISTED],
    ),
    Row(
        # The cpu lane would take it too.
        "the place among the cpu jobs of an earlier job of this id, which has expired, is not the new io job's",
        QueueState(queue={"a": PARKED}, cpu={"a": -5}),
        call_enqueue(A, EnqueueMode.NAMED),
        [ADDED],
        JOB_IN,
        repeated=[EXISTED],
    ),
    Row(
        "an abort of the job that waits stays",
        QueueState(queue={"a": 0}, payloads=A, aborts={"a": -1}),
        call_enqueue({"a": "2"}, EnqueueMode.NAMED),
        [EXISTED],
        QueueState(queue={"a": 0}, payloads=A, aborts={"a": -1}),
    ),
]

AGAIN = [
    Row("the first call never came", NOTHING, call_enqueue(A, EnqueueMode.REPEATED), [ADDED], JOB_IN),
    Row("the first call went through", JOB_IN, call_enqueue(A, EnqueueMode.REPEATED), [ADDED], JOB_IN),
    Row("its job runs", RUNNING, call_enqueue(A, EnqueueMode.REPEATED), [ADDED], RUNNING),
    Row(
        "its job has ended",
        QueueState(results={"a": "done"}),
        call_enqueue(A, EnqueueMode.REPEATED),
        [ENDED],
        QueueState(results={"a": "done"}),
    ),
    Row(
        "its job has ended without a result",
        QueueState(no_results=frozenset({"a"})),
        call_enqueue(A, EnqueueMode.REPEATED),
        [ENDED],
        QueueState(no_results=frozenset({"a"})),
    ),
    Row(
        "somebody runs a job of this id whose payload has expired",
        EXPIRED_RUNNING,
        call_enqueue(A, EnqueueMode.REPEATED),
        [ENDED],
        EXPIRED_RUNNING,
    ),
    Row("another job of this id waits", WAITING, call_enqueue(A, EnqueueMode.REPEATED), [EXISTED], WAITING),
]

TICKS = [
    Row(
        "the first worker enqueues a tick",
        NOTHING,
        call_enqueue(A, EnqueueMode.NAMED, tick_s=60),
        [ADDED],
        replace(JOB_IN, ticks=frozenset({"a"})),
        repeated=[EXISTED],
    ),
    Row(
        "a tick that ran and left nothing is not enqueued again",
        QueueState(ticks=frozenset({"a"})),
        call_enqueue(A, EnqueueMode.NAMED, tick_s=60),
        [EXISTED],
        QueueState(ticks=frozenset({"a"})),
    ),
]


@pytest.mark.parametrize("row", NEW, ids=str)
async def test_a_new_id(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", NAMED, ids=str)
async def test_an_id_that_a_user_chose(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", AGAIN, ids=str)
async def test_a_call_that_is_repeated_because_its_outcome_is_unknown(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", TICKS, ids=str)
async def test_a_cron_tick(row: Row, redis: Redis) -> None:
    await check(row, redis)


async def test_what_lives_how_long(redis: Redis) -> None:
    scene = Scene(redis, await server_ms(redis))
    await call_enqueue({"a": "1"})(scene)
    await call_enqueue({"b": "2"}, EnqueueMode.NAMED, ttl_s=120, tick_s=60, lane=Lane.CPU)(scene)
    assert await read_ttls(redis) == {
        "arq:queue": -1,
        KEYS.cpu: -1,
        "arq:job:a": -1,
        "arq:job:b": 120,
        KEYS.base + "tick:b": 60,
        KEYS.base + "stats": 30 * 86_400,
        KEYS.wake("io"): 60,
        KEYS.wake("cpu"): 60,
    }
