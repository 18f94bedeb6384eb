"""sweep.lua, state -> call -> state."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq.workers.recover import sweep
from tests.shared.formats.arq.calls import call_sweep
from tests.shared.formats.arq.rows import WRONGTYPE, Row, check, wrong
from tests.support.queue_state import KEYS, PARKED, QueueState, leased, seed
from tests.support.slowness import in_time

SILENT: Final = {"w1": -1}
"""Its last sign of life is a lease ago."""
BACKLOG: Final = {"b": -600, "c": -30}
LOST: Final = QueueState(
    workers=SILENT, queue={"a": leased(-2), **BACKLOG}, payloads={"a": "payload"}, leases={"w1": {"a": "t1"}}
)
FREED: Final = QueueState(
    workers=SILENT,
    queue={"a": -600, **BACKLOG},
    payloads={"a": "payload"},
    crashes={"a": "1 its lease ran out"},
    stats={"crashed": "1"},
    notes=frozenset({"io"}),
)

SWEEPS = [
    Row("no worker", QueueState(queue=BACKLOG), call_sweep(), 0, QueueState(queue=BACKLOG)),
    Row("a job of a silent worker stands before the backlog again", LOST, call_sweep(), 1, FREED, repeated=0),
    Row(
        "a worker that gives signs of life is left alone",
        replace(LOST, workers={"w1": 5}),
        call_sweep(),
        0,
        replace(LOST, workers={"w1": 5}),
    ),
    Row(
        "crashes add up",
        replace(LOST, crashes={"a": "1 killed"}),
        call_sweep(),
        1,
        replace(FREED, crashes={"a": "2 its lease ran out"}),
        repeated=0,
    ),
    Row(
        "what it claimed last is its own for a while yet",
        replace(LOST, queue={"a": leased(2), **BACKLOG}, tokens={"a": "t1"}),
        call_sweep(),
        0,
        replace(LOST, queue={"a": leased(2), **BACKLOG}, tokens={"a": "t1"}),
    ),
    Row(
        "another worker runs it by now",
        replace(LOST, queue={"a": leased(2), **BACKLOG}, tokens={"a": "t2"}),
        call_sweep(),
        0,
        replace(LOST, queue={"a": leased(2), **BACKLOG}, tokens={"a": "t2"}, leases={}),
    ),
    Row(
        "an arq worker runs it by now, which leaves its score as it was",
        replace(LOST, tokens={"a": "1"}),
        call_sweep(),
        0,
        replace(LOST, tokens={"a": "1"}, leases={}),
    ),
    Row(
        "it waits for another try by now",
        replace(LOST, queue={"a": 60, **BACKLOG}),
        call_sweep(),
        0,
        replace(LOST, queue={"a": 60, **BACKLOG}, leases={}),
    ),
    Row(
        "it has ended by now",
        replace(LOST, queue=BACKLOG, payloads={}),
        call_sweep(),
        0,
        replace(LOST, queue=BACKLOG, payloads={}, leases={}),
    ),
    Row(
        "a cpu job",
        replace(LOST, queue={"a": PARKED, "b": PARKED}, cpu={"a": leased(-2), "b": -60}),
        call_sweep(),
        1,
        replace(FREED, queue={"a": PARKED, "b": PARKED}, cpu={"a": -60, "b": -60}, notes=frozenset({"cpu"})),
        repeated=0,
    ),
    Row(
        "requests for aborts of jobs that are no more are forgotten",
        QueueState(
            queue={"a": 5, "b": leased(9)},
            payloads={"a": "payload"},
            tokens={"b": "t1"},
            aborts={"a": -5, "b": -5, "gone": -9},
        ),
        call_sweep(),
        0,
        QueueState(
            queue={"a": 5, "b": leased(9)}, payloads={"a": "payload"}, tokens={"b": "t1"}, aborts={"a": -5, "b": -5}
        ),
    ),
    Row(
        "workers that have been silent for a day are forgotten",
        QueueState(workers={"w1": -86_500, "w2": -86_300, "w3": 5}),
        call_sweep(),
        0,
        QueueState(workers={"w2": -86_300, "w3": 5}),
    ),
]

WRONG_TYPES = [
    Row(
        "queue: refused",
        wrong(KEYS.queue, beside=replace(LOST, queue={})),
        call_sweep(),
        WRONGTYPE,
        wrong(KEYS.queue, beside=replace(LOST, queue={})),
    ),
    Row("list of workers: nobody is silent", wrong(KEYS.workers), call_sweep(), 0, wrong(KEYS.workers)),
    Row(
        "record of its leases: left to the claims",
        wrong(KEYS.leases("w1"), beside=replace(LOST, leases={})),
        call_sweep(),
        0,
        wrong(KEYS.leases("w1"), beside=replace(LOST, leases={})),
    ),
]


@pytest.mark.parametrize("row", SWEEPS, ids=str)
async def test_sweeps(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", WRONG_TYPES, ids=str)
async def test_a_key_of_a_wrong_type(row: Row, redis: Redis) -> None:
    await check(row, redis)


async def test_the_last_of_many_silent_workers_gets_its_turn(redis: Redis) -> None:
    silent = {f"gone-{number}": -1000 + number for number in range(150)}
    await seed(redis, replace(LOST, workers={**silent, "w1": -1}))
    async with in_time(20):
        while not await sweep(redis, KEYS):
            await asyncio.sleep(0.1)  # whose turn it is goes by the second
    assert not await redis.exists(KEYS.leases("w1"))
