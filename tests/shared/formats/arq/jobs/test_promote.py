"""promote.lua, state -> call -> state."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.shared.protocol.answers import Promoted
from tests.shared.formats.arq.admin_calls import call_promote
from tests.shared.formats.arq.rows import WRONGTYPE, Row, check, wrong
from tests.support.queue_state import KEYS, PARKED, Exactly, QueueState, leased

DEFERRED: Final = QueueState(queue={"a": 3600}, payloads={"a": "payload"})
DUE: Final = replace(DEFERRED, queue={"a": 0}, notes=frozenset({"io"}))
CPU_JOB: Final = replace(DEFERRED, queue={"a": PARKED}, cpu={"a": 3600})
RUNNING: Final = replace(DEFERRED, queue={"a": leased(9)}, tokens={"a": "t1"})
NEXT: Final = Promoted.WAS_DUE

PROMOTIONS = [
    Row("an unknown id", QueueState(), call_promote(), Promoted.UNKNOWN, QueueState()),
    Row("a deferred job", DEFERRED, call_promote(), Promoted.DUE, DUE, repeated=NEXT),
    Row(
        "a deferred cpu job",
        CPU_JOB,
        call_promote(),
        Promoted.DUE,
        replace(CPU_JOB, cpu={"a": 0}, notes=frozenset({"cpu"})),
        repeated=NEXT,
    ),
    Row(
        "a job that is due",
        replace(DEFERRED, queue={"a": -5}),
        call_promote(),
        NEXT,
        replace(DUE, queue={"a": -5}, notes=frozenset()),
    ),
    Row(
        "a cpu job that is due",
        replace(CPU_JOB, cpu={"a": -5}),
        call_promote(),
        NEXT,
        replace(CPU_JOB, cpu={"a": -5}),
    ),
    Row(
        "a job that is to be aborted stays in front",
        replace(DEFERRED, queue={"a": Exactly(1)}, aborts={"a": -5}),
        call_promote(),
        NEXT,
        replace(DEFERRED, queue={"a": Exactly(1)}, aborts={"a": -5}),
    ),
    Row("a job that runs", RUNNING, call_promote(), Promoted.RUNS, RUNNING),
    Row(
        "its tries and crashes stay",
        replace(DEFERRED, tries={"a": "2"}, crashes={"a": "1 killed"}),
        call_promote(),
        Promoted.DUE,
        replace(DUE, tries={"a": "2"}, crashes={"a": "1 killed"}),
        repeated=NEXT,
    ),
    Row(
        "an id of any bytes",
        QueueState(queue={"\udcff": 60}, payloads={"\udcff": "payload"}),
        call_promote("\udcff"),
        Promoted.DUE,
        QueueState(queue={"\udcff": 0}, payloads={"\udcff": "payload"}, notes=frozenset({"io"})),
        repeated=NEXT,
    ),
    Row("a queue of a wrong type", wrong(KEYS.queue), call_promote(), WRONGTYPE, wrong(KEYS.queue)),
    Row(
        "a cpu set of a wrong type: an io job has nothing to do with it",
        wrong(KEYS.cpu, beside=DEFERRED),
        call_promote(),
        Promoted.DUE,
        wrong(KEYS.cpu, beside=DUE),
        repeated=NEXT,
    ),
]


@pytest.mark.parametrize("row", PROMOTIONS, ids=str)
async def test_promotions(row: Row, redis: Redis) -> None:
    await check(row, redis)
