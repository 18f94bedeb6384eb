"""finish.lua, state -> call -> state: dead letters."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from tests.shared.formats.arq.calls import HOUR_MS, call_finish, ending
from tests.shared.formats.arq.jobs.finish.finish_states import (
    BURIED,
    DAY_MS,
    DEAD,
    LEASED,
    TWO_LEASED,
    dead_letter_of,
)
from tests.shared.formats.arq.rows import Row, Scene, check
from tests.support.queue_state import KEYS, read_ttls, seed

DEAD_LETTERS = [
    Row("failed for good", LEASED, call_finish(BURIED), [], DEAD, repeated=["a"]),
    Row(
        "after some tries",
        replace(LEASED, tries={"a": "4"}),
        call_finish(BURIED),
        [],
        replace(DEAD, letters=dead_letter_of("a", tries="4")),
        repeated=["a"],
    ),
    Row(
        "its payload has expired",
        replace(LEASED, payloads={}),
        call_finish(BURIED),
        [],
        replace(DEAD, letters=dead_letter_of("a", payload="", has_payload="0")),
        repeated=["a"],
    ),
    Row(
        "an earlier letter of the id is replaced",
        replace(LEASED, letters={"a": {"old": "1"}}, dead={"a": -50}),
        call_finish(BURIED),
        [],
        DEAD,
        repeated=["a"],
    ),
    Row(
        "the oldest makes room",
        replace(LEASED, letters=dead_letter_of("x") | dead_letter_of("y"), dead={"x": -50, "y": -40}),
        call_finish(BURIED, max_dead=2),
        [],
        replace(DEAD, letters=dead_letter_of("y") | dead_letter_of("a"), dead={"y": -40, "a": 0}),
        repeated=["a"],
    ),
    Row(
        "a smaller cap than before holds at once",
        replace(LEASED, letters=dead_letter_of("x") | dead_letter_of("y"), dead={"x": -50, "y": -40}),
        call_finish(BURIED, max_dead=1),
        [],
        DEAD,
        repeated=["a"],
    ),
    Row(
        "ids of letters whose time is over go",
        replace(LEASED, letters=dead_letter_of("z"), dead={"x": -50, "y": -40, "z": -30}),
        call_finish(BURIED),
        [],
        replace(DEAD, letters=dead_letter_of("z") | dead_letter_of("a"), dead={"z": -30, "a": 0}),
        repeated=["a"],
    ),
    Row(
        "letters that other workers keep for longer stay listed",
        replace(LEASED, letters=dead_letter_of("x"), dead={"x": -50}),
        call_finish(ending("a", success=False, letter="why", keep_dead_ms=20_000)),
        [],
        replace(DEAD, letters=dead_letter_of("x") | dead_letter_of("a"), dead={"x": -50, "a": 0}),
        repeated=["a"],
    ),
]


@pytest.mark.parametrize("row", DEAD_LETTERS, ids=str)
async def test_dead_letters(row: Row, redis: Redis) -> None:
    await check(row, redis)


async def test_the_list_of_the_dead_lives_as_long_as_its_longest_letter(redis: Redis) -> None:
    scene = Scene(redis, await seed(redis, TWO_LEASED))
    await call_finish(ending("a", letter="why", keep_dead_ms=DAY_MS))(scene)
    await call_finish(ending("b", letter="why", keep_dead_ms=HOUR_MS))(scene)
    ttls = await read_ttls(redis)
    assert [ttls[key] for key in (KEYS.dead_letter("a"), KEYS.dead_letter("b"), KEYS.dead)] == [86_400, 3600, 86_400]
