"""claim.lua, state -> call -> state: leases, crashes and payloads."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from tests.shared.formats.arq.calls import Taken, Took, call_claim
from tests.shared.formats.arq.jobs.claim.claim_states import (
    A_HELD,
    AGAIN,
    IO_NOTE,
    NOTHING,
    STARTED,
    held,
    took,
    waiting,
)
from tests.shared.formats.arq.rows import NOT_REPEATED, Row, Scene, check
from tests.support.queue_state import KEYS, Exactly, QueueState, leased, read_ttls, seed

LEASES = [
    Row("an empty queue", NOTHING, call_claim(), Took(), NOTHING),
    Row("a due job", waiting(), call_claim(), took(Taken("a")), held(), repeated=AGAIN),
    Row("a job that is not due", waiting(30), call_claim(), Took(next_due=30), waiting(30)),
    Row(
        "a due job, and when the next one is",
        waiting(b=7),
        call_claim(),
        Took((Taken("a"),), 7),
        held({"b": 7}),
        repeated=Took(next_due=7),
    ),
    Row(
        "when another worker's lease ends",
        QueueState(queue={"a": leased(7)}, tokens={"a": "t2"}),
        call_claim(),
        Took(next_due=7),
        QueueState(queue={"a": leased(7)}, tokens={"a": "t2"}),
    ),
    Row(
        "the longest waiting job first, and a note for the others",
        waiting(-9, b=-1, c=-3),
        call_claim(limit=2),
        Took((Taken("a", due=-9), Taken("c", due=-3))),
        QueueState(
            queue={"a": leased(15), "c": leased(15), "b": -1},
            payloads=dict.fromkeys("abc", "payload"),
            tokens={"a": "t1", "c": "t1"},
            leases={"w1": {"a": "t1", "c": "t1"}},
            stats={"started": "2"},
            notes=IO_NOTE,
        ),
        repeated=NOT_REPEATED,
    ),
    Row(
        "no note where only deferred jobs are left",
        waiting(b=30),
        call_claim(limit=1),
        Took((Taken("a"),)),
        held({"b": 30}),
        repeated=Took(next_due=15),
    ),
    Row(
        "no second note",
        replace(waiting(b=-1), notes=IO_NOTE),
        call_claim(limit=1),
        Took((Taken("a"),)),
        replace(held({"b": -1}), notes=IO_NOTE),
        repeated=NOT_REPEATED,
    ),
    Row(
        "what is known of the job goes with it",
        replace(waiting(), tries={"a": "3"}, crashes={"a": "2 out of memory"}, aborts={"a": -1}),
        call_claim(),
        took(Taken("a", tries=3, crashes=2, note="out of memory", abort=-1)),
        replace(held(), tries={"a": "3"}, crashes={"a": "2 out of memory"}, aborts={"a": -1}),
        repeated=AGAIN,
    ),
    Row(
        "tries and crashes that are no numbers count as none",
        replace(waiting(), tries={"a": "many"}, crashes={"a": "³ times"}),
        call_claim(),
        took(Taken("a", note="times")),
        replace(held(), tries={"a": "many"}, crashes={"a": "³ times"}),
        repeated=AGAIN,
    ),
    Row(
        "tries that nobody can count to count as none",
        replace(waiting(), tries={"a": "1e300"}),
        call_claim(),
        took(Taken("a")),
        replace(held(), tries={"a": "1e300"}),
        repeated=AGAIN,
    ),
    Row(
        "an id that is no UTF-8",
        QueueState(queue={"\udcff": -5}, payloads={"\udcff": "\x00\udcff"}),
        call_claim(),
        took(Taken("\udcff", "\x00\udcff")),
        QueueState(
            queue={"\udcff": leased(15)},
            payloads={"\udcff": "\x00\udcff"},
            tokens={"\udcff": "t1"},
            leases={"w1": {"\udcff": "t1"}},
            stats=STARTED,
        ),
        repeated=AGAIN,
    ),
]

GIVEN_UP = [
    *(
        Row(
            f"a claim takes nothing that comes when {what}",
            replace(waiting(), given_up=frozenset({mark})),
            call_claim(),
            Took(),
            replace(waiting(), given_up=frozenset({mark})),
        )
        for mark, what in (("t1", "it was given up"), ("w1", "its worker is known to be dead"))
    ),
    Row(
        "other claims take what they find",
        replace(waiting(), given_up=frozenset({"t0", "w2"})),
        call_claim(),
        took(Taken("a")),
        replace(held(), given_up=frozenset({"t0", "w2"})),
        repeated=AGAIN,
    ),
]

RUN_BY_OTHERS = [
    Row(
        "an arq worker's job is passed over and not moved",
        replace(waiting(-9, b=-5), tokens={"a": "1"}),
        call_claim(),
        took(Taken("b")),
        QueueState(
            queue={"a": -9, "b": leased(15)},
            payloads=dict.fromkeys("ab", "payload"),
            tokens={"a": "1", "b": "t1"},
            leases={"w1": {"b": "t1"}},
            stats=STARTED,
        ),
        repeated=AGAIN,
    ),
    Row(
        "arq's abort() has set the score of a leased job to 1",
        QueueState(queue={"a": Exactly(1)}, payloads={"a": "payload"}, tokens={"a": "t2"}, aborts={"a": 0}),
        call_claim(),
        Took(),
        QueueState(queue={"a": Exactly(1)}, payloads={"a": "payload"}, tokens={"a": "t2"}, aborts={"a": 0}),
    ),
    Row(
        "no note where all that is due is run by others",
        replace(waiting(-9, b=-5), tokens={"a": "1"}),
        call_claim(limit=1),
        Took((Taken("b"),)),
        QueueState(
            queue={"a": -9, "b": leased(15)},
            payloads=dict.fromkeys("ab", "payload"),
            tokens={"a": "1", "b": "t1"},
            leases={"w1": {"b": "t1"}},
            stats=STARTED,
        ),
        repeated=Took(next_due=15),
    ),
]

CRASHES = [
    Row(
        "a lease that ran out is a crash",
        waiting(leased(-1)),
        call_claim(),
        took(Taken("a", crashes=1, note="its lease ran out", due=-1)),
        replace(held(), crashes={"a": "1 its lease ran out"}, stats={"started": "1", "crashed": "1"}),
        repeated=AGAIN,
    ),
    Row(
        "crashes add up",
        replace(waiting(leased(-1)), crashes={"a": "2 out of memory"}),
        call_claim(),
        took(Taken("a", crashes=3, note="its lease ran out", due=-1)),
        replace(held(), crashes={"a": "3 its lease ran out"}, stats={"started": "1", "crashed": "1"}),
        repeated=AGAIN,
    ),
    Row(
        "a crash note that is none counts from the start",
        replace(waiting(leased(-1)), crashes={"a": "garbage"}),
        call_claim(),
        took(Taken("a", crashes=1, note="its lease ran out", due=-1)),
        replace(held(), crashes={"a": "1 its lease ran out"}, stats={"started": "1", "crashed": "1"}),
        repeated=AGAIN,
    ),
    Row(
        "the dead worker's own record of the job stays its own",
        replace(waiting(leased(-1)), leases={"w0": {"a": "t0"}}),
        call_claim(),
        took(Taken("a", crashes=1, note="its lease ran out", due=-1)),
        replace(
            held(),
            crashes={"a": "1 its lease ran out"},
            leases={"w0": {"a": "t0"}} | A_HELD,
            stats={"started": "1", "crashed": "1"},
        ),
        repeated=AGAIN,
    ),
]

PAYLOADS = [
    Row(
        "it has expired",
        QueueState(queue={"a": -5}),
        call_claim(),
        took(Taken("a", None)),
        replace(held(), payloads={}),
        repeated=AGAIN,
    ),
    Row(
        "it is empty",
        QueueState(queue={"a": -5}, payloads={"a": ""}),
        call_claim(),
        took(Taken("a", "")),
        replace(held(), payloads={"a": ""}),
        repeated=AGAIN,
    ),
    Row("it is as large as may be", waiting(), call_claim(max_payload=7), took(Taken("a")), held(), repeated=AGAIN),
    Row("it is too large", waiting(), call_claim(max_payload=6), took(Taken("a", 7)), held(), repeated=AGAIN),
    Row(
        # arq's abort() and a late Retry put a job that has ended back in: it must not end once more, as expired.
        "a ghost of a job that has ended is dropped, and its result stays",
        QueueState(queue={"a": Exactly(1), "b": -5}, payloads={"b": "payload"}, results={"a": "done"}, aborts={"a": 0}),
        call_claim(),
        took(Taken("b")),
        QueueState(
            queue={"b": leased(15)},
            payloads={"b": "payload"},
            tokens={"b": "t1"},
            results={"a": "done"},
            leases={"w1": {"b": "t1"}},
            stats=STARTED,
        ),
        repeated=AGAIN,
    ),
    Row(
        "a ghost of a job whose result was not kept",
        QueueState(queue={"a": -5}, cpu={"a": -5}, tries={"a": "1"}, no_results=frozenset({"a"})),
        call_claim(),
        Took(),
        QueueState(no_results=frozenset({"a"})),
    ),
]


@pytest.mark.parametrize("row", LEASES, ids=str)
async def test_leases(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", GIVEN_UP, ids=str)
async def test_claims_that_come_too_late(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", RUN_BY_OTHERS, ids=str)
async def test_jobs_that_others_run(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", CRASHES, ids=str)
async def test_crashes(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", PAYLOADS, ids=str)
async def test_payloads(row: Row, redis: Redis) -> None:
    await check(row, redis)


async def test_what_lives_how_long(redis: Redis) -> None:
    scene = Scene(redis, await seed(redis, waiting(leased(-9), b=-5)))
    await call_claim(limit=1)(scene)
    assert await read_ttls(redis) == {
        "arq:queue": -1,
        "arq:job:a": 100,
        "arq:job:b": 100,
        "arq:in-progress:a": 15,
        KEYS.crash("a"): 7 * 86_400,
        KEYS.history("a"): 86_400,
        KEYS.leases("w1"): 40 * 15,
        KEYS.base + "stats": 30 * 86_400,
        KEYS.wake("io"): 60,
    }
