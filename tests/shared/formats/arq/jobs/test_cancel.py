"""cancel.lua and what stands beside it, state -> call -> state."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq.jobs.cancel import find_cancels
from monarq.shared.protocol.answers import CancelAnswer
from tests.shared.formats.arq.admin_calls import call_cancel
from tests.shared.formats.arq.calls import Taken, call_claim
from tests.shared.formats.arq.rows import WRONGTYPE, Call, Row, Scene, check, wrong
from tests.support.queue_state import KEYS, PARKED, Exactly, QueueState, leased, read_ttls, seed

UNKNOWN, WAITS, RUNS = CancelAnswer.UNKNOWN, CancelAnswer.WAITS, CancelAnswer.RUNS
IO_NOTE: Final = frozenset({"io"})
CPU_NOTE: Final = frozenset({"cpu"})
NOTHING: Final = QueueState()
WAITING: Final = QueueState(queue={"a": -5}, payloads={"a": "payload"})
ASKED: Final = replace(WAITING, queue={"a": Exactly(1)}, aborts={"a": 0.5}, notes=IO_NOTE)
RUNNING: Final = QueueState(queue={"a": leased(9)}, payloads={"a": "payload"}, tokens={"a": "t1"})
PARKED_ONE: Final = replace(WAITING, queue={"a": PARKED}, cpu={"a": 60})

ABORTS = [
    Row("an unknown id", NOTHING, call_cancel(), UNKNOWN, NOTHING),
    Row(
        "a job that has ended",
        QueueState(results={"a": "done"}),
        call_cancel(),
        UNKNOWN,
        QueueState(results={"a": "done"}),
    ),
    Row("a job that waits comes to the front", WAITING, call_cancel(), WAITS, ASKED),
    Row("a deferred job is not waited for", replace(WAITING, queue={"a": 3600}), call_cancel(), WAITS, ASKED),
    Row("a job whose score is 0", replace(WAITING, queue={"a": Exactly(0)}), call_cancel(), WAITS, ASKED),
    Row("a job that runs", RUNNING, call_cancel(), RUNS, replace(RUNNING, aborts={"a": 0.5})),
    Row(
        "a job that an arq worker runs",
        replace(WAITING, tokens={"a": "1"}),
        call_cancel(),
        RUNS,
        replace(WAITING, tokens={"a": "1"}, aborts={"a": 0.5}),
    ),
    Row(
        "a cpu job that waits",
        PARKED_ONE,
        call_cancel(),
        WAITS,
        replace(PARKED_ONE, cpu={"a": Exactly(1)}, aborts={"a": 0.5}, notes=CPU_NOTE),
    ),
    Row(
        "a cpu job that runs",
        replace(PARKED_ONE, cpu={"a": leased(9)}, tokens={"a": "t1"}),
        call_cancel(),
        RUNS,
        replace(PARKED_ONE, cpu={"a": leased(9)}, tokens={"a": "t1"}, aborts={"a": 0.5}),
    ),
    Row(
        "asked before, and for others",
        replace(WAITING, aborts={"a": -50, "b": -50}),
        call_cancel(),
        WAITS,
        replace(ASKED, aborts={"a": 0.5, "b": -50}),
    ),
]

WRONG_TYPES = [
    Row("queue: refused", wrong(KEYS.queue), call_cancel(), WRONGTYPE, wrong(KEYS.queue)),
    Row(
        "aborts: refused, and the job is not moved",
        wrong("arq:abort", beside=WAITING),
        call_cancel(),
        WRONGTYPE,
        wrong("arq:abort", beside=WAITING),
    ),
    Row(
        "cpu set: an io job has nothing to do with it",
        wrong(KEYS.cpu, beside=WAITING),
        call_cancel(),
        WAITS,
        wrong(KEYS.cpu, beside=ASKED),
    ),
    Row(
        "wake-up list: nobody is told",
        wrong(KEYS.wake("io"), beside=WAITING),
        call_cancel(),
        WAITS,
        wrong(KEYS.wake("io"), beside=replace(ASKED, notes=frozenset())),
    ),
    Row(
        "in-progress: exists, so the job counts as running, as for arq",
        wrong("arq:in-progress:a", "list", WAITING),
        call_cancel(),
        RUNS,
        wrong("arq:in-progress:a", "list", replace(WAITING, aborts={"a": 0.5})),
    ),
]


@pytest.mark.parametrize("row", ABORTS, ids=str)
async def test_aborts(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", WRONG_TYPES, ids=str)
async def test_a_key_of_a_wrong_type(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("parked", [False, True], ids=["io", "cpu"])
async def test_an_aborted_job_is_taken_before_all_that_wait(redis: Redis, parked: bool) -> None:
    before = replace(WAITING, queue={"b": -90, "a": 60})
    if parked:
        before = replace(WAITING, queue=dict.fromkeys("ab", PARKED), cpu={"b": -90, "a": 60})
    scene = Scene(redis, await seed(redis, before))
    await call_cancel()(scene)
    claim_one = call_claim(limit=1, lane_queue="cpu" if parked else "io")
    assert (await _jobs(claim_one, scene)) == [Taken("a", due=Exactly(1), abort=0.5)]


async def _jobs(call: Call, scene: Scene) -> list[Taken]:
    return list((await call(scene)).jobs)  # type: ignore[attr-defined]


async def test_what_lives_how_long(redis: Redis) -> None:
    scene = Scene(redis, await seed(redis, WAITING))
    await call_cancel()(scene)
    ttls = await read_ttls(redis)
    assert ttls == {
        "arq:queue": -1,
        "arq:job:a": 100,
        "arq:abort": 86_400,
        KEYS.history("a"): 86_400,
        KEYS.wake("io"): 60,
    }


async def test_aborts_among_the_jobs_that_run(redis: Redis) -> None:
    assert await find_cancels(redis, []) == []
    assert await find_cancels(redis, [b"a"]) == []
    now_ms = await seed(redis, QueueState(aborts={"a": -5, "c": -7, "\udcff": -9, "e": Exactly(float("inf"))}))
    assert await find_cancels(redis, [b"a", b"b", b"\xff"]) == [(b"a", now_ms - 5000), (b"\xff", now_ms - 9000)]
    assert await find_cancels(redis, [b"e"]) == [(b"e", 0)], "a time that is none is older than any job"
