"""claim.lua and forfeit.lua, state -> call -> state."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from redis.asyncio import Redis

from tests.shared.scripts.calls import LEASE_S, Taken, Took, call_claim, call_forfeit
from tests.shared.scripts.rows import NOT_REPEATED, WRONGTYPE, Row, Scene, check, wrong
from tests.support.queue_state import KEYS, PARKED, Exactly, QueueState, Time, leased, read_ttls, seed

INF: Final = float("inf")
NOTHING: Final = QueueState()
IO_NOTE: Final = frozenset({"io"})
STARTED: Final = {"started": "1"}
A_HELD: Final = {"w1": {"a": "t1"}}
AGAIN: Final = Took(next_due=LEASE_S)
"""A second call finds all leased, until the leases end."""


def took(*jobs: Taken) -> Took:
    """These jobs and no more: the next are due when their leases end."""
    return Took(jobs, LEASE_S)


def waiting(due: Time = -5, **more: Time) -> QueueState:
    """Job a is due, and others as it says."""
    queue = {"a": due, **more}
    return QueueState(queue=queue, payloads=dict.fromkeys(queue, "payload"))


def held(queue: dict[str, Time] | None = None) -> QueueState:
    """Job a is leased to w1, and others stand in the queue."""
    queue = {"a": leased(LEASE_S), **(queue or {})}
    return QueueState(
        queue=queue,
        payloads=dict.fromkeys(queue, "payload"),
        tokens={"a": "t1"},
        leases=A_HELD,
        stats=STARTED,
    )


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
    Row(
        "it is as large as may be",
        waiting(),
        call_claim(max_payload=7),
        took(Taken("a")),
        held(),
        repeated=AGAIN,
    ),
    Row(
        "it is too large",
        waiting(),
        call_claim(max_payload=6),
        took(Taken("a", 7)),
        held(),
        repeated=AGAIN,
    ),
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

SCORES = [
    Row(
        "0, which arq's workers never run",
        waiting(Exactly(0)),
        call_claim(),
        took(Taken("a", due=Exactly(0))),
        held(),
        repeated=AGAIN,
    ),
    Row(
        "below 0",
        waiting(Exactly(-3)),
        call_claim(),
        took(Taken("a", due=Exactly(-3))),
        held(),
        repeated=AGAIN,
    ),
    Row(
        "-inf",
        waiting(Exactly(-INF)),
        call_claim(),
        took(Taken("a", due=Exactly(0))),
        held(),
        repeated=AGAIN,
    ),
    Row("inf is never due", waiting(Exactly(INF)), call_claim(), Took(), waiting(Exactly(INF))),
    Row(
        "1, by arq's abort(), whose request follows: waits a second for it",
        waiting(Exactly(1)),
        call_claim(),
        Took(next_due=1),
        waiting(1),
    ),
    Row(
        "1, by arq's abort(), whose request is there",
        replace(waiting(Exactly(1)), aborts={"a": 0}),
        call_claim(),
        took(Taken("a", due=Exactly(1), abort=0)),
        replace(held(), aborts={"a": 0}),
        repeated=AGAIN,
    ),
    Row(
        "1, and the requests are for others",
        replace(waiting(Exactly(1)), aborts={"b": 0}),
        call_claim(),
        Took(next_due=1),
        replace(waiting(1), aborts={"b": 0}),
    ),
]

CPU = [
    Row(
        "a cpu job is taken from the cpu set and stays parked",
        replace(waiting(PARKED), cpu={"a": -5}),
        call_claim(home="cpu"),
        took(Taken("a")),
        replace(held(), queue={"a": PARKED}, cpu={"a": leased(15)}),
        repeated=AGAIN,
    ),
    Row(
        "an io lane does not see it",
        replace(waiting(PARKED), cpu={"a": -5}),
        call_claim(),
        Took(),
        replace(waiting(PARKED), cpu={"a": -5}),
    ),
    Row(
        "more of them are due: a note for a cpu lane",
        replace(waiting(PARKED, b=PARKED), cpu={"a": -5, "b": -1}),
        call_claim(limit=1, home="cpu"),
        Took((Taken("a"),)),
        replace(
            held({"b": PARKED}),
            queue={"a": PARKED, "b": PARKED},
            cpu={"a": leased(15), "b": -1},
            notes=frozenset({"cpu"}),
        ),
        repeated=NOT_REPEATED,
    ),
    Row(
        "arq's abort() on a parked job: an io lane takes it, to end it",
        replace(waiting(Exactly(1)), cpu={"a": 60}, aborts={"a": 0}),
        call_claim(),
        took(Taken("a", due=Exactly(1), abort=0)),
        replace(held(), cpu={"a": 60}, aborts={"a": 0}),
        repeated=AGAIN,
    ),
    Row(
        "arq's abort() on a parked job, before its request is there: waits a second for it",
        replace(waiting(Exactly(1)), cpu={"a": 60}),
        call_claim(),
        Took(next_due=1),
        replace(waiting(1), cpu={"a": 60}),
    ),
    Row(
        "a cpu lane passes over what an io lane has taken",
        replace(held(), cpu={"a": -5}),
        call_claim(home="cpu", token="t2"),
        Took(),
        replace(held(), cpu={"a": -5}),
    ),
    Row(
        "its lease ran out",
        replace(waiting(PARKED), cpu={"a": leased(-1)}),
        call_claim(home="cpu"),
        took(Taken("a", crashes=1, note="its lease ran out", due=-1)),
        replace(
            held(),
            queue={"a": PARKED},
            cpu={"a": leased(15)},
            crashes={"a": "1 its lease ran out"},
            stats={"started": "1", "crashed": "1"},
        ),
        repeated=AGAIN,
    ),
]

BOTH: Final = waiting(-9, b=-5)
BOTH_HELD: Final = QueueState(
    queue={"a": leased(15), "b": leased(15)},
    payloads=dict.fromkeys("ab", "payload"),
    tokens=dict.fromkeys("ab", "t1"),
    leases={"w1": dict.fromkeys("ab", "t1")},
    stats={"started": "2"},
)
TOOK_BOTH: Final = took(Taken("a", due=-9), Taken("b"))

WRONG_TYPES = [
    Row(
        "payload: as good as none",
        wrong("arq:job:a", "list", replace(BOTH, payloads={"b": "payload"})),
        call_claim(),
        took(Taken("a", None, due=-9), Taken("b")),
        wrong("arq:job:a", "list", replace(BOTH_HELD, payloads={"b": "payload"})),
        repeated=AGAIN,
    ),
    Row(
        "in-progress: is no claim, and is replaced",
        wrong("arq:in-progress:a", "list", BOTH),
        call_claim(),
        TOOK_BOTH,
        BOTH_HELD,
        repeated=AGAIN,
    ),
    Row(
        "tries: count as none",
        wrong("arq:retry:a", "list", BOTH),
        call_claim(),
        TOOK_BOTH,
        wrong("arq:retry:a", "list", BOTH_HELD),
        repeated=AGAIN,
    ),
    Row(
        "crash note: counts as none, and is replaced",
        wrong(KEYS.crash("a"), "list", waiting(leased(-1), b=-1)),
        call_claim(),
        took(Taken("b", due=-1), Taken("a", due=-1, crashes=1, note="its lease ran out")),
        replace(BOTH_HELD, crashes={"a": "1 its lease ran out"}, stats={"started": "2", "crashed": "1"}),
        repeated=AGAIN,
    ),
    Row(
        "aborts: there are none",
        wrong("arq:abort", beside=BOTH),
        call_claim(),
        TOOK_BOTH,
        wrong("arq:abort", beside=BOTH_HELD),
        repeated=AGAIN,
    ),
    Row(
        "statistics: nothing is counted",
        wrong(KEYS.base + "stats", beside=BOTH),
        call_claim(),
        TOOK_BOTH,
        wrong(KEYS.base + "stats", beside=replace(BOTH_HELD, stats={})),
        repeated=AGAIN,
    ),
    Row(
        "the worker's record of its leases: the jobs are its own all the same",
        wrong(KEYS.leases("w1"), beside=BOTH),
        call_claim(),
        TOOK_BOTH,
        wrong(KEYS.leases("w1"), beside=replace(BOTH_HELD, leases={})),
        repeated=AGAIN,
    ),
    Row(
        "wake-up list: nobody is told",
        wrong(KEYS.wake("io"), beside=BOTH),
        call_claim(limit=1),
        Took((Taken("a", due=-9),)),
        wrong(KEYS.wake("io"), beside=held({"b": -5})),
        repeated=NOT_REPEATED,
    ),
    Row("queue: refused", wrong(KEYS.queue), call_claim(), WRONGTYPE, wrong(KEYS.queue)),
    Row("cpu set: refused", wrong(KEYS.cpu), call_claim(home="cpu"), WRONGTYPE, wrong(KEYS.cpu)),
    Row(
        "cpu set: an io lane has nothing to do with it",
        wrong(KEYS.cpu, beside=BOTH),
        call_claim(),
        TOOK_BOTH,
        wrong(KEYS.cpu, beside=BOTH_HELD),
        repeated=AGAIN,
    ),
]

FORFEITS = [
    Row("nothing was taken", waiting(), call_forfeit(), 0, waiting()),
    Row(
        "the job is free again, at no cost",
        held(),
        call_forfeit(),
        1,
        replace(waiting(0), stats=STARTED, notes=IO_NOTE),
        repeated=0,
    ),
    Row(
        "what other claims of the worker took stays",
        replace(BOTH_HELD, tokens={"a": "t1", "b": "t2"}, leases={"w1": {"a": "t1", "b": "t2"}, "w2": {"c": "t1"}}),
        call_forfeit(),
        1,
        replace(
            BOTH_HELD,
            queue={"a": 0, "b": leased(15)},
            tokens={"b": "t2"},
            leases={"w1": {"b": "t2"}, "w2": {"c": "t1"}},
            notes=IO_NOTE,
        ),
        repeated=0,
    ),
    Row(
        "another worker has claimed it meanwhile",
        replace(held(), tokens={"a": "t9"}),
        call_forfeit(),
        0,
        replace(held(), tokens={"a": "t9"}, leases={}),
    ),
    Row(
        "its lease has run out meanwhile",
        replace(held(), queue={"a": leased(-1)}, tokens={}),
        call_forfeit(),
        0,
        replace(held(), queue={"a": leased(-1)}, tokens={}, leases={}),
    ),
    Row(
        "it has ended and its id waits anew",
        replace(waiting(-2), leases=A_HELD),
        call_forfeit(),
        0,
        waiting(-2),
    ),
    Row(
        "a cpu job goes back to the cpu set",
        replace(held(), queue={"a": PARKED}, cpu={"a": leased(15)}),
        call_forfeit(),
        1,
        replace(waiting(PARKED), cpu={"a": 0}, stats=STARTED, notes=frozenset({"cpu"})),
        repeated=0,
    ),
    Row(
        "a cpu job that an io lane took goes back to the cpu set",
        replace(held(), cpu={"a": -5}),
        call_forfeit(),
        1,
        replace(waiting(PARKED), cpu={"a": 0}, stats=STARTED, notes=frozenset({"cpu"})),
        repeated=0,
    ),
]

FORFEITS_WRONG_TYPES = [
    Row(
        "in-progress: the job is not the worker's",
        wrong("arq:in-progress:a", "list", replace(BOTH_HELD, tokens={"b": "t1"})),
        call_forfeit(),
        1,
        wrong(
            "arq:in-progress:a",
            "list",
            replace(BOTH_HELD, queue={"a": leased(15), "b": 0}, tokens={}, leases={}, notes=IO_NOTE),
        ),
        repeated=0,
    ),
    Row(
        "queue: refused, and the jobs stay the worker's",
        wrong(KEYS.queue, beside=replace(BOTH_HELD, queue={})),
        call_forfeit(),
        WRONGTYPE,
        wrong(KEYS.queue, beside=replace(BOTH_HELD, queue={})),
    ),
    Row(
        "cpu set: io jobs have nothing to do with it",
        wrong(KEYS.cpu, beside=BOTH_HELD),
        call_forfeit(),
        2,
        wrong(KEYS.cpu, beside=replace(BOTH_HELD, queue={"a": 0, "b": 0}, tokens={}, leases={}, notes=IO_NOTE)),
        repeated=0,
    ),
    Row(
        "wake-up list: nobody is told",
        wrong(KEYS.wake("io"), beside=BOTH_HELD),
        call_forfeit(),
        2,
        wrong(KEYS.wake("io"), beside=replace(BOTH_HELD, queue={"a": 0, "b": 0}, tokens={}, leases={})),
        repeated=0,
    ),
    Row(
        "the worker's record of its leases: refused",
        wrong(KEYS.leases("w1"), beside=replace(BOTH_HELD, leases={})),
        call_forfeit(),
        WRONGTYPE,
        wrong(KEYS.leases("w1"), beside=replace(BOTH_HELD, leases={})),
    ),
]


@pytest.mark.parametrize("row", LEASES, ids=str)
async def test_leases(row: Row, redis: Redis) -> None:
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


@pytest.mark.parametrize("row", SCORES, ids=str)
async def test_scores(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", CPU, ids=str)
async def test_the_cpu_set(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", WRONG_TYPES, ids=str)
async def test_a_key_of_a_wrong_type(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", FORFEITS + FORFEITS_WRONG_TYPES, ids=str)
async def test_forfeit(row: Row, redis: Redis) -> None:
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
        KEYS.leases("w1"): 40 * 15,
        KEYS.base + "stats": 30 * 86_400,
        KEYS.wake("io"): 60,
    }
