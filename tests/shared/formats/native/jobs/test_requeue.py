"""requeue.lua and crash.lua: jobs come back to their queue, each to the place that its run has left it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.claim import IncarnationGoneError
from monarq.shared.formats.native.jobs.notes import Note, read_note
from monarq.shared.formats.native.jobs.requeue import BATCH, requeue, requeue_crashed
from monarq.shared.formats.native.keys import wake_channel
from monarq.shared.lane import Lane
from monarq.shared.protocol.acks import Crash, Requeue
from tests.shared.formats.native.calls import claim_jobs, held_by, ids_in, lease_of
from tests.shared.formats.native.hearing import heard
from tests.shared.formats.native.pieces import KEYS, hash_of, now_ms, zset_of
from tests.shared.formats.native.state import INCARNATION, counts_of, note, put, sets_with, trail_of


async def run(redis: Redis, *ids: str) -> None:
    """Jobs that an incarnation holds."""
    await put(redis, *ids)
    assert len((await claim_jobs(redis)).ids) == len(ids)


async def give_back(redis: Redis, *returns: Requeue) -> list[bytes]:
    return await requeue(redis, KEYS, INCARNATION, returns)


async def give_back_crashed(redis: Redis, *crashes: Crash) -> list[bytes]:
    return await requeue_crashed(redis, KEYS, INCARNATION, crashes)


def retried(job_id: str, tries: int = 1, **known: object) -> Requeue:
    return Requeue(lease_of(job_id), "io", tries=tries, name="f", run_ms=3, **known)  # type: ignore[arg-type]


def handed_back(job_id: str, **known: object) -> Requeue:
    return Requeue(lease_of(job_id), "io", name="f", **known)  # type: ignore[arg-type]


async def note_of(redis: Redis, job_id: str) -> Note:
    return read_note((await hash_of(redis, "notes")).get(job_id.encode()))


async def test_what_nothing_was_done_about_stands_before_all_others_in_its_order(redis: Redis) -> None:
    await run(redis, "a", "b", "c")
    await put(redis, "d")
    assert await give_back(redis, handed_back("a"), handed_back("b")) == []
    assert await ids_in(redis, "queued") == ["a", "b", "d"]
    assert await give_back(redis, handed_back("c")) == []
    assert await ids_in(redis, "queued") == ["c", "a", "b", "d"]
    assert await hash_of(redis, "notes") == {}, "it costs them nothing"
    assert await held_by(redis) == {}
    assert (await counts_of(redis))[b"handed_back::\0f"] == b"3"


async def test_what_is_tried_again_at_once_stands_behind_all_others(redis: Redis) -> None:
    await run(redis, "b", "a")
    await put(redis, "c")
    await give_back(redis, retried("b", tries=2), retried("a"))
    await put(redis, "d")
    assert await ids_in(redis, "queued") == ["c", "b", "a", "d"]
    assert ((await note_of(redis, "b")).tries, (await note_of(redis, "a")).tries) == (2, 1)
    assert (await counts_of(redis))[b"retried:0:2\0f"] == b"2"


async def test_what_is_due_later_is_deferred(redis: Redis) -> None:
    await run(redis, "a", "b", "c")
    now = await now_ms(redis)
    await give_back(
        redis, retried("a", delay_ms=60_000), retried("b", due_ms=now + 90_000), handed_back("c", delay_ms=5000)
    )
    deferred = await zset_of(redis, "deferred")
    assert now + 60_000 <= deferred[b"a"] <= await now_ms(redis) + 60_000
    assert deferred[b"b"] == now + 90_000
    assert (await note_of(redis, "b")).due_ms == now + 90_000
    assert (await note_of(redis, "a")).due_ms == deferred[b"a"]
    assert set(deferred) == {b"a", b"b", b"c"}


async def test_a_stopped_worker_s_retry_stands_at_the_head(redis: Redis) -> None:
    await run(redis, "a")
    await put(redis, "b")
    await give_back(redis, retried("a", is_stopped=True))
    assert await ids_in(redis, "queued") == ["a", "b"]
    assert (await note_of(redis, "a")).tries == 1


async def test_it_goes_to_the_lane_that_it_belongs_to(redis: Redis) -> None:
    await run(redis, "a", "b")
    await put(redis, "waits", lane=Lane.CPU)
    await give_back(redis, Requeue(lease_of("a"), "cpu"), Requeue(lease_of("b"), "cpu", delay_ms=60_000, tries=1))
    assert await ids_in(redis, "queued_cpu") == ["a", "waits"]
    assert await sets_with(redis, "b") == ["deferred_cpu"]


async def test_since_when_nobody_knows_a_job_is_kept_until_somebody_does(redis: Redis) -> None:
    await run(redis, "a")
    await note(redis, "a", "1 1 0 0 b|killed")
    await give_back(redis, handed_back("a", unknown_ms=7, note="not known here"))
    assert await note_of(redis, "a") == Note(1, 1, 7, (await note_of(redis, "a")).due_ms, "killed")
    assert (await hash_of(redis, "notes"))[b"a"].endswith(b" b|killed"), "its flags stay"
    assert await trail_of(redis, "a") == ["unknown not known here"]
    await claim_jobs(redis, number=2)
    await give_back(redis, Requeue(lease_of("a", "i2"), "io"))
    assert (await note_of(redis, "a")).unknown_ms is None


async def test_a_retry_and_its_reason_are_written_down(redis: Redis) -> None:
    await run(redis, "a", "b")
    await give_back(redis, retried("a", delay_ms=1500, note="ValueError"), handed_back("b", note="drained"))
    assert await trail_of(redis, "a") == ["retried 1 1500 ValueError"]
    assert await trail_of(redis, "b") == ["handed-back drained"]


@pytest.mark.parametrize("crashed", [False, True])
@pytest.mark.parametrize("token", ["i2", "c1", ""])
async def test_what_is_not_held_under_the_token_is_not_touched_nor_any_other_of_the_call(
    redis: Redis, token: str, crashed: bool
) -> None:
    await run(redis, "a", "b")
    leases = [lease_of("a"), lease_of("b", token)]
    if crashed:
        lost = await give_back_crashed(redis, *(Crash(lease, "killed") for lease in leases))
    else:
        lost = await give_back(redis, *(Requeue(lease, "io", tries=1) for lease in leases))
    assert lost == [b"b"]
    assert await held_by(redis) == {b"a": b"i1", b"b": b"i1"}
    assert await ids_in(redis, "queued") == []
    assert await hash_of(redis, "notes") == {}


async def test_nothing_comes_back_twice(redis: Redis) -> None:
    await run(redis, "a", "b")
    await give_back(redis, handed_back("a"))
    await give_back_crashed(redis, Crash(lease_of("b"), "killed"))
    counts = await counts_of(redis)
    assert await give_back(redis, handed_back("a")) == [b"a"]
    assert await give_back_crashed(redis, Crash(lease_of("b"), "killed")) == [b"b"]
    assert await counts_of(redis) == counts


async def test_nothing_comes_from_an_incarnation_that_may_not_act(redis: Redis) -> None:
    await run(redis, "a")
    await redis.hdel(KEYS.held(INCARNATION), "\0")  # type: ignore[misc]
    with pytest.raises(IncarnationGoneError):
        await give_back(redis, handed_back("a"))
    with pytest.raises(IncarnationGoneError):
        await give_back_crashed(redis, Crash(lease_of("a"), "killed"))
    assert await ids_in(redis, "queued") == []


async def test_a_request_for_its_cancellation_stays_for_the_next_claim(redis: Redis) -> None:
    await run(redis, "a", "b")
    await redis.zadd(KEYS.key("cancels"), {"a": 1, "b": 2})
    await give_back(redis, handed_back("a"))
    await give_back_crashed(redis, Crash(lease_of("b"), "killed"))
    assert list((await claim_jobs(redis, number=2)).cancels) == [b"2", b"1"]


async def test_a_crash_is_counted_and_the_job_stands_before_all_others(redis: Redis) -> None:
    await run(redis, "a", "b")
    await put(redis, "c")
    await note(redis, "b", "2 1 9 9 b|an old one")
    before_ms = await now_ms(redis)
    assert await give_back_crashed(redis, Crash(lease_of("a"), "killed"), Crash(lease_of("b"), "ended with 1")) == []
    assert await ids_in(redis, "queued") == ["a", "b", "c"]
    a, b = await note_of(redis, "a"), await note_of(redis, "b")
    assert (a.crashes, a.text, a.tries) == (1, "killed", 0)
    assert (b.crashes, b.text, b.tries, b.unknown_ms) == (2, "ended with 1", 2, None)
    assert before_ms <= a.due_ms <= await now_ms(redis)
    assert await trail_of(redis, "b") == ["crashed ended with 1"]
    assert (await counts_of(redis))[b"crashed\0"] == b"2"


async def test_a_crashed_job_of_a_cpu_lane_goes_back_there(redis: Redis) -> None:
    await put(redis, "a", lane=Lane.CPU)
    await claim_jobs(redis, lane_queue="cpu")
    await give_back_crashed(redis, Crash(lease_of("a", "c1", "cpu"), "killed"))
    assert await sets_with(redis, "a") == ["queued_cpu"]


@pytest.mark.parametrize("how", ["head", "tail", "crash"])
async def test_somebody_who_waits_is_woken(redis: Redis, how: str) -> None:
    await run(redis, "a")
    await redis.zadd(KEYS.key("idle"), {"w2": 1})
    async with heard(redis, wake_channel("w2")) as following:
        if how == "crash":
            await give_back_crashed(redis, Crash(lease_of("a"), "killed"))
        else:
            await give_back(redis, handed_back("a") if how == "head" else retried("a"))
        assert await following() == (wake_channel("w2"), KEYS.key("queued").encode())


async def test_a_full_batch(redis: Redis) -> None:
    ids: Sequence[str] = [f"{number:03}" for number in range(BATCH)]
    await put(redis, *ids)
    await claim_jobs(redis, BATCH)
    assert await give_back(redis, *(handed_back(each, note="drained") for each in ids)) == []
    assert await ids_in(redis, "queued") == ids
    await claim_jobs(redis, BATCH, number=2)
    assert await give_back_crashed(redis, *(Crash(lease_of(each, "i2"), "killed") for each in ids)) == []
    assert await ids_in(redis, "queued") == ids
    with pytest.raises(ValueError, match="at most 500"):
        await give_back(redis, *map(handed_back, [*ids, "one more"]))
