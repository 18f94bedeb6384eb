"""crash.lua, state -> call -> state."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from redis.asyncio import Redis

from tests.shared.formats.arq.calls import call_crash
from tests.shared.formats.arq.rows import Row, check
from tests.support.queue_state import PARKED, QueueState, leased

LEASED: Final = QueueState(
    queue={"a": PARKED},
    cpu={"a": leased(9)},
    payloads={"a": "payload"},
    tokens={"a": "t1"},
    leases={"w1": {"a": "t1"}},
)
FREED: Final = QueueState(
    queue={"a": PARKED},
    cpu={"a": 0},
    payloads={"a": "payload"},
    crashes={"a": "1 killed"},
    stats={"crashed": "1"},
    notes=frozenset({"cpu"}),
)
TWO_LEASED: Final = QueueState(
    queue=dict.fromkeys("ab", PARKED),
    cpu=dict.fromkeys("ab", leased(9)),
    tokens={"a": "t1", "b": "t2"},
    leases={"w1": {"a": "t1", "b": "t2"}},
)

CRASHES = [
    Row("nothing is given", LEASED, call_crash(), [], LEASED),
    Row("it is free at once, and a crash is counted", LEASED, call_crash(("a", "t1")), [], FREED, repeated=["a"]),
    Row(
        "crashes add up, and tries stay",
        replace(LEASED, tries={"a": "1"}, crashes={"a": "1 its lease ran out"}),
        call_crash(("a", "t1"), what="out of memory"),
        [],
        replace(FREED, tries={"a": "1"}, crashes={"a": "2 out of memory"}),
        repeated=["a"],
    ),
    Row(
        "it stands before all that waits",
        replace(LEASED, queue={"a": PARKED, "z": PARKED}, cpu={"a": leased(9), "z": -30}),
        call_crash(("a", "t1")),
        [],
        replace(FREED, queue={"a": PARKED, "z": PARKED}, cpu={"a": -30, "z": -30}),
        repeated=["a"],
    ),
    Row(
        "a cpu job that was found in the queue goes back there",
        replace(LEASED, queue={"a": leased(9)}, cpu={}),
        call_crash(("a", "t1")),
        [],
        replace(FREED, queue={"a": 0}, cpu={}, notes=frozenset({"io"})),
        repeated=["a"],
    ),
    Row(
        "two of two claims",
        TWO_LEASED,
        call_crash(("a", "t1"), ("b", "t2")),
        [],
        replace(
            FREED,
            queue=TWO_LEASED.queue,
            cpu={"a": 0, "b": 0},
            payloads={},
            crashes=dict.fromkeys("ab", "1 killed"),
            stats={"crashed": "2"},
        ),
        repeated=["a", "b"],
    ),
    Row(
        "another has claimed it meanwhile",
        replace(LEASED, tokens={"a": "t2"}),
        call_crash(("a", "t1")),
        ["a"],
        replace(LEASED, tokens={"a": "t2"}, leases={}),
        repeated=["a"],
    ),
]


@pytest.mark.parametrize("row", CRASHES, ids=str)
async def test_crash(redis: Redis, row: Row) -> None:
    await check(row, redis)
