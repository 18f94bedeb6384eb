"""requeue.lua, state -> call -> state."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from redis.asyncio import Redis

from tests.shared.formats.arq.calls import Back, call_requeue
from tests.shared.formats.arq.rows import WRONGTYPE, Row, Scene, check, wrong
from tests.support.queue_state import KEYS, PARKED, Exactly, QueueState, leased, read_ttls, seed

IO_NOTE: Final = frozenset({"io"})
CPU_NOTE: Final = frozenset({"cpu"})
LEASED: Final = QueueState(
    queue={"a": leased(10)}, payloads={"a": "payload"}, tokens={"a": "t1"}, leases={"w1": {"a": "t1"}}
)
CPU_LEASED: Final = replace(LEASED, queue={"a": PARKED}, cpu={"a": leased(10)})
TWO_LEASED: Final = QueueState(
    queue=dict.fromkeys("ab", leased(10)),
    payloads=dict.fromkeys("ab", "payload"),
    tokens=dict.fromkeys("ab", "t1"),
    leases={"w1": dict.fromkeys("ab", "t1")},
)
FREE: Final = QueueState(queue={"a": 0}, payloads={"a": "payload"}, notes=IO_NOTE)
BOTH_FREE: Final = QueueState(queue={"a": 0, "b": 0}, payloads=TWO_LEASED.payloads, notes=IO_NOTE)

RETURNS = [
    Row("nothing is given", LEASED, call_requeue(), [], LEASED),
    Row("at once, at no cost", LEASED, call_requeue(Back("a")), [], FREE, repeated=["a"]),
    Row(
        "of a lease that lasts, whose token somebody has deleted",
        replace(LEASED, tokens={}),
        call_requeue(Back("a")),
        [],
        FREE,
        repeated=["a"],
    ),
    Row(
        "to its old place in the line",
        LEASED,
        call_requeue(Back("a", due=-30)),
        [],
        replace(FREE, queue={"a": -30}),
        repeated=["a"],
    ),
    Row(
        "to a place before 1970",
        LEASED,
        call_requeue(Back("a", due=Exactly(-3))),
        [],
        replace(FREE, queue={"a": Exactly(-3)}),
        repeated=["a"],
    ),
    Row(
        "for another try, after a while",
        replace(LEASED, tries={"a": "1"}),
        call_requeue(Back("a", delay_s=30, tries=2)),
        [],
        replace(FREE, queue={"a": 30}, tries={"a": "2"}, stats={"retried": "1"}),
        repeated=["a"],
    ),
    Row(
        "for another try, at a time that Redis cannot count to",
        TWO_LEASED,
        call_requeue(Back("a", due=Exactly(1e20), tries=2), Back("b", tries=1)),
        [],
        replace(BOTH_FREE, queue={"a": Exactly(1e20), "b": 0}, tries={"a": "2", "b": "1"}, stats={"retried": "2"}),
        repeated=["a", "b"],
    ),
    Row(
        "what it has used and how it crashed stays known",
        replace(LEASED, tries={"a": "1"}, crashes={"a": "1 killed"}),
        call_requeue(Back("a")),
        [],
        replace(FREE, tries={"a": "1"}, crashes={"a": "1 killed"}),
        repeated=["a"],
    ),
    Row(
        "its worker does not know it: since when is kept beside how it crashed",
        replace(TWO_LEASED, crashes={"b": "1 killed\x007"}),
        call_requeue(Back("a", delay_s=30, unknown_ms=5), Back("b", unknown_ms=7)),
        [],
        replace(BOTH_FREE, queue={"a": 30, "b": 0}, crashes={"a": "0 \x005", "b": "1 killed\x007"}),
        repeated=["a", "b"],
    ),
    Row(
        "a cpu job found in the queue goes to the cpu set",
        LEASED,
        call_requeue(Back("a", lane_queue="cpu", due=-5)),
        [],
        replace(FREE, queue={"a": PARKED}, cpu={"a": -5}, notes=CPU_NOTE),
        repeated=["a"],
    ),
    Row(
        "a cpu job goes back to the cpu set",
        CPU_LEASED,
        call_requeue(Back("a", lane_queue="cpu", delay_s=5)),
        [],
        replace(FREE, queue={"a": PARKED}, cpu={"a": 5}, notes=CPU_NOTE),
        repeated=["a"],
    ),
    Row(
        # Were it still in the cpu set, cpu lanes would take it at its lease's end, and count a crash.
        "a job that is an io job now leaves the cpu set",
        CPU_LEASED,
        call_requeue(Back("a")),
        [],
        FREE,
        repeated=["a"],
    ),
    Row(
        "one for each lane: a note for each",
        TWO_LEASED,
        call_requeue(Back("a"), Back("b", lane_queue="cpu")),
        [],
        replace(BOTH_FREE, queue={"a": 0, "b": PARKED}, cpu={"b": 0}, notes=IO_NOTE | CPU_NOTE),
        repeated=["a", "b"],
    ),
    Row(
        "several, and no second note",
        replace(TWO_LEASED, notes=IO_NOTE),
        call_requeue(Back("a"), Back("b")),
        [],
        BOTH_FREE,
        repeated=["a", "b"],
    ),
    Row(
        "its payload has expired while it ran",
        replace(LEASED, payloads={}),
        call_requeue(Back("a")),
        [],
        replace(FREE, payloads={}),
        repeated=["a"],
    ),
]

OWNERSHIP = [
    Row(
        "another worker has claimed it meanwhile",
        replace(LEASED, tokens={"a": "t2"}),
        call_requeue(Back("a", tries=5)),
        ["a"],
        replace(LEASED, tokens={"a": "t2"}, leases={}),
    ),
    Row(
        "its lease has run out",
        replace(LEASED, queue={"a": leased(-1)}, tokens={}),
        call_requeue(Back("a", tries=5)),
        ["a"],
        replace(LEASED, queue={"a": leased(-1)}, tokens={}, leases={}),
    ),
    Row(
        "it has ended: it does not come back (arq makes a ghost of it)",
        QueueState(results={"a": "done"}, leases={"w1": {"a": "t1"}}),
        call_requeue(Back("a", tries=5)),
        ["a"],
        QueueState(results={"a": "done"}),
    ),
    Row(
        "it has ended and its id waits again",
        QueueState(queue={"a": 60}, payloads={"a": "new"}),
        call_requeue(Back("a", tries=5)),
        ["a"],
        QueueState(queue={"a": 60}, payloads={"a": "new"}),
    ),
    Row(
        "one that is lost does not keep the other",
        replace(TWO_LEASED, tokens={"a": "t2", "b": "t1"}),
        call_requeue(Back("a"), Back("b")),
        ["a"],
        replace(BOTH_FREE, queue={"a": leased(10), "b": 0}, tokens={"a": "t2"}),
        repeated=["a", "b"],
    ),
]

WRONG_TYPES = [
    Row(
        "in-progress: the job is not the worker's",
        wrong("arq:in-progress:a", "list", replace(TWO_LEASED, tokens={"b": "t1"})),
        call_requeue(Back("a"), Back("b")),
        ["a"],
        wrong("arq:in-progress:a", "list", replace(BOTH_FREE, queue={"a": leased(10), "b": 0})),
        repeated=["a", "b"],
    ),
    Row(
        "tries: are replaced",
        wrong("arq:retry:a", "list", TWO_LEASED),
        call_requeue(Back("a", tries=1), Back("b")),
        [],
        replace(BOTH_FREE, tries={"a": "1"}, stats={"retried": "1"}),
        repeated=["a", "b"],
    ),
    Row(
        "queue: refused, and the jobs stay the worker's",
        wrong(KEYS.queue, beside=replace(TWO_LEASED, queue={})),
        call_requeue(Back("a", lane_queue="cpu"), Back("b")),
        WRONGTYPE,
        wrong(KEYS.queue, beside=replace(TWO_LEASED, queue={})),
    ),
    Row(
        "cpu set: cpu jobs wait in the queue",
        wrong(KEYS.cpu, beside=TWO_LEASED),
        call_requeue(Back("a", lane_queue="cpu"), Back("b")),
        [],
        wrong(KEYS.cpu, beside=replace(BOTH_FREE, notes=IO_NOTE | CPU_NOTE)),
        repeated=["a", "b"],
    ),
    Row(
        "the worker's record of its leases: the jobs are free",
        wrong(KEYS.leases("w1"), beside=replace(TWO_LEASED, leases={})),
        call_requeue(Back("a"), Back("b")),
        [],
        wrong(KEYS.leases("w1"), beside=BOTH_FREE),
        repeated=["a", "b"],
    ),
    Row(
        "statistics: nothing is counted",
        wrong(KEYS.base + "stats", beside=TWO_LEASED),
        call_requeue(Back("a", tries=1), Back("b")),
        [],
        wrong(KEYS.base + "stats", beside=replace(BOTH_FREE, tries={"a": "1"})),
        repeated=["a", "b"],
    ),
    Row(
        "wake-up list: nobody is told",
        wrong(KEYS.wake("io"), beside=TWO_LEASED),
        call_requeue(Back("a"), Back("b", lane_queue="cpu")),
        [],
        wrong(KEYS.wake("io"), beside=replace(BOTH_FREE, queue={"a": 0, "b": PARKED}, cpu={"b": 0}, notes=CPU_NOTE)),
        repeated=["a", "b"],
    ),
]


@pytest.mark.parametrize("row", RETURNS, ids=str)
async def test_returns(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", OWNERSHIP, ids=str)
async def test_only_the_owner_gives_a_job_back(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", WRONG_TYPES, ids=str)
async def test_a_key_of_a_wrong_type(row: Row, redis: Redis) -> None:
    await check(row, redis)


async def test_what_lives_how_long(redis: Redis) -> None:
    scene = Scene(redis, await seed(redis, TWO_LEASED))
    await call_requeue(Back("a", delay_s=86_400, tries=1), Back("b", lane_queue="cpu", tries=2))(scene)
    week = 7 * 86_400
    assert await read_ttls(redis) == {
        "arq:queue": -1,
        KEYS.cpu: -1,
        "arq:job:a": 86_400 + week,  # they have started: their own 100 s are over
        "arq:job:b": week,
        "arq:retry:a": week + 86_400,
        "arq:retry:b": week,
        KEYS.base + "stats": 30 * 86_400,
        KEYS.wake("io"): 60,
        KEYS.wake("cpu"): 60,
    }
