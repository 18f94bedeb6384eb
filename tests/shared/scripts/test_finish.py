"""finish.lua, state -> call -> state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest
from redis.asyncio import Redis

from tests.shared.scripts.calls import HOUR_MS, call_finish, ending
from tests.shared.scripts.rows import Row, Scene, check, wrong
from tests.support.queue_state import KEYS, PARKED, QueueState, leased, read_state, read_ttls, seed

LEASED: Final = QueueState(
    queue={"a": leased(10)}, payloads={"a": "payload"}, tokens={"a": "t1"}, leases={"w1": {"a": "t1"}}
)
TWO_LEASED: Final = QueueState(
    queue=dict.fromkeys("ab", leased(10)),
    payloads=dict.fromkeys("ab", "payload"),
    tokens=dict.fromkeys("ab", "t1"),
    leases={"w1": dict.fromkeys("ab", "t1")},
)
DONE: Final = QueueState(results={"a": "result"}, stats={"done": "1"}, ended=1)
BOTH_DONE: Final = QueueState(results=dict.fromkeys("ab", "result"), stats={"done": "2"}, ended=2)
B_DONE: Final = QueueState(results={"b": "result"}, stats={"done": "1"}, ended=1)
LETTER: Final = {
    "name": "send",
    "letter": "why",
    "payload": "payload",
    "has_payload": "1",
    "tries": "0",
    "died_ms": "0",
}
DEAD: Final = QueueState(
    results={"a": "result"},
    letters={"a": LETTER},
    dead={"a": 0},
    stats={"failed": "1", "dead": "1"},
    ended=1,
)
DAY_MS: Final = 24 * HOUR_MS

ENDS = [
    Row("nothing is given", LEASED, call_finish(), [], LEASED),
    Row("done", LEASED, call_finish(ending("a")), [], DONE, repeated=["a"]),
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
        replace(BOTH_DONE, stats={"done": "1", "failed": "1"}),
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
        QueueState(results={"\udcff": "\x00\r\n"}, stats={"done": "1"}, ended=1),
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
        "the worker itself has claimed it anew meanwhile",
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
        "it has ended and its id was enqueued anew (arq loses that job)",
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


def letter_of(job_id: str, **fields: str) -> dict[str, dict[str, str]]:
    """A dead letter that differs as the fields say."""
    return {job_id: LETTER | fields}


BURIED: Final = ending("a", success=False, letter="why")

DEAD_LETTERS = [
    Row("failed for good", LEASED, call_finish(BURIED), [], DEAD, repeated=["a"]),
    Row(
        "after some tries",
        replace(LEASED, tries={"a": "4"}),
        call_finish(BURIED),
        [],
        replace(DEAD, letters=letter_of("a", tries="4")),
        repeated=["a"],
    ),
    Row(
        "its payload has expired",
        replace(LEASED, payloads={}),
        call_finish(BURIED),
        [],
        replace(DEAD, letters=letter_of("a", payload="", has_payload="0")),
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
        replace(LEASED, letters=letter_of("x") | letter_of("y"), dead={"x": -50, "y": -40}),
        call_finish(BURIED, max_dead=2),
        [],
        replace(DEAD, letters=letter_of("y") | letter_of("a"), dead={"y": -40, "a": 0}),
        repeated=["a"],
    ),
    Row(
        "a smaller cap than before holds at once",
        replace(LEASED, letters=letter_of("x") | letter_of("y"), dead={"x": -50, "y": -40}),
        call_finish(BURIED, max_dead=1),
        [],
        DEAD,
        repeated=["a"],
    ),
    Row(
        "ids of letters whose time is over go",
        replace(LEASED, letters=letter_of("z"), dead={"x": -50, "y": -40, "z": -30}),
        call_finish(BURIED),
        [],
        replace(DEAD, letters=letter_of("z") | letter_of("a"), dead={"z": -30, "a": 0}),
        repeated=["a"],
    ),
    Row(
        "letters that other workers keep for longer stay listed",
        replace(LEASED, letters=letter_of("x"), dead={"x": -50}),
        call_finish(ending("a", success=False, letter="why", keep_dead_ms=20_000)),
        [],
        replace(DEAD, letters=letter_of("x") | letter_of("a"), dead={"x": -50, "a": 0}),
        repeated=["a"],
    ),
]

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
        replace(DEAD, letters=letter_of("a", payload="", has_payload="0")),
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
    Row("letter: is replaced", wrong(KEYS.letter("a"), "list", LEASED), call_finish(BURIED), [], DEAD, ["a"]),
    Row(
        "list of the dead: the letter is there all the same",
        wrong(KEYS.dead, beside=TWO_LEASED),
        call_finish(BURIED, ending("b")),
        [],
        wrong(
            KEYS.dead,
            beside=replace(BOTH_DONE, letters={"a": LETTER}, stats={"done": "1", "failed": "1", "dead": "1"}),
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


@pytest.mark.parametrize("row", ENDS, ids=str)
async def test_ends(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", OWNERSHIP, ids=str)
async def test_only_the_owner_ends_a_job(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", DEAD_LETTERS, ids=str)
async def test_dead_letters(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", WRONG_TYPES, ids=str)
async def test_a_key_of_a_wrong_type(row: Row, redis: Redis) -> None:
    await check(row, redis)


async def test_the_second_s_counter_of_a_wrong_type(redis: Redis) -> None:
    now_ms = await seed(redis, TWO_LEASED)
    for second in range(now_ms // 1000, now_ms // 1000 + 3):
        await redis.set(f"{KEYS.base}second:{second}", "many", ex=60)
    assert await call_finish(ending("a"), ending("b"))(Scene(redis, now_ms)) == []
    for second in range(now_ms // 1000, now_ms // 1000 + 3):
        await redis.delete(f"{KEYS.base}second:{second}")
    assert await read_state(redis, now_ms) == replace(BOTH_DONE, ended=0)


async def test_what_lives_how_long(redis: Redis) -> None:
    scene = Scene(redis, await seed(redis, TWO_LEASED))
    ends = [
        ending("a", success=False, keep_ms=0, letter="why", keep_dead_ms=DAY_MS),
        ending("b", keep_ms=-1),
    ]
    await call_finish(*ends)(scene)
    ttls = await read_ttls(redis)
    seconds = [key for key in ttls if ":second:" in key]
    assert [ttls.pop(key) for key in seconds] == [60]
    assert ttls == {
        "arq:result:a": -1,
        KEYS.base + "no-result:b": 60,
        KEYS.letter("a"): 86_400,
        KEYS.dead: 86_400,
        KEYS.base + "stats": 30 * 86_400,
    }


async def test_the_list_of_the_dead_lives_as_long_as_its_longest_letter(redis: Redis) -> None:
    scene = Scene(redis, await seed(redis, TWO_LEASED))
    await call_finish(ending("a", letter="why", keep_dead_ms=DAY_MS))(scene)
    await call_finish(ending("b", letter="why", keep_dead_ms=HOUR_MS))(scene)
    ttls = await read_ttls(redis)
    assert [ttls[key] for key in (KEYS.letter("a"), KEYS.letter("b"), KEYS.dead)] == [86_400, 3600, 86_400]


async def test_the_ended_are_told(redis: Redis) -> None:
    scene = Scene(redis, await seed(redis, TWO_LEASED))
    listener: Any = redis.pubsub()
    async with listener:
        await listener.subscribe(KEYS.ended)
        await listener.get_message(timeout=5)
        await call_finish(ending("a"), ending("gone"), ending("b"))(scene)
        message = await listener.get_message(ignore_subscribe_messages=True, timeout=5)
        assert message["data"] == b"a\0b"
        await call_finish(ending("a"))(scene)
        assert await listener.get_message(ignore_subscribe_messages=True, timeout=0.05) is None
