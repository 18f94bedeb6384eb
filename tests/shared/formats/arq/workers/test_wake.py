"""wake.lua, state -> call -> state."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.lane import LaneQueue
from tests.shared.formats.arq.calls import call_wake
from tests.shared.formats.arq.rows import Row, Scene, check, wrong
from tests.support.queue_state import KEYS, QueueState, read_ttls, seed

CPU_NOTE = QueueState(notes=frozenset({"cpu"}))

WAKES = [
    Row("a note for an io lane", QueueState(), call_wake(), None, QueueState(notes=frozenset({"io"}))),
    Row("a note for a cpu lane", QueueState(), call_wake("cpu"), None, CPU_NOTE),
    Row("there is a note", CPU_NOTE, call_wake("cpu"), None, CPU_NOTE),
    Row("list of a wrong type: nobody is told", wrong(KEYS.wake("io")), call_wake(), None, wrong(KEYS.wake("io"))),
]


@pytest.mark.parametrize("row", WAKES, ids=str)
async def test_wakes(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("lane_queue", ["io", "cpu"])
async def test_a_note_does_not_lie_for_ever(lane_queue: LaneQueue, redis: Redis) -> None:
    await call_wake(lane_queue)(Scene(redis, await seed(redis, QueueState())))
    assert await read_ttls(redis) == {KEYS.wake(lane_queue): 60}
