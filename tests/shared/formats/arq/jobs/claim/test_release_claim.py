"""release_claim.lua, state -> call -> state."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from tests.shared.formats.arq.calls import call_release_claim
from tests.shared.formats.arq.jobs.claim.claim_states import (
    A_HELD,
    BOTH_HELD,
    IO_NOTE,
    STARTED,
    held,
    waiting,
)
from tests.shared.formats.arq.rows import WRONGTYPE, Row, check, wrong
from tests.support.queue_state import KEYS, PARKED, leased

RELEASES = [
    Row("nothing was taken", waiting(), call_release_claim(), 0, waiting()),
    Row(
        "the job is free again, at no cost",
        held(),
        call_release_claim(),
        1,
        replace(waiting(0), stats=STARTED, notes=IO_NOTE),
        repeated=0,
    ),
    Row(
        "it stands before a backlog, as it did when it was claimed",
        held({"b": -600, "c": -5}),
        call_release_claim(),
        1,
        replace(waiting(-600, b=-600, c=-5), stats=STARTED, notes=IO_NOTE),
        repeated=0,
    ),
    Row(
        "what other claims of the worker took stays",
        replace(BOTH_HELD, tokens={"a": "t1", "b": "t2"}, leases={"w1": {"a": "t1", "b": "t2"}, "w2": {"c": "t1"}}),
        call_release_claim(),
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
        call_release_claim(),
        0,
        replace(held(), tokens={"a": "t9"}, leases={}),
    ),
    Row(
        "its lease has run out meanwhile",
        replace(held(), queue={"a": leased(-1)}, tokens={}),
        call_release_claim(),
        0,
        replace(held(), queue={"a": leased(-1)}, tokens={}, leases={}),
    ),
    Row(
        "it has ended and its id waits again", replace(waiting(-2), leases=A_HELD), call_release_claim(), 0, waiting(-2)
    ),
    Row(
        "a cpu job goes back to the cpu set",
        replace(held(), queue={"a": PARKED}, cpu={"a": leased(15)}),
        call_release_claim(),
        1,
        replace(waiting(PARKED), cpu={"a": 0}, stats=STARTED, notes=frozenset({"cpu"})),
        repeated=0,
    ),
    Row(
        "a cpu job that an io lane took goes back to the cpu set",
        replace(held(), cpu={"a": -5}),
        call_release_claim(),
        1,
        replace(waiting(PARKED), cpu={"a": -5}, stats=STARTED, notes=frozenset({"cpu"})),
        repeated=0,
    ),
]

WRONG_TYPES = [
    Row(
        "in-progress: the job is not the worker's",
        wrong("arq:in-progress:a", "list", replace(BOTH_HELD, tokens={"b": "t1"})),
        call_release_claim(),
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
        call_release_claim(),
        WRONGTYPE,
        wrong(KEYS.queue, beside=replace(BOTH_HELD, queue={})),
    ),
    Row(
        "cpu set: io jobs have nothing to do with it",
        wrong(KEYS.cpu, beside=BOTH_HELD),
        call_release_claim(),
        2,
        wrong(KEYS.cpu, beside=replace(BOTH_HELD, queue={"a": 0, "b": 0}, tokens={}, leases={}, notes=IO_NOTE)),
        repeated=0,
    ),
    Row(
        "wake-up list: nobody is told",
        wrong(KEYS.wake("io"), beside=BOTH_HELD),
        call_release_claim(),
        2,
        wrong(KEYS.wake("io"), beside=replace(BOTH_HELD, queue={"a": 0, "b": 0}, tokens={}, leases={})),
        repeated=0,
    ),
    Row(
        "the worker's record of its leases: refused",
        wrong(KEYS.leases("w1"), beside=replace(BOTH_HELD, leases={})),
        call_release_claim(),
        WRONGTYPE,
        wrong(KEYS.leases("w1"), beside=replace(BOTH_HELD, leases={})),
    ),
]


def marked(rows: list[Row]) -> list[Row]:
    """The same rows: whatever else a release_claim does, it leaves a mark that its claim is revoked."""
    mark = frozenset({"t1"})
    return [row if row.reply == WRONGTYPE else replace(row, after=replace(row.after, given_up=mark)) for row in rows]


RELEASES = marked(RELEASES)
WRONG_TYPES = marked(WRONG_TYPES)


@pytest.mark.parametrize("row", RELEASES, ids=str)
async def test_release_claim(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", WRONG_TYPES, ids=str)
async def test_a_key_of_a_wrong_type(row: Row, redis: Redis) -> None:
    await check(row, redis)
