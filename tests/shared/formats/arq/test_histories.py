"""What scripts add to a job's history: rare events only, each once, in order, with an end."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.shared.protocol.enqueue import EnqueueMode
from tests.shared.formats.arq.admin_calls import call_cancel, call_promote, call_purge, call_revive
from tests.shared.formats.arq.calls import (
    Back,
    call_claim,
    call_enqueue,
    call_finish,
    call_recover,
    call_requeue,
    ending,
)
from tests.shared.formats.arq.rows import Call, Scene
from tests.support.queue_state import KEYS, QueueState, leased, read_state, read_ttls, seed

WAITING: Final = QueueState(queue={"a": -5}, payloads={"a": "payload"})
RUNNING: Final = QueueState(
    queue={"a": leased(9)}, payloads={"a": "payload"}, tokens={"a": "t1"}, leases={"w1": {"a": "t1"}}
)
LETTER: Final = {"name": "send", "letter": "{}", "payload": "payload", "has_payload": "1", "died_ms": "-60"}
DAY_S: Final = 86_400

TOLD = [
    (RUNNING, call_requeue(Back("a", delay_s=30, tries=2, note="ValueError: no")), "retried 2 30000 ValueError: no"),
    (RUNNING, call_requeue(Back("a", delay_s=30, tries=2, note="\u20ac\n x")), "retried 2 30000 \u20ac\n x"),
    (RUNNING, call_requeue(Back("a", due=-5, note="host:1:aa")), "handed-back host:1:aa"),
    (RUNNING, call_requeue(Back("a", delay_s=1, note="host:1:aa", unknown_ms=5)), "unknown host:1:aa"),
    (replace(WAITING, queue={"a": leased(-9)}), call_claim(), "crashed its lease ran out"),
    (RUNNING, call_recover(), "crashed killed"),
    (WAITING, call_cancel(), "cancel-asked "),
    (RUNNING, call_cancel(), "cancel-asked "),
    (replace(WAITING, queue={"a": 60}), call_promote(), "promoted "),
    (QueueState(letters={"a": LETTER}, dead={"a": -60}), call_revive("a"), "revived "),
]
"""State, call, and what the call tells, however often it is made."""

SILENT = [
    (QueueState(), call_enqueue({"a": "payload"})),
    (WAITING, call_claim()),
    (RUNNING, call_finish(ending("a"))),
    (RUNNING, call_finish(ending("a", success=False, letter="{}"))),
    (RUNNING, call_requeue(Back("a", due=-5))),
    (RUNNING, call_requeue(Back("a", delay_s=1, unknown_ms=5))),
    (WAITING, call_promote()),
    (WAITING, call_promote("b")),
    (QueueState(), call_cancel()),
    (QueueState(), call_revive("a")),
]


async def history_after(redis: Redis, before: QueueState, *calls: Call) -> tuple[str, ...]:
    scene = Scene(redis, await seed(redis, before))
    for call in calls:
        await call(scene)
    return (await read_state(redis, scene.now_ms)).histories.get("a", ())


@pytest.mark.parametrize(("before", "call", "told"), TOLD, ids=[told for _, _, told in TOLD])
async def test_what_is_recorded_once(redis: Redis, before: QueueState, call: Call, told: str) -> None:
    assert await history_after(redis, before, call, call) == (told,)


@pytest.mark.parametrize(("before", "call"), SILENT)
async def test_what_is_not_worth_recording(redis: Redis, before: QueueState, call: Call) -> None:
    assert await history_after(redis, before, call) == ()


async def test_a_history_keeps_the_newest(redis: Redis) -> None:
    scene = Scene(redis, await seed(redis, WAITING))
    for turn in range(25):
        await call_claim(token=f"t{turn}")(scene)
        await call_requeue(Back("a", token=f"t{turn}", due=-5, tries=turn, note="again"))(scene)
    history = (await read_state(redis, scene.now_ms)).histories["a"]
    assert history == tuple(f"retried {turn} 0 again" for turn in range(5, 25))


async def test_histories_end(redis: Redis) -> None:
    scene = Scene(redis, await seed(redis, RUNNING))
    await call_requeue(Back("a", delay_s=1000, tries=1, note="no"))(scene)
    assert (await read_ttls(redis))[KEYS.history("a")] == DAY_S + 1000
    await call_promote()(scene)
    assert (await read_ttls(redis))[KEYS.history("a")] == DAY_S
    await call_claim(token="t2")(scene)
    await call_finish(ending("a", "t2", success=False, letter="{}", keep_dead_ms=5 * DAY_S * 1000))(scene)
    assert (await read_ttls(redis))[KEYS.history("a")] == 5 * DAY_S, "as long as the dead letter"


@pytest.mark.parametrize("purged", [True, False])
async def test_a_new_job_of_the_id_inherits_no_history(redis: Redis, purged: bool) -> None:
    scene = Scene(redis, await seed(redis, WAITING))
    await call_cancel()(scene)
    if purged:
        await call_purge()(scene)
    else:
        await redis.delete("arq:job:a")
        await call_enqueue({"a": "next"}, EnqueueMode.NAMED)(scene)
    assert (await read_state(redis, scene.now_ms)).histories == {}


async def test_a_history_of_a_wrong_type_stops_nothing(redis: Redis) -> None:
    for before, call, _ in TOLD:
        await redis.flushall()
        now_ms = await seed(redis, before)
        await redis.hset(KEYS.history("a"), "x", "y")  # type: ignore[misc]
        await call(Scene(redis, now_ms))
        assert await redis.hlen(KEYS.history("a")) == 1  # type: ignore[misc]
        await redis.delete(KEYS.history("a"))
