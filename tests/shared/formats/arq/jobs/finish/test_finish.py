"""finish.lua, state -> call -> state: results, and whose they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.shared.formats.arq.calls import call_finish, ending
from tests.shared.formats.arq.jobs.finish.finish_states import (
    B_DONE,
    BOTH_DONE,
    DAY_MS,
    DONE,
    LEASED,
    TWO_LEASED,
)
from tests.shared.formats.arq.rows import Row, Scene, check
from tests.support.queue_state import KEYS, PARKED, QueueState, leased, read_ttls, seed
from tests.support.slowness import patience_s

ENDS = [
    Row("nothing is given", LEASED, call_finish(), [], LEASED),
    Row("succeeded", LEASED, call_finish(ending("a")), [], DONE, repeated=["a"]),
    Row(
        "done, and somebody has deleted its token",
        replace(LEASED, tokens={}),
        call_finish(ending("a")),
        [],
        DONE,
        repeated=["a"],
    ),
    Row(
        "done, and somebody has deleted its token, of a worker that was silent while the job became another's",
        replace(LEASED, tokens={}, leases={"w1": {"a": "t1"}, "w2": {"a": "t2"}}, workers={"w1": -1}),
        call_finish(ending("a")),
        ["a"],
        replace(LEASED, tokens={}, leases={"w2": {"a": "t2"}}, workers={"w1": -1}),
    ),
    Row(
        "done, with an empty result",
        LEASED,
        call_finish(ending("a", result="")),
        [],
        replace(DONE, results={"a": ""}),
        repeated=["a"],
    ),
    Row(
        "done, and its result is not kept",
        LEASED,
        call_finish(ending("a", keep_ms=-1)),
        [],
        replace(DONE, results={}, no_results=frozenset({"a"})),
        repeated=["a"],
    ),
    Row(
        "done, and its result is kept for less than an enqueue may be repeated",
        LEASED,
        call_finish(ending("a", keep_ms=59_999)),
        [],
        replace(DONE, no_results=frozenset({"a"})),
        repeated=["a"],
    ),
    Row("done, and its result is kept for a minute", LEASED, call_finish(ending("a", keep_ms=60_000)), [], DONE, ["a"]),
    Row("done, and its result is kept for ever", LEASED, call_finish(ending("a", keep_ms=0)), [], DONE, ["a"]),
    Row(
        "done, and its result is kept for longer than Redis can count",
        TWO_LEASED,
        call_finish(ending("a", keep_ms=10**20), ending("b")),
        [],
        BOTH_DONE,
        repeated=["a", "b"],
    ),
    Row(
        "failed, without a letter",
        LEASED,
        call_finish(ending("a", success=False)),
        [],
        replace(DONE, stats={"failed": "1"}),
        repeated=["a"],
    ),
    Row(
        "all that was known of the job goes",
        replace(LEASED, tries={"a": "2"}, crashes={"a": "1 killed"}, aborts={"a": -1, "b": -1}),
        call_finish(ending("a")),
        [],
        replace(DONE, aborts={"b": -1}),
        repeated=["a"],
    ),
    Row(
        "a cpu job leaves both sets",
        replace(LEASED, queue={"a": PARKED, "c": PARKED}, cpu={"a": leased(10), "c": 5}),
        call_finish(ending("a")),
        [],
        replace(DONE, queue={"c": PARKED}, cpu={"c": 5}),
        repeated=["a"],
    ),
    Row(
        "several in one call",
        TWO_LEASED,
        call_finish(ending("a"), ending("b", success=False)),
        [],
        replace(BOTH_DONE, stats={"succeeded": "1", "failed": "1"}),
        repeated=["a", "b"],
    ),
    Row(
        "ids and results of any bytes",
        QueueState(
            queue={"\udcff": leased(10)},
            payloads={"\udcff": "payload"},
            tokens={"\udcff": "t1"},
            leases={"w1": {"\udcff": "t1"}},
        ),
        call_finish(ending("\udcff", result="\x00\r\n")),
        [],
        QueueState(results={"\udcff": "\x00\r\n"}, stats={"succeeded": "1"}, ended=1),
        repeated=["\udcff"],
    ),
    Row(
        "an earlier result of the id is replaced",
        replace(LEASED, results={"a": "earlier"}),
        call_finish(ending("a")),
        [],
        DONE,
        repeated=["a"],
    ),
]

OWNERSHIP = [
    Row(
        "another worker has claimed it meanwhile",
        replace(LEASED, tokens={"a": "t2"}, leases={"w1": {"a": "t1"}, "w2": {"a": "t2"}}),
        call_finish(ending("a")),
        ["a"],
        replace(LEASED, tokens={"a": "t2"}, leases={"w2": {"a": "t2"}}),
    ),
    Row(
        "the worker itself has claimed it again meanwhile",
        replace(LEASED, tokens={"a": "t2"}, leases={"w1": {"a": "t2"}}),
        call_finish(ending("a")),
        ["a"],
        replace(LEASED, tokens={"a": "t2"}, leases={"w1": {"a": "t2"}}),
    ),
    Row(
        "an arq worker runs it meanwhile",
        replace(LEASED, tokens={"a": "1"}),
        call_finish(ending("a")),
        ["a"],
        replace(LEASED, tokens={"a": "1"}, leases={}),
    ),
    Row(
        "its lease has run out",
        replace(LEASED, queue={"a": leased(-1)}, tokens={}),
        call_finish(ending("a")),
        ["a"],
        replace(LEASED, queue={"a": leased(-1)}, tokens={}, leases={}),
    ),
    Row(
        "it has ended and its id was enqueued again (arq loses that job)",
        QueueState(queue={"a": 0}, payloads={"a": "new"}, leases={"w1": {"a": "t1"}}),
        call_finish(ending("a", success=False, letter="why")),
        ["a"],
        QueueState(queue={"a": 0}, payloads={"a": "new"}),
    ),
    Row(
        "it has ended elsewhere, and its result stays",
        QueueState(results={"a": "theirs"}),
        call_finish(ending("a", success=False, letter="why")),
        ["a"],
        QueueState(results={"a": "theirs"}),
    ),
    Row(
        "one that is lost does not keep the other",
        replace(TWO_LEASED, tokens={"a": "t2", "b": "t1"}),
        call_finish(ending("a"), ending("b")),
        ["a"],
        replace(B_DONE, queue={"a": leased(10)}, payloads={"a": "payload"}, tokens={"a": "t2"}),
        repeated=["a", "b"],
    ),
]


@pytest.mark.parametrize("row", ENDS, ids=str)
async def test_ends(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", OWNERSHIP, ids=str)
async def test_only_the_owner_ends_a_job(row: Row, redis: Redis) -> None:
    await check(row, redis)


async def test_what_lives_how_long(redis: Redis) -> None:
    scene = Scene(redis, await seed(redis, TWO_LEASED))
    ends = [ending("a", success=False, keep_ms=0, letter="why", keep_dead_ms=DAY_MS), ending("b", keep_ms=-1)]
    await call_finish(*ends)(scene)
    assert await read_ttls(redis) == {
        "arq:result:a": -1,
        KEYS.base + "no-result:b": 60,
        KEYS.dead_letter("a"): 86_400,
        KEYS.dead: 86_400,
        KEYS.base + "stats": 30 * 86_400,
    }


async def test_the_ids_of_ended_jobs_are_published(redis: Redis) -> None:
    scene = Scene(redis, await seed(redis, TWO_LEASED))
    listener: Any = redis.pubsub()
    async with listener:
        await listener.subscribe(KEYS.ended)
        await listener.get_message(timeout=patience_s(5))
        await call_finish(ending("a"), ending("gone"), ending("b"))(scene)
        message = await listener.get_message(ignore_subscribe_messages=True, timeout=patience_s(5))
        assert message["data"] == b"a\0b"
        await call_finish(ending("a"))(scene)
        assert await listener.get_message(ignore_subscribe_messages=True, timeout=0.05) is None
