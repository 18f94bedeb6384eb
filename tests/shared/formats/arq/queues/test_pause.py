"""pause.lua, and what a claim does on a paused queue: state -> call -> state."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import ASKED_MARK
from tests.shared.formats.arq.admin_calls import call_ask_paused, call_cancel, call_pause, call_resume
from tests.shared.formats.arq.calls import Taken, Took, call_claim, call_enqueue, call_finish, ending
from tests.shared.formats.arq.rows import Row, Scene, check, wrong
from tests.support.queue_state import KEYS, Exactly, QueueState, leased, read_state, read_ttls, seed

WAITING: Final = QueueState(queue={"a": -5}, payloads={"a": "payload"})
PAUSED: Final = replace(WAITING, paused=-60)
AWAKE: Final = replace(WAITING, notes=frozenset({"io", "cpu"}))

PAUSES = [
    Row("pause", WAITING, call_pause(), None, replace(WAITING, paused=0), repeated=0),
    Row("a paused queue keeps the time of its pause", PAUSED, call_pause(), -60, PAUSED),
    Row("resume wakes both lanes", PAUSED, call_resume(), -60, AWAKE, repeated=None),
    Row("resume what was not paused", WAITING, call_resume(), None, AWAKE),
    Row("is it paused?", PAUSED, call_ask_paused(), -60, PAUSED),
    Row("is it not?", WAITING, call_ask_paused(), None, WAITING),
]

CLAIMS = [
    Row("a paused queue gives no job", PAUSED, call_claim(), Took(), PAUSED),
    Row(
        "no cpu job either",
        QueueState(queue={"a": Exactly(4_102_444_800_000_000)}, cpu={"a": -5}, payloads={"a": "payload"}, paused=-60),
        call_claim(lane_queue="cpu"),
        Took(),
        QueueState(queue={"a": Exactly(4_102_444_800_000_000)}, cpu={"a": -5}, payloads={"a": "payload"}, paused=-60),
    ),
    Row(
        "no crash is counted meanwhile",
        replace(PAUSED, queue={"a": leased(-9)}),
        call_claim(),
        Took(),
        replace(PAUSED, queue={"a": leased(-9)}),
    ),
    Row(
        "what runs ends",
        replace(PAUSED, queue={"a": leased(9)}, tokens={"a": "t1"}, leases={"w1": {"a": "t1"}}),
        call_finish(ending("a")),
        [],
        QueueState(results={"a": "result"}, stats={"succeeded": "1"}, ended=1, paused=-60),
        repeated=["a"],
    ),
]

PUT_IN: Final = Row(
    "jobs are put in",
    replace(PAUSED, queue={}, payloads={}),
    call_enqueue({"a": "payload"}, due=-5),
    [1],
    replace(PAUSED, stats={"enqueued": "1"}, notes=frozenset({"io"})),
    repeated=[0],
)

WRONG_TYPES = [
    Row(
        "a key of any type pauses",
        wrong(KEYS.paused, "list", WAITING),
        call_claim(),
        Took(),
        wrong(KEYS.paused, "list", WAITING),
    ),
    Row("and is taken away", wrong(KEYS.paused, "list", WAITING), call_resume(), None, AWAKE),
]


@pytest.mark.parametrize("row", PAUSES, ids=str)
async def test_pauses(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", CLAIMS, ids=str)
async def test_a_paused_queue(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", WRONG_TYPES, ids=str)
async def test_a_key_of_a_wrong_type(row: Row, redis: Redis) -> None:
    await check(row, redis)


async def test_jobs_are_put_in(redis: Redis) -> None:
    await check(PUT_IN, redis)


async def test_a_pause_has_no_end_by_itself(redis: Redis) -> None:
    scene = Scene(redis, await seed(redis, QueueState()))
    await call_pause()(scene)
    assert await read_ttls(redis) == {KEYS.paused: -1}


async def test_a_queue_goes_on_where_it_was(redis: Redis) -> None:
    scene = Scene(redis, await seed(redis, WAITING))
    await call_pause()(scene)
    await call_cancel()(scene)
    assert await call_claim()(scene) == Took()
    await call_resume()(scene)
    assert await call_claim(limit=1)(scene) == Took((Taken("a", due=Exactly(1), abort=ASKED_MARK),))
    assert (await read_state(redis, scene.now_ms)).paused is None
