"""claim.lua where a key holds a type that it should not: the other jobs are taken all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from tests.shared.formats.arq.calls import Taken, Took, call_claim
from tests.shared.formats.arq.jobs.claim.claim_states import (
    AGAIN,
    BOTH,
    BOTH_HELD,
    TOOK_BOTH,
    held,
    took,
    waiting,
)
from tests.shared.formats.arq.rows import NOT_REPEATED, WRONGTYPE, Row, check, wrong
from tests.support.queue_state import KEYS, leased

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
    Row("cpu set: refused", wrong(KEYS.cpu), call_claim(lane_queue="cpu"), WRONGTYPE, wrong(KEYS.cpu)),
    Row(
        "cpu set: an io lane has nothing to do with it",
        wrong(KEYS.cpu, beside=BOTH),
        call_claim(),
        TOOK_BOTH,
        wrong(KEYS.cpu, beside=BOTH_HELD),
        repeated=AGAIN,
    ),
]


@pytest.mark.parametrize("row", WRONG_TYPES, ids=str)
async def test_a_key_of_a_wrong_type(row: Row, redis: Redis) -> None:
    await check(row, redis)
