"""recover.lua and deregister.lua, state -> call -> state."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from redis.asyncio import Redis

from tests.shared.formats.arq.calls import call_claim, call_deregister, call_recover
from tests.shared.formats.arq.rows import WRONGTYPE, Row, Scene, check, wrong
from tests.support.queue_state import KEYS, PARKED, Exactly, QueueState, leased, read_state, read_ttls, seed

IO_NOTE: Final = frozenset({"io"})
NOTHING: Final = QueueState()
WORKER: Final = QueueState(records={"w1": "{}"}, workers={"w1": 15})
OTHER: Final = QueueState(
    records={"w2": "{}"}, workers={"w2": 15}, queue={"z": leased(9)}, tokens={"z": "t9"}, leases={"w2": {"z": "t9"}}
)
LEASED: Final = replace(
    WORKER, queue={"a": leased(9)}, payloads={"a": "payload"}, tokens={"a": "t1"}, leases={"w1": {"a": "t1"}}
)
FREED: Final = QueueState(
    queue={"a": 0}, payloads={"a": "payload"}, crashes={"a": "1 killed"}, stats={"crashed": "1"}, notes=IO_NOTE
)
TWO_LEASED: Final = replace(
    WORKER, queue=dict.fromkeys("ab", leased(9)), tokens={"a": "t1", "b": "t2"}, leases={"w1": {"a": "t1", "b": "t2"}}
)
BOTH_FREED: Final = QueueState(
    queue={"a": 0, "b": 0}, crashes=dict.fromkeys("ab", "1 killed"), stats={"crashed": "2"}, notes=IO_NOTE
)

RECOVERIES = [
    Row("an unknown worker", NOTHING, call_recover(), [], NOTHING),
    Row("a worker that held nothing", WORKER, call_recover(), [], NOTHING),
    Row("its job is free at once, and a crash is counted", LEASED, call_recover(), ["a"], FREED, repeated=[]),
    Row(
        "crashes add up, and tries stay",
        replace(LEASED, tries={"a": "1"}, crashes={"a": "1 its lease ran out"}),
        call_recover(what="out of memory"),
        ["a"],
        replace(FREED, tries={"a": "1"}, crashes={"a": "2 out of memory"}),
        repeated=[],
    ),
    Row("jobs of several claims", TWO_LEASED, call_recover(), ["a", "b"], BOTH_FREED, repeated=[]),
    Row("another worker keeps its own", OTHER, call_recover(), [], OTHER),
    Row(
        "a cpu job goes back to the cpu set",
        replace(LEASED, queue={"a": PARKED}, cpu={"a": leased(9)}),
        call_recover(),
        ["a"],
        replace(FREED, queue={"a": PARKED}, cpu={"a": 0}, notes=frozenset({"cpu"})),
        repeated=[],
    ),
    Row(
        "a cpu job that arq's abort() has moved is parked again",
        replace(LEASED, queue={"a": 1}, cpu={"a": leased(9)}),
        call_recover(),
        ["a"],
        replace(FREED, queue={"a": PARKED}, cpu={"a": 0}, notes=frozenset({"cpu"})),
        repeated=[],
    ),
    Row(
        "another worker has claimed the job meanwhile",
        replace(LEASED, tokens={"a": "t2"}),
        call_recover(),
        [],
        QueueState(queue={"a": leased(9)}, payloads={"a": "payload"}, tokens={"a": "t2"}),
    ),
    Row(
        "its lease has run out, and nobody has claimed it since",
        replace(LEASED, queue={"a": leased(-1)}, tokens={}),
        call_recover(),
        ["a"],
        replace(FREED, queue={"a": -1}),
        repeated=[],
    ),
    Row(
        "its lease has run out, and it waits for another try",
        replace(LEASED, queue={"a": -1}, tokens={}),
        call_recover(),
        [],
        QueueState(queue={"a": -1}, payloads={"a": "payload"}),
    ),
    Row(
        "its lease has run out, and another worker runs it by now",
        replace(LEASED, queue={"a": leased(8)}, tokens={"a": "t2"}),
        call_recover(),
        [],
        QueueState(queue={"a": leased(8)}, payloads={"a": "payload"}, tokens={"a": "t2"}),
    ),
    Row(
        "its lease has run out, and an arq worker runs it by now, which leaves its score as it was",
        replace(LEASED, queue={"a": leased(-1)}, tokens={"a": "1"}),
        call_recover(),
        [],
        QueueState(queue={"a": leased(-1)}, payloads={"a": "payload"}, tokens={"a": "1"}),
    ),
    Row(
        "it stands before a backlog, as it did when it was claimed",
        replace(LEASED, queue={"a": leased(9), "b": -600, "c": -5}),
        call_recover(),
        ["a"],
        replace(FREED, queue={"a": -600, "b": -600, "c": -5}),
        repeated=[],
    ),
    Row(
        "a cpu job stands before the cpu jobs, whatever waits for io lanes",
        replace(LEASED, queue={"a": PARKED, "b": PARKED, "c": -600}, cpu={"a": leased(9), "b": -60}),
        call_recover(),
        ["a"],
        replace(FREED, queue={"a": PARKED, "b": PARKED, "c": -600}, cpu={"a": -60, "b": -60}, notes=frozenset({"cpu"})),
        repeated=[],
    ),
    Row(
        "it does not go before what is to be aborted: that is not a time",
        replace(LEASED, queue={"a": leased(9), "b": Exactly(1), "c": 60}),
        call_recover(),
        ["a"],
        replace(FREED, queue={"a": 0, "b": Exactly(1), "c": 60}),
        repeated=[],
    ),
    Row(
        "the job has ended and its id waits again",
        replace(LEASED, queue={"a": 60}, tokens={}),
        call_recover(),
        [],
        QueueState(queue={"a": 60}, payloads={"a": "payload"}),
    ),
    Row(
        "an id that is no UTF-8",
        QueueState(queue={"\udcff": leased(9)}, tokens={"\udcff": "t1"}, leases={"w1": {"\udcff": "t1"}}),
        call_recover(),
        ["\udcff"],
        QueueState(queue={"\udcff": 0}, crashes={"\udcff": "1 killed"}, stats={"crashed": "1"}, notes=IO_NOTE),
        repeated=[],
    ),
]

WRONG_TYPES = [
    Row(
        "in-progress: the job is not the worker's",
        wrong("arq:in-progress:a", "list", replace(TWO_LEASED, tokens={"b": "t2"})),
        call_recover(),
        ["b"],
        wrong(
            "arq:in-progress:a",
            "list",
            QueueState(
                queue={"a": leased(9), "b": 0}, crashes={"b": "1 killed"}, stats={"crashed": "1"}, notes=IO_NOTE
            ),
        ),
        repeated=[],
    ),
    Row(
        "crash note: is replaced",
        wrong(KEYS.crash("a"), "list", TWO_LEASED),
        call_recover(),
        ["a", "b"],
        BOTH_FREED,
        repeated=[],
    ),
    Row(
        "queue: refused, and the worker is not forgotten",
        wrong(KEYS.queue, beside=replace(TWO_LEASED, queue={})),
        call_recover(),
        WRONGTYPE,
        wrong(KEYS.queue, beside=replace(TWO_LEASED, queue={})),
    ),
    Row(
        "cpu set: io jobs have nothing to do with it",
        wrong(KEYS.cpu, beside=TWO_LEASED),
        call_recover(),
        ["a", "b"],
        wrong(KEYS.cpu, beside=BOTH_FREED),
        repeated=[],
    ),
    Row(
        "wake-up list and statistics: nobody is told, nothing is counted",
        replace(TWO_LEASED, wrong={KEYS.wake("io"): "string", KEYS.base + "stats": "string"}),
        call_recover(),
        ["a", "b"],
        replace(
            BOTH_FREED, stats={}, notes=frozenset(), wrong={KEYS.wake("io"): "string", KEYS.base + "stats": "string"}
        ),
        repeated=[],
    ),
    Row(
        "list of workers: the jobs are free",
        wrong(KEYS.workers, beside=replace(TWO_LEASED, workers={})),
        call_recover(),
        ["a", "b"],
        wrong(KEYS.workers, beside=BOTH_FREED),
        repeated=[],
    ),
    Row(
        "the worker's record of its leases: goes with the worker, and the leases run out",
        wrong(KEYS.leases("w1"), beside=replace(LEASED, leases={})),
        call_recover(),
        [],
        QueueState(queue={"a": leased(9)}, payloads={"a": "payload"}, tokens={"a": "t1"}),
    ),
]

DEREGISTRATIONS = [
    Row("an unknown worker", NOTHING, call_deregister(), 0, NOTHING),
    Row(
        "a worker that holds nothing",
        replace(OTHER, records={"w1": "{}", "w2": "{}"}, workers={"w1": 15, "w2": 15}),
        call_deregister(),
        0,
        OTHER,
    ),
    Row("a worker that still holds a job stays listed", LEASED, call_deregister(), 1, LEASED),
    Row(
        "one whose job another has taken over does not",
        replace(LEASED, tokens={"a": "t2"}),
        call_deregister(),
        0,
        replace(LEASED, tokens={"a": "t2"}, leases={}, records={}, workers={}),
    ),
    Row(
        "one whose lease has run out does not",
        replace(LEASED, queue={"a": leased(-1)}, tokens={}),
        call_deregister(),
        0,
        replace(LEASED, queue={"a": leased(-1)}, tokens={}, leases={}, records={}, workers={}),
    ),
    Row(
        "list of workers of a wrong type: its record goes",
        wrong(KEYS.workers, beside=QueueState(records={"w1": "{}"})),
        call_deregister(),
        0,
        wrong(KEYS.workers),
    ),
    Row(
        "record of its leases of a wrong type: goes with the worker",
        wrong(KEYS.leases("w1"), beside=WORKER),
        call_deregister(),
        0,
        NOTHING,
    ),
]


def marked(rows: list[Row]) -> list[Row]:
    """The same rows: whatever else recover does, the worker takes nothing any more."""
    mark = frozenset({"w1"})
    return [row if row.reply == WRONGTYPE else replace(row, after=replace(row.after, given_up=mark)) for row in rows]


RECOVERIES = marked(RECOVERIES)
WRONG_TYPES = marked(WRONG_TYPES)


@pytest.mark.parametrize("row", RECOVERIES, ids=str)
async def test_recoveries(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", WRONG_TYPES, ids=str)
async def test_a_key_of_a_wrong_type(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", DEREGISTRATIONS, ids=str)
async def test_deregistrations(row: Row, redis: Redis) -> None:
    await check(row, redis)


async def test_a_crash_is_counted_once_whoever_sees_it_first(redis: Redis) -> None:
    scene = Scene(redis, await seed(redis, replace(LEASED, queue={"a": leased(-1)}, tokens={})))
    await call_claim(worker="w2", token="t2")(scene)
    await call_recover()(scene)
    found = await read_state(redis, scene.now_ms)
    assert found.crashes == {"a": "1 its lease ran out"}
    assert found.tokens == {"a": "t2"}


async def test_what_lives_how_long(redis: Redis) -> None:
    scene = Scene(redis, await seed(redis, LEASED))
    await call_recover()(scene)
    assert await read_ttls(redis) == {
        "arq:queue": -1,
        "arq:job:a": 100,
        KEYS.crash("a"): 7 * 86_400,
        KEYS.history("a"): 86_400,
        KEYS.base + "given-up:w1": 3600,
        KEYS.base + "stats": 30 * 86_400,
        KEYS.wake("io"): 60,
    }
