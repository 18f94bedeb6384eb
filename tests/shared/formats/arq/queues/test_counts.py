"""counts.lua: a state and what is counted of it; nothing is changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq.queues.counts import read_counts
from monarq.shared.protocol.counts import Counts
from tests.shared.formats.arq.admin_calls import call_counts
from tests.shared.formats.arq.rows import WRONGTYPE, Row, check, wrong
from tests.support.queue_state import KEYS, PARKED, Exactly, QueueState, leased, seed, server_ms

INF: Final = float("inf")


EMPTY: Final = Counts(now_ms=0, queued=0, deferred=0, running=0, dead=0, jobs_per_s=0.0, oldest_s=None, totals={})


def row(name: str, state: QueueState, found: Counts) -> Row:
    """A row that leaves the state as it is."""
    return Row(name, state, call_counts(), found, state)


HELD: Final = QueueState(
    queue={"a": leased(9), "b": leased(9)},
    tokens={"a": "t1", "b": "t2"},
    workers={"w1": 15, "w2": 15},
    leases={"w1": {"a": "t1"}, "w2": {"b": "t2"}},
)

COUNTS = [
    row("nothing", QueueState(), EMPTY),
    row("ready", QueueState(queue={"a": -5, "b": -30, "c": 0}), replace(EMPTY, queued=3, oldest_s=30)),
    row("deferred", QueueState(queue={"a": 5, "b": 60}), replace(EMPTY, deferred=2)),
    row(
        "cpu jobs, ready and deferred",
        QueueState(queue={"a": PARKED, "b": PARKED}, cpu={"a": -20, "b": 5}),
        replace(EMPTY, queued=1, deferred=1, oldest_s=20),
    ),
    row("running", HELD, replace(EMPTY, running=2)),
    row(
        "running cpu jobs",
        replace(HELD, queue={"a": PARKED, "b": PARKED, "c": PARKED}, cpu={"a": leased(9), "b": leased(9), "c": -1}),
        replace(EMPTY, queued=1, running=2, oldest_s=1),
    ),
    row(
        "run by an arq worker: counts as ready",
        QueueState(queue={"a": -5}, tokens={"a": "1"}),
        replace(EMPTY, queued=1, oldest_s=5),
    ),
    row(
        "scores that are no times say nothing of an age",
        QueueState(queue={"a": Exactly(-INF), "b": Exactly(0), "c": Exactly(1), "d": Exactly(INF), "e": -7}),
        replace(EMPTY, queued=4, deferred=1, oldest_s=7),
    ),
    row("only such scores", QueueState(queue={"a": Exactly(1)}), replace(EMPTY, queued=1)),
    row("dead letters", QueueState(dead={"a": -5, "b": -50}), replace(EMPTY, dead=2)),
    row(
        "counters",
        QueueState(stats={"enqueued": "7", "succeeded": "5"}),
        replace(EMPTY, totals={"enqueued": 7, "succeeded": 5}),
    ),
    row(
        "workers whose leases are gone",
        QueueState(workers={"w1": -90, "\udcff": 15}),
        EMPTY,
    ),
    row(
        "in-progress keys of a wrong type are not looked at",
        wrong("arq:in-progress:a", "list", QueueState(queue={"a": -5})),
        replace(EMPTY, queued=1, oldest_s=5),
    ),
    *(
        Row(f"{key} of a wrong type: refused", wrong(key), call_counts(), WRONGTYPE, wrong(key))
        for key in (KEYS.queue, KEYS.cpu, KEYS.dead, KEYS.workers)
    ),
    row("counters of a wrong type count nothing", wrong(KEYS.base + "stats"), EMPTY),
]


@pytest.mark.parametrize("row", COUNTS, ids=str)
async def test_counts(row: Row, redis: Redis) -> None:
    await check(row, redis)


async def test_jobs_a_second_are_those_of_the_last_five_whole_seconds(redis: Redis) -> None:
    now_s = await server_ms(redis) // 1000
    for back, ended in enumerate([1000, 1, 2, 3, 4, 5, 2000]):
        of_second = {"succeeded": ended - 1, "failed": 1, "enqueued": 7}
        await redis.hset(f"{KEYS.base}second:{now_s - back}", mapping=of_second)
        await redis.expire(f"{KEYS.base}second:{now_s - back}", 60)
    await seed(redis, QueueState())
    found = await read_counts(redis, KEYS)
    # Between the two calls a second may have begun.
    assert found.jobs_per_s in {(1 + 2 + 3 + 4 + 5) / 5, (1000 + 1 + 2 + 3 + 4) / 5}
