"""revive.lua, state -> call -> state."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq.dead import revive as reviving
from monarq.shared.formats.arq.dead.revive import revive
from monarq.shared.protocol.answers import Revived
from tests.shared.formats.arq.admin_calls import call_revive
from tests.shared.formats.arq.calls import HOUR_MS, call_claim, call_finish, ending
from tests.shared.formats.arq.rows import WRONGTYPE, Row, Scene, check, wrong
from tests.support.queue_state import KEYS, PARKED, Exactly, QueueState, leased, read_state, read_ttls, seed

BACK, ALIVE, NO_LETTER, NO_PAYLOAD = Revived.BACK, Revived.ALIVE, Revived.NO_LETTER, Revived.NO_PAYLOAD
NOTHING: Final = QueueState()
IO_NOTE: Final = frozenset({"io"})


def letter(home: str = "io", payload: str = "payload", has_payload: str = "1", error: str = "no") -> dict[str, str]:
    """A dead letter as finish.lua leaves it."""
    text = f'{{"error":"{error}","home":"{home}","tries":5}}'
    kept = {"payload": payload, "has_payload": has_payload}
    return {"name": "send", "letter": text, **kept, "tries": "4", "died_ms": "-60"}


DEAD: Final = QueueState(results={"a": "failed"}, letters={"a": letter()}, dead={"a": -60})
REVIVED: Final = QueueState(queue={"a": 0}, payloads={"a": "payload"}, notes=IO_NOTE, stats={"revived": "1"})
CPU_DEAD: Final = replace(DEAD, letters={"a": letter("cpu")})

REVIVES = [
    Row("nothing is given", DEAD, call_revive(), [], DEAD),
    Row("a dead job", DEAD, call_revive("a"), [BACK], REVIVED, repeated=[ALIVE]),
    Row(
        "a dead cpu job waits where cpu lanes look",
        CPU_DEAD,
        call_revive("a"),
        [BACK],
        replace(REVIVED, queue={"a": PARKED}, cpu={"a": 0}, notes=frozenset({"cpu"})),
        repeated=[ALIVE],
    ),
    Row(
        "an error that names the other lane",
        replace(DEAD, letters={"a": letter(error='\\"home\\":\\"cpu\\"')}),
        call_revive("a"),
        [BACK],
        REVIVED,
        repeated=[ALIVE],
    ),
    Row(
        "its own result goes",
        replace(DEAD, letters={"a": letter() | {"result_end": "failed"}}),
        call_revive("a"),
        [BACK],
        REVIVED,
        repeated=[ALIVE],
    ),
    Row(
        "a later job of its id has left a result: that stays, and so does the letter",
        replace(DEAD, results={"a": "done"}, letters={"a": letter() | {"result_end": "failed"}}),
        call_revive("a"),
        [ALIVE],
        replace(DEAD, results={"a": "done"}, letters={"a": letter() | {"result_end": "failed"}}),
    ),
    Row(
        "nothing is known of it any more",
        replace(
            DEAD,
            tries={"a": "4", "b": "1"},
            crashes={"a": "2 killed"},
            aborts={"a": -60, "b": -1},
            no_results=frozenset({"a"}),
        ),
        call_revive("a"),
        [BACK],
        replace(REVIVED, tries={"b": "1"}, aborts={"b": -1}),
        repeated=[ALIVE],
    ),
    Row(
        "others stay as they are",
        replace(
            DEAD,
            letters={"a": letter(), "b": letter()},
            dead={"a": -60, "b": -50},
            results=dict.fromkeys("ab", "failed"),
        ),
        call_revive("a"),
        [BACK],
        replace(REVIVED, letters={"b": letter()}, dead={"b": -50}, results={"b": "failed"}),
        repeated=[ALIVE],
    ),
    Row(
        "several in one call, and one of them twice",
        replace(DEAD, letters={"a": letter(), "b": letter("cpu")}, dead={"a": -60, "b": -50}),
        call_revive("a", "c", "b", "a"),
        [BACK, NO_LETTER, BACK, ALIVE],
        QueueState(
            queue={"a": 0, "b": PARKED},
            cpu={"b": 0},
            payloads=dict.fromkeys("ab", "payload"),
            notes=frozenset({"io", "cpu"}),
            stats={"revived": "2"},
        ),
        repeated=[ALIVE, NO_LETTER, ALIVE, ALIVE],
    ),
    Row(
        "ids and payloads of any bytes, and an empty payload",
        QueueState(
            letters={"\udcff": letter(payload="\x00\udcff\r\n"), "b": letter(payload="")}, dead={"\udcff": -9, "b": -9}
        ),
        call_revive("\udcff", "b"),
        [BACK, BACK],
        replace(
            REVIVED, queue={"\udcff": 0, "b": 0}, payloads={"\udcff": "\x00\udcff\r\n", "b": ""}, stats={"revived": "2"}
        ),
        repeated=[ALIVE, ALIVE],
    ),
    Row(
        "a ghost of it in the queue is not a job",
        replace(DEAD, queue={"a": Exactly(5000)}),
        call_revive("a"),
        [BACK],
        REVIVED,
        repeated=[ALIVE],
    ),
]

REFUSALS = [
    Row("there is no letter", NOTHING, call_revive("a"), [NO_LETTER], NOTHING),
    Row(
        "its time is over: it comes off the list",
        replace(DEAD, letters={}),
        call_revive("a"),
        [NO_LETTER],
        replace(DEAD, letters={}, dead={}),
    ),
    Row(
        "its payload had expired before it died",
        replace(DEAD, letters={"a": letter(payload="", has_payload="0")}),
        call_revive("a"),
        [NO_PAYLOAD],
        replace(DEAD, letters={"a": letter(payload="", has_payload="0")}),
    ),
    Row(
        "the id waits again",
        replace(DEAD, queue={"a": 5}, payloads={"a": "newer"}),
        call_revive("a"),
        [ALIVE],
        replace(DEAD, queue={"a": 5}, payloads={"a": "newer"}),
    ),
    Row(
        "the id runs again, and its payload has expired",
        replace(DEAD, queue={"a": leased(9)}, tokens={"a": "t2"}),
        call_revive("a"),
        [ALIVE],
        replace(DEAD, queue={"a": leased(9)}, tokens={"a": "t2"}),
    ),
]

WRONG_TYPES = [
    Row(
        "queue: refused, nothing is changed",
        wrong(KEYS.queue, beside=DEAD),
        call_revive("a"),
        WRONGTYPE,
        wrong(KEYS.queue, beside=DEAD),
    ),
    Row(
        "letter: counts as none",
        wrong(KEYS.dead_letter("a")),
        call_revive("a"),
        [NO_LETTER],
        wrong(KEYS.dead_letter("a")),
    ),
    Row(
        "list of the dead: the job is back all the same",
        wrong(KEYS.dead, beside=replace(DEAD, dead={})),
        call_revive("a"),
        [BACK],
        wrong(KEYS.dead, beside=REVIVED),
        repeated=[ALIVE],
    ),
    Row(
        "cpu set: the job waits in the queue",
        wrong(KEYS.cpu, beside=CPU_DEAD),
        call_revive("a"),
        [BACK],
        wrong(KEYS.cpu, beside=replace(REVIVED, notes=frozenset({"cpu"}))),
        repeated=[ALIVE],
    ),
]


@pytest.mark.parametrize("row", REVIVES, ids=str)
async def test_revives(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", REFUSALS, ids=str)
async def test_refusals(row: Row, redis: Redis) -> None:
    await check(row, redis)


@pytest.mark.parametrize("row", WRONG_TYPES, ids=str)
async def test_keys_of_a_wrong_type(row: Row, redis: Redis) -> None:
    await check(row, redis)


async def test_from_the_queue_to_death_and_back(redis: Redis) -> None:
    before = QueueState(queue={"a": -5}, payloads={"a": "payload"})
    scene = Scene(redis, await seed(redis, before))
    await call_claim()(scene)
    await call_finish(ending("a", success=False, letter='{"home":"io"}', keep_dead_ms=HOUR_MS))(scene)
    assert await call_revive("a")(scene) == [BACK]
    after = await read_state(redis, scene.now_ms)
    assert (after.queue, after.payloads, after.results, after.letters) == ({"a": 0}, {"a": "payload"}, {}, {})
    assert (await read_ttls(redis))["arq:job:a"] == -1, "it is run, however late"


async def test_large_payloads_come_back_in_several_calls(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviving, "MOVED_BYTES", 10)
    ids = [b"a", b"b", b"c"]
    await seed(redis, QueueState(letters={name: letter(payload="x" * 6) for name in "abc"}))
    assert await revive(redis, KEYS, ids) == [BACK, BACK]
    assert await revive(redis, KEYS, ids[2:]) == [BACK]


async def test_a_full_batch(redis: Redis) -> None:
    ids = [f"{number:04}" for number in range(reviving.BATCH)]
    await seed(redis, QueueState(letters={name: letter("cpu") for name in ids}, dead=dict.fromkeys(ids, -60)))
    assert await call_revive(*ids)(Scene(redis, 0)) == [BACK] * reviving.BATCH
    with pytest.raises(ValueError, match="at most 1000"):
        await call_revive(*ids, "more")(Scene(redis, 0))
