"""finish.lua where a key holds a type that it should not: the jobs have ended all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from tests.shared.formats.arq.calls import call_finish, ending
from tests.shared.formats.arq.jobs.finish.finish_states import (
    B_DONE,
    BOTH_DONE,
    BURIED,
    DEAD,
    DONE,
    LEASED,
    LETTER,
    TWO_LEASED,
    dead_letter_of,
)
from tests.shared.formats.arq.rows import Row, Scene, check, wrong
from tests.support.queue_state import KEYS, leased, read_state, seed

WRONG_TYPES = [
    Row(
        "in-progress: the job is not the worker's",
        wrong("arq:in-progress:a", "list", replace(TWO_LEASED, tokens={"b": "t1"})),
        call_finish(ending("a"), ending("b")),
        ["a"],
        wrong("arq:in-progress:a", "list", replace(B_DONE, queue={"a": leased(10)}, payloads={"a": "payload"})),
        repeated=["a", "b"],
    ),
    Row(
        "result: is replaced",
        wrong("arq:result:a", "list", TWO_LEASED),
        call_finish(ending("a"), ending("b")),
        [],
        BOTH_DONE,
        repeated=["a", "b"],
    ),
    Row(
        "note of a result that was not kept: is replaced",
        wrong(KEYS.base + "no-result:a", "list", LEASED),
        call_finish(ending("a", keep_ms=-1)),
        [],
        replace(DONE, results={}, no_results=frozenset({"a"})),
        repeated=["a"],
    ),
    Row(
        "payload: as good as none, and goes",
        wrong("arq:job:a", "list", replace(LEASED, payloads={})),
        call_finish(BURIED),
        [],
        replace(DEAD, letters=dead_letter_of("a", payload="", has_payload="0")),
        repeated=["a"],
    ),
    Row(
        "tries: count as none, and go",
        wrong("arq:retry:a", "list", LEASED),
        call_finish(BURIED),
        [],
        DEAD,
        repeated=["a"],
    ),
    Row("crash note: goes", wrong(KEYS.crash("a"), "list", LEASED), call_finish(ending("a")), [], DONE, ["a"]),
    Row("letter: is replaced", wrong(KEYS.dead_letter("a"), "list", LEASED), call_finish(BURIED), [], DEAD, ["a"]),
    Row(
        "list of the dead: the letter is there all the same",
        wrong(KEYS.dead, beside=TWO_LEASED),
        call_finish(BURIED, ending("b")),
        [],
        wrong(
            KEYS.dead,
            beside=replace(BOTH_DONE, letters={"a": LETTER}, stats={"succeeded": "1", "failed": "1", "dead": "1"}),
        ),
        repeated=["a", "b"],
    ),
    Row(
        "queue: the jobs have ended",
        wrong(KEYS.queue, beside=replace(TWO_LEASED, queue={})),
        call_finish(ending("a"), ending("b")),
        [],
        wrong(KEYS.queue, beside=BOTH_DONE),
        repeated=["a", "b"],
    ),
    Row(
        "cpu set: the jobs have ended",
        wrong(KEYS.cpu, beside=TWO_LEASED),
        call_finish(ending("a"), ending("b")),
        [],
        wrong(KEYS.cpu, beside=BOTH_DONE),
        repeated=["a", "b"],
    ),
    Row(
        "aborts: there are none to drop",
        wrong("arq:abort", beside=TWO_LEASED),
        call_finish(ending("a"), ending("b")),
        [],
        wrong("arq:abort", beside=BOTH_DONE),
        repeated=["a", "b"],
    ),
    Row(
        "the worker's record of its leases: the jobs have ended",
        wrong(KEYS.leases("w1"), beside=replace(TWO_LEASED, leases={})),
        call_finish(ending("a"), ending("b")),
        [],
        wrong(KEYS.leases("w1"), beside=BOTH_DONE),
        repeated=["a", "b"],
    ),
    Row(
        "statistics: nothing is counted",
        wrong(KEYS.base + "stats", beside=TWO_LEASED),
        call_finish(ending("a"), ending("b")),
        [],
        wrong(KEYS.base + "stats", beside=replace(BOTH_DONE, stats={})),
        repeated=["a", "b"],
    ),
]


@pytest.mark.parametrize("row", WRONG_TYPES, ids=str)
async def test_a_key_of_a_wrong_type(row: Row, redis: Redis) -> None:
    await check(row, redis)


async def test_the_second_s_counter_of_a_wrong_type(redis: Redis) -> None:
    now_ms = await seed(redis, TWO_LEASED)
    seconds = [f"{KEYS.base}second:{second}" for second in range(now_ms // 1000, now_ms // 1000 + 9)]
    for key in seconds:
        await redis.set(key, "many", ex=60)
    assert await call_finish(ending("a"), ending("b"))(Scene(redis, now_ms)) == []
    found = await read_state(redis, now_ms)
    assert replace(found, wrong={}) == replace(BOTH_DONE, ended=0)
    assert set(found.wrong) == set(seconds)
