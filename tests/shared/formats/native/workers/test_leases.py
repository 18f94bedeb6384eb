"""beat.lua, retire.lua, recover.lua and reconcile.lua: what an incarnation holds is kept, ended, and taken back."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.claim import IncarnationGoneError
from monarq.shared.formats.native.jobs.notes import read_note
from monarq.shared.formats.native.keys import wake_channel
from monarq.shared.formats.native.workers import leases
from monarq.shared.formats.native.workers.leases import reconcile, recover, retire, worker_of
from monarq.shared.formats.native.workers.wake import stop_waking, wake
from monarq.shared.lane import Lane
from tests.shared.formats.native.calls import LEASE_MS, beat_once, claim_jobs, ending, finish_jobs, held_by, ids_in
from tests.shared.formats.native.hearing import heard
from tests.shared.formats.native.pieces import KEYS, hash_of, hset, now_ms, zset_of
from tests.shared.formats.native.state import INCARNATION, WORKER, counts_of, note, put, sets_with, trail_of

SUCCESSOR = f"{WORKER}.2"
HOUR_MS = 3_600_000


async def run(redis: Redis, *ids: str, lane: Lane = Lane.IO, **asked: object) -> None:
    """Jobs that an incarnation holds."""
    await put(redis, *ids, lane=lane)
    assert len((await claim_jobs(redis, lane_queue="cpu" if lane is Lane.CPU else "io", **asked)).ids) == len(ids)


async def let_lease_end(redis: Redis, incarnation: str = INCARNATION) -> None:
    await redis.zadd(KEYS.key("leases"), {incarnation: await now_ms(redis) - 1})


async def recovered(redis: Redis, incarnation: str = INCARNATION, *, forced: bool = False) -> int | None:
    return await recover(redis, KEYS, incarnation, "its lease ran out", lease_ms=LEASE_MS, forced=forced)


class TestBeat:
    async def test_it_renews_the_lease_and_tells_what_is_held(self, redis: Redis) -> None:
        await run(redis, "a", "b")
        await let_lease_end(redis)
        reply = beat_once(redis)
        assert (reply.held, reply.cancels, reply.overdue) == (2, [], [])
        assert (await zset_of(redis, "leases"))[INCARNATION.encode()] > await now_ms(redis) + LEASE_MS - 10_000

    async def test_it_makes_no_lease(self, redis: Redis) -> None:
        await run(redis, "a")
        await redis.zrem(KEYS.key("leases"), INCARNATION)
        beat_once(redis)
        assert await zset_of(redis, "leases") == {}

    async def test_nobody_beats_for_one_that_may_not_act(self, redis: Redis) -> None:
        with pytest.raises(IncarnationGoneError):
            beat_once(redis)
        assert await redis.keys() == []

    async def test_it_tells_which_of_its_jobs_are_to_be_cancelled(self, redis: Redis) -> None:
        await run(redis, "a", "b")
        await redis.zadd(KEYS.key("cancels"), {"b": 1, "another's": 2})
        assert beat_once(redis).cancels == [b"b"]

    async def test_it_names_those_whose_leases_have_ended(self, redis: Redis) -> None:
        await run(redis, "a")
        now = await now_ms(redis)
        others = {f"w{number}.1": now - 100 + number for number in range(12)}
        await redis.zadd(KEYS.key("leases"), {**others, "lives.1": now + 60_000})
        assert beat_once(redis).overdue == list(others)[:10]

    async def test_it_drops_what_is_over(self, redis: Redis) -> None:
        await run(redis, "a")
        now = await now_ms(redis)
        for name in ("gone", "barred"):
            await redis.zadd(KEYS.key(name), {"old": now - HOUR_MS - 1, "new": now})
        await hset(redis, KEYS.key("kept"), {"x": "result", "y": "result"})
        await redis.zadd(KEYS.key("ends"), {"rx": now - 1, "ry": now + 60_000})
        beat_once(redis)
        assert set(await zset_of(redis, "gone")) == set(await zset_of(redis, "barred")) == {b"new"}
        assert set(await hash_of(redis, "kept")) == {b"y"}


class TestRetire:
    async def test_one_that_holds_nothing_ends(self, redis: Redis) -> None:
        await run(redis, "a")
        await finish_jobs(redis, ending("a"))
        assert await retire(redis, KEYS, INCARNATION) == 0
        assert not await redis.exists(KEYS.held(INCARNATION))
        assert await zset_of(redis, "leases") == {}
        with pytest.raises(IncarnationGoneError):
            await claim_jobs(redis, is_first=True)
        with pytest.raises(IncarnationGoneError):
            await retire(redis, KEYS, INCARNATION)
        await put(redis, "b")
        assert (await claim_jobs(redis, incarnation=SUCCESSOR)).ids == [b"b"]

    async def test_one_that_holds_jobs_goes_on(self, redis: Redis) -> None:
        await run(redis, "a", "b")
        assert await retire(redis, KEYS, INCARNATION) == 2
        assert await held_by(redis) == {b"a": b"i1", b"b": b"i1"}
        assert beat_once(redis).held == 2


class TestRecover:
    async def test_jobs_stand_before_all_others_in_the_order_of_their_claims(self, redis: Redis) -> None:
        await run(redis, "c")
        await run(redis, "a", "b", number=2)
        await run(redis, "x", number=10)
        await put(redis, "waits")
        await let_lease_end(redis)
        assert await recovered(redis) == 4
        assert await ids_in(redis, "queued") == ["c", "a", "b", "x", "waits"]
        assert not await redis.exists(KEYS.held(INCARNATION))
        assert await zset_of(redis, "leases") == {}
        assert (await counts_of(redis))[b"crashed\0"] == b"4"

    async def test_each_is_charged_a_crash_with_what_happened(self, redis: Redis) -> None:
        await run(redis, "a", "b")
        await note(redis, "b", "2 1 5 5 b|killed")
        await let_lease_end(redis)
        await recovered(redis)
        notes = {each: read_note(text) for each, text in (await hash_of(redis, "notes")).items()}
        assert [(notes[each].tries, notes[each].crashes, notes[each].text) for each in (b"a", b"b")] == [
            (0, 1, "its lease ran out"),
            (2, 2, "its lease ran out"),
        ]
        assert await trail_of(redis, "a") == ["crashed its lease ran out"]

    async def test_they_go_back_to_their_lanes(self, redis: Redis) -> None:
        await run(redis, "io")
        await run(redis, "cpu", lane=Lane.CPU, is_first=False)
        await let_lease_end(redis)
        assert await recovered(redis) == 2
        assert (await sets_with(redis, "io"), await sets_with(redis, "cpu")) == (["queued"], ["queued_cpu"])

    async def test_one_whose_lease_goes_on_keeps_all(self, redis: Redis) -> None:
        await run(redis, "a")
        assert await recovered(redis) is None
        assert await held_by(redis) == {b"a": b"i1"}

    async def test_a_lease_far_ahead_is_over_one_lease_from_now(self, redis: Redis) -> None:
        await run(redis, "a")
        await redis.zadd(KEYS.key("leases"), {INCARNATION: await now_ms(redis) + HOUR_MS})
        assert await recovered(redis) is None
        assert (await zset_of(redis, "leases"))[INCARNATION.encode()] <= await now_ms(redis) + LEASE_MS

    async def test_it_goes_on_where_it_was_interrupted(self, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
        ids = [f"{number:04}" for number in range(1200)]
        await put(redis, *ids[:600])
        await put(redis, *ids[600:])
        await claim_jobs(redis, 600)
        await claim_jobs(redis, 600, number=2)
        await let_lease_end(redis)
        arguments = (INCARNATION, WORKER, 0, "what", LEASE_MS, leases.RECOVERED_A_CALL)
        freed, more = await leases._RECOVER.run_on(redis, KEYS, arguments, incarnation=INCARNATION)
        assert leases.RECOVERED_A_CALL <= freed < 1200
        assert more == 1
        for call in (claim_jobs(redis, number=3), finish_jobs(redis, ending("0000")), retire(redis, KEYS, INCARNATION)):
            with pytest.raises(IncarnationGoneError):
                await call
        with pytest.raises(IncarnationGoneError):
            beat_once(redis)
        assert list(await zset_of(redis, "leases")) == [INCARNATION.encode()], "whoever goes on finds it"
        assert await recovered(redis) == 1200 - freed
        assert sorted(await ids_in(redis, "queued")) == ids
        assert len(await hash_of(redis, "notes")) == 1200

    async def test_a_repetition_charges_nothing(self, redis: Redis) -> None:
        await run(redis, "a")
        await let_lease_end(redis)
        await recovered(redis)
        assert await recovered(redis) == 0
        assert await recovered(redis, forced=True) == 0
        assert read_note((await hash_of(redis, "notes"))[b"a"]).crashes == 1

    async def test_nothing_comes_of_any_later_claim_of_a_worker_that_is_known_to_be_dead(self, redis: Redis) -> None:
        await run(redis, "a")
        assert await recovered(redis, forced=True) == 1
        for incarnation in (INCARNATION, SUCCESSOR):
            with pytest.raises(IncarnationGoneError):
                await claim_jobs(redis, incarnation=incarnation)
        assert (await claim_jobs(redis, incarnation=f"{WORKER}x.1")).ids == [b"a"], "another worker"

    async def test_a_silent_worker_may_go_on_as_another_incarnation(self, redis: Redis) -> None:
        await run(redis, "a")
        await let_lease_end(redis)
        await recovered(redis)
        assert (await claim_jobs(redis, incarnation=SUCCESSOR)).ids == [b"a"]

    async def test_a_request_for_a_cancellation_stays(self, redis: Redis) -> None:
        await run(redis, "a")
        await redis.zadd(KEYS.key("cancels"), {"a": 1})
        await recovered(redis, forced=True)
        assert (await claim_jobs(redis, incarnation="w.1")).cancels == [b"1"]


class TestReconcile:
    async def ask(
        self, redis: Redis, *known: tuple[bytes, str], io: tuple[int, int] = (1, 9), cpu: tuple[int, int] = (1, 9)
    ) -> tuple[int, list[bytes]]:
        return await reconcile(redis, KEYS, INCARNATION, (*io, *cpu), known)

    async def test_what_both_know_of_stays(self, redis: Redis) -> None:
        await run(redis, "a", "b")
        assert await self.ask(redis, (b"a", "i1"), (b"b", "i1")) == (0, [])
        assert await held_by(redis) == {b"a": b"i1", b"b": b"i1"}

    async def test_what_the_worker_does_not_know_of_comes_back_at_no_charge(self, redis: Redis) -> None:
        await run(redis, "b", "a")
        await run(redis, "cpu", lane=Lane.CPU, is_first=False)
        await put(redis, "waits")
        assert await self.ask(redis) == (3, [])
        assert await ids_in(redis, "queued") == ["a", "b", "waits"]
        assert await ids_in(redis, "queued_cpu") == ["cpu"]
        assert await hash_of(redis, "notes") == {}
        assert (await held_by(redis), beat_once(redis).held) == ({}, 0)

    async def test_what_the_worker_does_not_hold_is_told(self, redis: Redis) -> None:
        await run(redis, "a")
        assert await self.ask(redis, (b"a", "i2"), (b"never", "i1")) == (1, [b"a", b"never"])
        assert await self.ask(redis, (b"a", "i1")) == (0, [b"a"])

    async def test_only_the_claims_that_it_is_about_are_compared(self, redis: Redis) -> None:
        for number in (1, 2, 3):
            await run(redis, f"job-{number}", number=number)
        await run(redis, "cpu-2", lane=Lane.CPU, number=2)
        assert await self.ask(redis, io=(2, 2), cpu=(1, 0)) == (1, [])
        assert set(await held_by(redis)) == {b"job-1", b"job-3", b"cpu-2"}
        assert await self.ask(redis, io=(1, 0), cpu=(1, 2)) == (1, [])
        assert set(await held_by(redis)) == {b"job-1", b"job-3"}

    async def test_a_late_one_touches_nothing_of_later_claims(self, redis: Redis) -> None:
        await run(redis, "a")
        await finish_jobs(redis, ending("a", keep_ms=-1))
        await run(redis, "a", number=2)
        assert await self.ask(redis, (b"a", "i1"), io=(1, 1)) == (0, [b"a"])
        assert await held_by(redis) == {b"a": b"i2"}

    async def test_one_that_may_not_act_is_told(self, redis: Redis) -> None:
        with pytest.raises(IncarnationGoneError):
            await self.ask(redis)

    async def test_many(self, redis: Redis) -> None:
        ids = [f"{number:04}" for number in range(1000)]
        await put(redis, *ids)
        await claim_jobs(redis, 1000)
        await run(redis, "x", "y", number=2)
        known = [(each.encode(), "i1") for each in ids]
        assert await self.ask(redis, *known, io=(1, 1)) == (0, [])
        assert await self.ask(redis) == (1000, [])
        assert await self.ask(redis) == (2, [])


class TestWake:
    async def test_a_wake_up_is_passed_on_where_a_job_waits(self, redis: Redis) -> None:
        await put(redis, "a")
        await redis.zadd(KEYS.key("idle"), {"w1": 1, "w2": 2})
        await redis.zadd(KEYS.key("idle_cpu"), {"w3": 1})
        async with heard(redis, wake_channel("w1")) as following:
            await wake(redis, KEYS, "io")
            assert await following() == (wake_channel("w1"), KEYS.key("queued").encode())
        await wake(redis, KEYS, "cpu")
        assert (set(await zset_of(redis, "idle")), set(await zset_of(redis, "idle_cpu"))) == ({b"w2"}, {b"w3"})

    async def test_who_has_ended_is_not_woken(self, redis: Redis) -> None:
        await redis.zadd(KEYS.key("idle"), {"w1": 1, "w2": 2})
        await redis.zadd(KEYS.key("idle_cpu"), {"w1": 1})
        await stop_waking(redis, [KEYS], "w1")
        assert (set(await zset_of(redis, "idle")), await zset_of(redis, "idle_cpu")) == ({b"w2"}, {})


def test_an_incarnation_s_worker() -> None:
    assert worker_of("host.example.org:1:ab.12") == "host.example.org:1:ab"
