"""renew.lua, state -> call -> state."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from tests.shared.formats.arq.calls import LEASE_S, call_renew, lease_of
from tests.shared.formats.arq.rows import Row, Scene, check, wrong
from tests.support.queue_state import KEYS, PARKED, Exactly, QueueState, leased, read_ttls, seed

NOTHING: Final = QueueState()
LEASED: Final = QueueState(
    queue={"a": leased(5)}, payloads={"a": "payload"}, tokens={"a": "t1"}, leases={"w1": {"a": "t1"}}
)
RENEWED: Final = replace(LEASED, queue={"a": leased(LEASE_S)})
TWO_LEASED: Final = QueueState(
    queue=dict.fromkeys("ab", leased(5)),
    payloads=dict.fromkeys("ab", "payload"),
    tokens=dict.fromkeys("ab", "t1"),
    leases={"w1": dict.fromkeys("ab", "t1")},
)
BOTH_RENEWED: Final = replace(TWO_LEASED, queue=dict.fromkeys("ab", leased(LEASE_S)))
LISTED: Final = QueueState(records={"w1": "{}"}, workers={"w1": LEASE_S}, queues={KEYS.queue: 0})
A, B = lease_of("a"), lease_of("b")
A_CPU: Final = lease_of("a", lane_queue="cpu")
CLAIMED_TWICE: Final = {"w1": {"a": "t1"}, "w2": {"a": "t2"}}
CPU_LEASED: Final = replace(LEASED, queue={"a": PARKED}, cpu={"a": leased(5)})
CPU_RENEWED: Final = replace(CPU_LEASED, cpu={"a": leased(LEASE_S)})

RENEWALS = [
    Row("nothing to do", NOTHING, call_renew(), [], NOTHING),
    Row("only the worker itself", NOTHING, call_renew(record="{}"), [], LISTED),
    Row(
        "the worker's record is replaced, and other workers stay",
        replace(LISTED, records={"w1": "old", "w2": "{}"}, workers={"w1": 1, "w2": 9}, queues={"other": -9}),
        call_renew(record="{}"),
        [],
        QueueState(
            records={"w1": "{}", "w2": "{}"}, workers={"w1": LEASE_S, "w2": 9}, queues={KEYS.queue: 0, "other": -9}
        ),
    ),
    Row(
        "queues that nobody has served for a week are forgotten",
        QueueState(queues={"other": -8 * 86_400}),
        call_renew(record="{}"),
        [],
        LISTED,
    ),
    Row("a lease", LEASED, call_renew(A), [], RENEWED),
    Row("several leases", TWO_LEASED, call_renew(A, B), [], BOTH_RENEWED),
    Row("whose token somebody has deleted", replace(LEASED, tokens={}), call_renew(A), [], RENEWED),
    Row("of the cpu lane, the same", replace(CPU_LEASED, tokens={}), call_renew(A_CPU), [], CPU_RENEWED),
    Row(
        "whose token somebody has deleted, after another worker had claimed the job",
        replace(LEASED, tokens={}, leases={"w2": {"a": "t2"}}),
        call_renew(A),
        ["a"],
        replace(LEASED, tokens={}, leases={"w2": {"a": "t2"}}),
    ),
    Row(
        "whose token somebody has deleted, of a worker that has given a sign of life",
        replace(LEASED, tokens={}, workers={"w1": 10}),
        call_renew(A),
        [],
        replace(RENEWED, workers={"w1": 10}),
    ),
    Row(
        "whose token somebody has deleted, where it had run out unseen and the job is another's",
        replace(LEASED, tokens={}, leases=CLAIMED_TWICE, workers={"w1": -1, "w2": 10}),
        call_renew(A),
        ["a"],
        replace(LEASED, tokens={}, leases={"w2": {"a": "t2"}}, workers={"w1": -1, "w2": 10}),
    ),
    Row(
        "whose token somebody has deleted, of a job that arq's abort() has touched",
        replace(LEASED, queue={"a": Exactly(1)}, tokens={}),
        call_renew(A),
        ["a"],
        replace(LEASED, queue={"a": Exactly(1)}, tokens={}, leases={}),
    ),
    Row(
        "arq's abort() has set its score to 1",
        replace(LEASED, queue={"a": Exactly(1)}, aborts={"a": 0}),
        call_renew(A),
        [],
        replace(RENEWED, aborts={"a": 0}),
    ),
    Row(
        "a cpu job's",
        replace(LEASED, queue={"a": PARKED}, cpu={"a": leased(5)}),
        call_renew(A_CPU),
        [],
        replace(LEASED, queue={"a": PARKED}, cpu={"a": leased(LEASE_S)}),
    ),
    Row(
        "a cpu job's, whose score in the queue arq's abort() has set to 1",
        replace(LEASED, queue={"a": Exactly(1)}, cpu={"a": leased(5)}, aborts={"a": 0}),
        call_renew(A_CPU),
        [],
        replace(LEASED, queue={"a": PARKED}, cpu={"a": leased(LEASE_S)}, aborts={"a": 0}),
    ),
    Row(
        "a cpu job that was found in the queue",
        replace(LEASED, cpu={"a": -5}),
        call_renew(A),
        [],
        replace(RENEWED, cpu={"a": -5}),
    ),
    Row(
        "a job that somebody took out of the queue is not put back",
        replace(LEASED, queue={}),
        call_renew(A),
        [],
        replace(LEASED, queue={}),
    ),
    Row(
        "an id that is no UTF-8",
        QueueState(queue={"\udcff": leased(5)}, tokens={"\udcff": "t1"}),
        call_renew(lease_of("\udcff")),
        [],
        QueueState(queue={"\udcff": leased(LEASE_S)}, tokens={"\udcff": "t1"}),
    ),
]

OWNERSHIP = [
    Row(
        "another worker has claimed it meanwhile",
        replace(LEASED, tokens={"a": "t2"}),
        call_renew(A),
        ["a"],
        replace(LEASED, tokens={"a": "t2"}, leases={}),
    ),
    Row(
        "an arq worker runs it meanwhile",
        replace(LEASED, queue={"a": -1}, tokens={"a": "1"}),
        call_renew(A),
        ["a"],
        replace(LEASED, queue={"a": -1}, tokens={"a": "1"}, leases={}),
    ),
    Row(
        "it has run out and is not taken up again",
        replace(LEASED, queue={"a": leased(-1)}, tokens={}),
        call_renew(A),
        ["a"],
        replace(LEASED, queue={"a": leased(-1)}, tokens={}, leases={}),
    ),
    Row(
        "the job has ended and its id waits again",
        QueueState(queue={"a": 60}, payloads={"a": "new"}),
        call_renew(A),
        ["a"],
        QueueState(queue={"a": 60}, payloads={"a": "new"}),
    ),
    Row(
        "one that is lost does not keep the other",
        replace(TWO_LEASED, tokens={"a": "t2", "b": "t1"}),
        call_renew(A, B),
        ["a"],
        replace(
            BOTH_RENEWED,
            queue={"a": leased(5), "b": leased(LEASE_S)},
            tokens={"a": "t2", "b": "t1"},
            leases={"w1": {"b": "t1"}},
        ),
    ),
]

WRONG_TYPES = [
    Row(
        "in-progress: the lease is lost",
        wrong("arq:in-progress:a", "list", replace(TWO_LEASED, tokens={"b": "t1"})),
        call_renew(A, B),
        ["a"],
        wrong(
            "arq:in-progress:a",
            "list",
            replace(
                BOTH_RENEWED,
                queue={"a": leased(5), "b": leased(LEASE_S)},
                tokens={"b": "t1"},
                leases={"w1": {"b": "t1"}},
            ),
        ),
    ),
    Row(
        "queue: the jobs stay the worker's",
        wrong(KEYS.queue, beside=replace(TWO_LEASED, queue={}, cpu={"b": leased(5)})),
        call_renew(A, lease_of("b", lane_queue="cpu"), record="{}"),
        [],
        wrong(
            KEYS.queue,
            beside=replace(
                TWO_LEASED,
                queue={},
                cpu={"b": leased(LEASE_S)},
                records=LISTED.records,
                workers=LISTED.workers,
                queues=LISTED.queues,
            ),
        ),
    ),
    Row(
        "cpu set: the jobs stay the worker's",
        wrong(KEYS.cpu, beside=replace(TWO_LEASED, queue={"a": PARKED, "b": leased(5)})),
        call_renew(A_CPU, B),
        [],
        wrong(KEYS.cpu, beside=replace(TWO_LEASED, queue={"a": PARKED, "b": leased(LEASE_S)})),
    ),
    Row(
        "the worker's record of its leases: the jobs stay its own",
        wrong(KEYS.leases("w1"), beside=replace(TWO_LEASED, tokens={"a": "t2", "b": "t1"}, leases={})),
        call_renew(A, B),
        ["a"],
        wrong(
            KEYS.leases("w1"),
            beside=replace(
                BOTH_RENEWED, queue={"a": leased(5), "b": leased(LEASE_S)}, tokens={"a": "t2", "b": "t1"}, leases={}
            ),
        ),
    ),
    Row(
        "the worker's record: is replaced",
        wrong(KEYS.worker("w1"), "list", LEASED),
        call_renew(A, record="{}"),
        [],
        replace(RENEWED, records=LISTED.records, workers=LISTED.workers, queues=LISTED.queues),
    ),
    Row(
        "list of workers: the leases are kept, and what is lost is told",
        wrong(KEYS.workers, beside=replace(TWO_LEASED, queue={"a": leased(-5), "b": leased(5)}, tokens={"b": "t1"})),
        call_renew(A, B, record="{}"),
        ["a"],
        wrong(
            KEYS.workers,
            beside=replace(
                BOTH_RENEWED,
                queue={"a": leased(-5), "b": leased(LEASE_S)},
                tokens={"b": "t1"},
                leases={"w1": {"b": "t1"}},
                records=LISTED.records,
                queues=LISTED.queues,
            ),
        ),
    ),
    Row(
        "list of queues: the leases are kept",
        wrong(names.QUEUES, beside=LEASED),
        call_renew(A, record="{}"),
        [],
        wrong(names.QUEUES, beside=replace(RENEWED, records=LISTED.records, workers=LISTED.workers)),
    ),
]


@pytest.mark.parametrize("row", RENEWALS, ids=str)
async def test_renewals(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", OWNERSHIP, ids=str)
async def test_only_the_owner_renews(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", WRONG_TYPES, ids=str)
async def test_a_key_of_a_wrong_type(row: Row, redis: Redis) -> None:
    await check(row, redis)


async def test_what_lives_how_long(redis: Redis) -> None:
    scene = Scene(redis, await seed(redis, LEASED, lease_s=5))
    await call_renew(A, record="{}")(scene)
    assert await read_ttls(redis) == {
        "arq:queue": -1,
        "arq:job:a": 7 * 86_400,
        "arq:in-progress:a": LEASE_S,
        KEYS.leases("w1"): 40 * LEASE_S,
        KEYS.worker("w1"): 4 * LEASE_S,
        KEYS.workers: 86_400,
        names.QUEUES: 7 * 86_400,
    }
