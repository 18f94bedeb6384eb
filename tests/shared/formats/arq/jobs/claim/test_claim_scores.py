"""claim.lua, state -> call -> state: scores of every kind, and the two sets."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from redis.asyncio import Redis

from tests.shared.formats.arq.calls import Taken, Took, call_claim
from tests.shared.formats.arq.jobs.claim.claim_states import (
    AGAIN,
    held,
    took,
    waiting,
)
from tests.shared.formats.arq.rows import NOT_REPEATED, Row, check
from tests.support.queue_state import PARKED, Exactly, leased

INF: Final = float("inf")

SCORES = [
    Row(
        "0, which arq's workers never run",
        waiting(Exactly(0)),
        call_claim(),
        took(Taken("a", due=Exactly(0))),
        held(),
        repeated=AGAIN,
    ),
    Row("below 0", waiting(Exactly(-3)), call_claim(), took(Taken("a", due=Exactly(-3))), held(), repeated=AGAIN),
    Row("-inf", waiting(Exactly(-INF)), call_claim(), took(Taken("a", due=Exactly(0))), held(), repeated=AGAIN),
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
        call_claim(lane_queue="cpu"),
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
        call_claim(limit=1, lane_queue="cpu"),
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
        call_claim(lane_queue="cpu", token="t2"),
        Took(),
        replace(held(), cpu={"a": -5}),
    ),
    Row(
        "its lease ran out",
        replace(waiting(PARKED), cpu={"a": leased(-1)}),
        call_claim(lane_queue="cpu"),
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


@pytest.mark.parametrize("row", SCORES, ids=str)
async def test_scores(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", CPU, ids=str)
async def test_the_cpu_set(row: Row, redis: Redis) -> None:
    await check(row, redis)
