"""discard.lua, state -> call -> state."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq.dead import discard as discarding
from tests.shared.formats.arq.admin_calls import call_discard
from tests.shared.formats.arq.rows import Row, Scene, check, wrong
from tests.support.queue_state import KEYS, QueueState, seed

LETTER: Final = {"name": "send", "letter": "{}", "payload": "payload", "has_payload": "1", "died_ms": "-60"}
ONE: Final = QueueState(results={"a": "failed"}, letters={"a": LETTER}, dead={"a": -60})
NONE: Final = QueueState(results={"a": "failed"})
TWO: Final = replace(ONE, letters=dict.fromkeys("ab", LETTER), dead=dict.fromkeys("ab", -60))

DISCARDS = [
    Row("nothing is given", ONE, call_discard(), [], ONE),
    Row("a letter goes, the result stays", ONE, call_discard("a"), [True], NONE, repeated=[False]),
    Row("there is none", NONE, call_discard("a"), [False], NONE),
    Row("its time is over: it comes off the list", replace(ONE, letters={}), call_discard("a"), [False], NONE),
    Row("others stay", TWO, call_discard("b", "c"), [True, False], ONE, repeated=[False, False]),
    Row(
        "a job of the id that is alive is not touched",
        replace(ONE, queue={"a": 5}, payloads={"a": "newer"}),
        call_discard("a"),
        [True],
        replace(NONE, queue={"a": 5}, payloads={"a": "newer"}),
        repeated=[False],
    ),
    Row(
        "an id of any bytes",
        QueueState(letters={"\udcff": LETTER}, dead={"\udcff": -60}),
        call_discard("\udcff"),
        [True],
        QueueState(),
        repeated=[False],
    ),
    Row(
        "a list of a wrong type",
        wrong(KEYS.dead, beside=replace(ONE, dead={})),
        call_discard("a"),
        [True],
        wrong(KEYS.dead, beside=NONE),
        repeated=[False],
    ),
]


@pytest.mark.parametrize("row", DISCARDS, ids=str)
async def test_discards(row: Row, redis: Redis) -> None:
    await check(row, redis)


async def test_a_full_batch(redis: Redis) -> None:
    ids = [f"{number:04}" for number in range(discarding.BATCH)]
    await seed(redis, QueueState(letters=dict.fromkeys(ids, LETTER), dead=dict.fromkeys(ids, -60)))
    assert await call_discard(*ids)(Scene(redis, 0)) == [True] * discarding.BATCH
    assert await redis.dbsize() == 0
