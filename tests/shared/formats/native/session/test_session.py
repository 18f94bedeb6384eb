"""A worker's session with its native queues: beats, cancels, wake-ups, reconciliation, sweeps and the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from monarq.shared.formats.choice.supervision import recover
from monarq.shared.formats.native.counters.counters import read_counters
from monarq.shared.formats.native.jobs.cancel import cancel
from monarq.shared.formats.native.jobs.claim import ClaimRefusedError, IncarnationGoneError
from monarq.shared.formats.native.keys import FLEET_BEATS, FLEET_QUEUES, FLEET_RECORDS, wake_channel
from monarq.shared.formats.native.session import session as session_module
from monarq.shared.formats.native.session.recovery import Watcher
from monarq.shared.formats.native.session.session import NativeWorkerSession
from monarq.shared.formats.native.workers.fleet import beat_fleet
from monarq.shared.protocol.acks import Finish
from monarq.shared.protocol.answers import CancelAnswer
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import QueueRef
from tests.shared.formats.native.calls import claim_jobs, ending, held_by, ids_in
from tests.shared.formats.native.pieces import KEYS, hash_of, hset, now_ms, zset_of
from tests.shared.formats.native.session.holding import PAYLOAD, WORKER, Holder
from tests.shared.formats.native.state import note, put
from tests.support.slowness import in_time

DEAD = "other:1:cd"


async def until(is_so: Callable[[], bool]) -> None:
    """Waits until something is so."""
    async with in_time(10):
        while not is_so():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(holder: Holder) -> AsyncIterator[None]:
    """The session runs, and is subscribed."""
    task = asyncio.create_task(holder.session.run(holder.redis))
    try:
        async with in_time(10):
            while not (await holder.redis.pubsub_numsub(wake_channel(WORKER)))[0][1]:
                await asyncio.sleep(0.005)
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def a_dead_worker(redis: Redis, *ids: str, worker: str = DEAD, lists_itself: bool = True) -> None:
    """One that held jobs until its lease ended."""
    await put(redis, *ids)
    assert len((await claim_jobs(redis, incarnation=f"{worker}.1")).ids) == len(ids)
    await redis.zadd(KEYS.key("leases"), {f"{worker}.1": await now_ms(redis) - 1})
    if lists_itself:
        await beat_fleet(redis, worker, 1000, json.dumps({"queues": ["q", "elsewhere"]}).encode())
        await redis.zadd(FLEET_BEATS, {worker: await now_ms(redis) - 1})


def may_accuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis has answered steadily for long enough."""

    async def yes(watcher: Watcher, redis: Redis, key: str) -> bool:
        seconds, _ = await redis.time()
        watcher._last = 0.0, float(seconds) + 1
        return True

    monkeypatch.setattr(Watcher, "may_accuse", yes)


class TestRenew:
    async def test_it_keeps_leases_and_the_worker_s_record(self, redis: Redis) -> None:
        holder = Holder(redis, "q", "r")
        await put(redis, "a")
        await holder.claim()
        await redis.zadd(KEYS.key("leases"), {holder.name: 1})
        holder.renew(b'{"queues": ["q"]}')
        assert (await zset_of(redis, "leases"))[holder.name.encode()] > 1
        assert await redis.hgetall(FLEET_RECORDS) == {WORKER.encode(): b'{"queues": ["q"]}'}  # type: ignore[misc]
        assert set(await redis.zrange(FLEET_QUEUES, 0, -1)) == {b"q", b"r"}

    async def test_of_many_queues_only_those_that_it_claims_from_are_seen_to(self, redis: Redis) -> None:
        holder = Holder(redis, *(f"q{number}" for number in range(100)))
        holder.queue = used = holder.session.queues[70]
        await redis.zadd(used.keys.key("queued"), {"ghost": 1})
        await holder.claim()
        assert list(holder.session._in_use) == [used]
        await holder.session._keep_all(redis)
        assert list(holder.session._in_use) == [], "its incarnation has ended"
        assert await redis.exists(used.keys.held(f"{WORKER}.1")) == 0

    async def test_a_queue_that_refuses_it_keeps_no_other_from_being_renewed(self, redis: Redis) -> None:
        holder = Holder(redis, "spoilt", "q")
        holder.queue = spoilt = holder.session.queues[0]
        await holder.claim()
        await redis.set(spoilt.keys.held(spoilt.incarnation.name), "no hash", px=60_000)
        spoilt.incarnation.is_open = True
        holder.table.add(Lease(spoilt.ref, b"x", "x", "i1", "io", b"", 0, 0, "", 0, None, 0))
        holder.queue = holder.session.queues[1]
        await put(redis, "a")
        await holder.claim()
        await redis.zadd(KEYS.key("leases"), {holder.name: 1})
        with pytest.raises(ResponseError):
            holder.renew()
        assert (await zset_of(redis, "leases"))[holder.name.encode()] > 1
        assert await redis.zscore(FLEET_BEATS, WORKER) is not None

    async def test_nor_does_a_list_of_workers_of_a_wrong_type(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a")
        await holder.claim()
        await redis.zadd(KEYS.key("leases"), {holder.name: 1})
        await redis.set(FLEET_BEATS, "no zset", px=60_000)
        with pytest.raises(ResponseError):
            holder.renew()
        assert (await zset_of(redis, "leases"))[holder.name.encode()] > 1

    async def test_thousands_of_idle_queues_cost_one_call(self, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
        listed: list[int] = []
        monkeypatch.setattr(session_module, "beat_fleet_sync", lambda *asked: listed.append(len(asked[-1])))
        holder = Holder(redis, *(f"q{number}" for number in range(2500)))
        for _ in range(3):
            holder.session.renew(None, b"{}", holder.lose)
        assert listed == [1000, 0, 0], "and the list of queues holds no more, and is renewed each hour"

    async def test_many_queues_are_looked_at_less_often(self, redis: Redis) -> None:
        assert Holder(redis).session.poll_s(0.5, 2) == 0.5
        assert Holder(redis, *(f"q{number}" for number in range(1000))).session.poll_s(0.5, 1) == 50


class TestMessages:
    async def test_a_worker_that_waits_is_woken_by_an_enqueue(self, redis: Redis) -> None:
        holder = Holder(redis, "other", "q")
        holder.queue = holder.session.queues[1]
        async with running(holder):
            await until(lambda: holder.queue._woken["io"].is_set())
            for queue in holder.session.queues:  # it has looked into all of them since it listens
                for lane_queue in ("io", "cpu"):
                    assert await queue.wait(redis, lane_queue, 60.0)
            assert await holder.claim() == []
            waiting = [asyncio.create_task(holder.queue.wait(redis, lane, 60.0)) for lane in ("io", "cpu")]
            await put(redis, "a")
            async with in_time(10):
                assert await waiting[0]
            assert not waiting[1].done()
            assert not holder.session.queues[0]._woken["io"].is_set()
            assert [lease.job_id for lease in await holder.claim()] == ["a"]
            waiting[1].cancel()

    async def test_the_worker_of_a_running_job_is_told_of_its_cancellation(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a", "b")
        a, b = await holder.claim()
        jobs = [(a, PAYLOAD), (b, PAYLOAD)]
        async with running(holder):
            await until(lambda: holder.session._cancels_told > 0)
            assert await holder.session.find_cancels(redis, jobs) == []
            told = holder.session._cancels_told
            assert await cancel(redis, KEYS, "b", keep_ms=1) is CancelAnswer.RUNS
            await until(lambda: holder.session._cancels_told > told)
            assert await holder.session.find_cancels(redis, jobs) == [b]

    async def test_redis_is_not_asked_for_cancels_where_nobody_has_told_of_one(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a")
        [a] = await holder.claim()
        holder.queue.cancels_read = holder.session._cancels_told
        assert await holder.session.find_cancels(None, [(a, PAYLOAD)]) == []  # type: ignore[arg-type]

    async def test_where_it_cannot_be_asked_it_is_asked_again(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a")
        [a] = await holder.claim()
        await cancel(redis, KEYS, "a", keep_ms=1)
        holder.session._cancels_told += 1
        with pytest.raises(AttributeError):
            await holder.session.find_cancels(None, [(a, PAYLOAD)])  # type: ignore[arg-type]
        assert await holder.session.find_cancels(redis, [(a, PAYLOAD)]) == [a]

    async def test_a_message_of_nobody_s_is_passed_over(self, redis: Redis) -> None:
        holder = Holder(redis)
        async with running(holder):
            await redis.publish(wake_channel(WORKER), b"monarq:n:{unknown}:queued")
            await redis.publish(wake_channel(WORKER), KEYS.key("queued_cpu"))
            async with in_time(10):
                await holder.queue.wait(redis, "cpu", 60.0)


class TestReconciliation:
    async def keep(self, holder: Holder) -> None:
        await holder.session._keep_incarnation(holder.redis, holder.queue)

    async def test_an_end_that_redis_has_lost_is_found_out(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a", "b")
        a, b = await holder.claim()
        holder.table.remove(a)  # its end was acknowledged, and is undone
        holder.queue.is_doubtful = True
        await self.keep(holder)
        assert await ids_in(redis, "queued") == ["a"]
        assert await held_by(redis, holder.name) == {b"b": b"i1"}
        assert (holder.queue.is_doubtful, holder.lost) == (False, [])
        assert await hash_of(redis, "notes") == {}, "at no charge"
        assert holder.table.holds(b)

    async def test_a_claim_that_redis_has_lost_is_found_out(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a", "b")
        a, _ = await holder.claim()
        await redis.hdel(KEYS.held(holder.name), "a")  # type: ignore[misc]
        holder.queue.is_doubtful = True
        await self.keep(holder)
        assert holder.lost == [a]

    async def test_what_changes_meanwhile_is_looked_at_again(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a")
        [a] = await holder.claim()
        holder.queue.is_doubtful = True
        with holder.queue._call():  # the end of a is on its way
            await redis.hdel(KEYS.held(holder.name), "a")  # type: ignore[misc]
            await self.keep(holder)
        assert (holder.lost, holder.queue.is_doubtful) == ([], True)
        await self.keep(holder)
        assert (holder.lost, holder.queue.is_doubtful) == ([a], False)

    async def test_an_end_that_was_under_way_when_it_began_is_no_loss(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a", "b")
        a, _ = await holder.claim()
        holder.queue.is_doubtful = True
        await asyncio.gather(holder.queue.finish(redis, [Finish(a, True, b"", -1, "f")]), self.keep(holder))
        assert holder.lost == []

    async def test_the_jobs_of_a_claim_without_a_reply_are_not_given_back_twice(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a", "b")
        [a] = await holder.claim(1)
        holder.client.lose("jobs/claim", "reply")
        with pytest.raises(RedisConnectionError):
            await holder.claim(1)
        assert holder.queue.is_doubtful
        await self.keep(holder)
        assert await ids_in(redis, "queued") == ["b"]
        assert await held_by(redis, holder.name) == {b"a": b"i1"}
        assert holder.table.holds(a)
        assert [lease.job_id for lease in await holder.claim()] == ["b"]

    async def test_one_that_redis_may_not_have_seen_yet_goes_on(self, redis: Redis) -> None:
        holder = Holder(redis)
        holder.client.lose("jobs/claim", "request")
        with pytest.raises(RedisConnectionError):
            await holder.claim()
        await self.keep(holder)
        await put(redis, "a")
        await holder.client.deliver_late()
        assert await ids_in(redis, "queued") == ["a"]

    async def test_it_begins_anew_where_it_was_taken_from(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a")
        [a] = await holder.claim()
        await recover(redis, QueueRef("q", "native"), DEAD, "killed")
        await redis.delete(KEYS.held(holder.name))
        holder.queue.is_doubtful = True
        await self.keep(holder)
        assert (holder.lost, holder.name, holder.queue.is_doubtful) == ([a], f"{WORKER}.2", False)

    async def test_thousands_of_jobs_are_compared_by_pages(self, redis: Redis) -> None:
        holder = Holder(redis)
        ids = [f"{number:04}" for number in range(2300)]
        for at in range(0, len(ids), 230):
            await put(redis, *ids[at : at + 230])
        leases = [lease for _ in range(23) for lease in await holder.claim(100)]
        assert len(leases) == 2300
        for lease in leases[::100]:
            holder.table.remove(lease)
        await redis.hdel(KEYS.held(holder.name), "0001", "2299")  # type: ignore[misc]
        holder.queue.is_doubtful = True
        await self.keep(holder)
        assert sorted(await ids_in(redis, "queued")) == ids[::100]
        assert sorted(lease.job_id for lease in holder.lost) == ["0001", "2299"]

    async def test_an_idle_worker_is_no_more_to_redis(self, redis: Redis) -> None:
        holder = Holder(redis, lease_s=0.3)
        await put(redis, "a")
        [a] = await holder.claim()
        await holder.queue.finish(redis, [Finish(a, True, b"", -1, "f")])
        holder.table.remove(a)
        async with running(holder):
            await until(lambda: holder.name == f"{WORKER}.2")
        assert await zset_of(redis, "leases") == {}


class TestSweep:
    async def test_a_silent_worker_s_jobs_are_taken_back_wherever_it_served(
        self, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        holder = Holder(redis, "unrelated")
        may_accuse(monkeypatch)
        await a_dead_worker(redis, "a", "b")
        await redis.zadd(KEYS.key("idle"), {DEAD: 1})
        await holder.session.sweep(redis)
        assert await ids_in(redis, "queued") == ["a", "b"]
        assert (await hash_of(redis, "notes"))[b"a"].endswith(b"|its lease ran out")
        assert await redis.zscore(FLEET_BEATS, DEAD) is None
        assert await redis.hgetall(FLEET_RECORDS) == {}  # type: ignore[misc]
        assert await zset_of(redis, "idle") == {}

    async def test_one_whose_lease_in_a_queue_goes_on_stays_listed(
        self, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        holder = Holder(redis)
        may_accuse(monkeypatch)
        await a_dead_worker(redis, "a")
        await redis.zadd(KEYS.key("leases"), {f"{DEAD}.1": await now_ms(redis) + 60_000})
        await holder.session.sweep(redis)
        assert await ids_in(redis, "queued") == []
        assert await redis.zscore(FLEET_BEATS, DEAD) is not None

    async def test_a_record_that_cannot_be_read_keeps_nobody_from_being_swept(
        self, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        holder = Holder(redis)
        may_accuse(monkeypatch)
        await a_dead_worker(redis, "a")
        await redis.hset(FLEET_RECORDS, DEAD, b"\xff")  # type: ignore[misc]
        await holder.session.sweep(redis)
        assert await ids_in(redis, "queued") == ["a"], "those who serve the queue see its lease end"
        assert await redis.zscore(FLEET_BEATS, DEAD) is None

    async def test_the_beat_of_who_serves_the_queue_names_an_overdue_incarnation(
        self, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        holder = Holder(redis)
        may_accuse(monkeypatch)
        await put(redis, "mine")
        await holder.claim()
        await a_dead_worker(redis, "a", lists_itself=False)
        holder.beat()
        await asyncio.sleep(0)
        await holder.session.sweep(redis)
        assert await ids_in(redis, "queued") == ["a"]
        assert await held_by(redis, holder.name) == {b"mine": b"i1"}

    async def test_an_idle_worker_finds_one_that_came_back_with_an_earlier_state_of_redis(
        self, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        holder = Holder(redis, "first", "q", "third")
        may_accuse(monkeypatch)
        await a_dead_worker(redis, "a", worker=WORKER, lists_itself=False)
        holder.session.queues[1].incarnation = holder.session.queues[1].incarnation.successor(f"{WORKER}.2")
        for _ in range(3):
            await holder.session.sweep(redis)
        assert await ids_in(redis, "queued") == ["a"]

    async def test_what_is_over_goes_also_where_nobody_holds_a_job(self, redis: Redis) -> None:
        holder = Holder(redis, "first", "q")
        now = await now_ms(redis)
        await hset(redis, KEYS.key("kept"), {f"{number}": "result" for number in range(500)})
        await redis.zadd(KEYS.key("ends"), {f"r{number}": now - 1 + 60_000 * (number % 2) for number in range(500)})
        for name in ("gone", "barred"):
            await redis.zadd(KEYS.key(name), {**{f"old {number}": 1 for number in range(500)}, "new": now})
        for _ in range(2):
            await holder.session.sweep(redis)
        assert len(await zset_of(redis, "ends")) == len(await hash_of(redis, "kept")) == 250
        assert set(await zset_of(redis, "gone")) == set(await zset_of(redis, "barred")) == {b"new"}

    async def test_a_key_of_a_wrong_type_keeps_no_job_from_being_taken_back(
        self, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        holder = Holder(redis)
        may_accuse(monkeypatch)
        await a_dead_worker(redis, "a")
        await redis.set(KEYS.key("ends"), "text")
        await holder.session.sweep(redis)
        assert await ids_in(redis, "queued") == ["a"]

    async def test_it_does_not_take_from_itself(self, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
        holder = Holder(redis)
        may_accuse(monkeypatch)
        await put(redis, "a")
        await holder.claim()
        await redis.zadd(KEYS.key("leases"), {holder.name: 1})
        await holder.session.sweep(redis)
        assert await held_by(redis, holder.name) == {b"a": b"i1"}

    async def test_nobody_is_accused_before_redis_has_answered_for_a_while(self, redis: Redis) -> None:
        holder = Holder(redis)
        await a_dead_worker(redis, "a")
        await holder.session.sweep(redis)
        assert await ids_in(redis, "queued") == []

    async def test_a_worker_that_is_known_to_be_dead_is_taken_from_at_once_and_another_is_woken(
        self, redis: Redis
    ) -> None:
        holder = Holder(redis)
        await a_dead_worker(redis, "a")
        await put(redis, "waits")
        await redis.zadd(KEYS.key("leases"), {f"{DEAD}.1": await now_ms(redis) + 60_000})
        await redis.zadd(KEYS.key("idle"), {DEAD: 1, WORKER: 2})
        async with running(holder):
            await until(lambda: holder.queue._woken["io"].is_set())
            holder.queue._woken["io"].clear()
            assert await recover(redis, QueueRef("q", "native"), DEAD, "killed") == 1
            async with in_time(10):
                assert await holder.queue.wait(redis, "io", 60.0)
        assert await ids_in(redis, "queued") == ["a", "waits"]
        with pytest.raises(IncarnationGoneError):
            await claim_jobs(redis, incarnation=f"{DEAD}.2")
        assert await recover(redis, QueueRef("q", "native"), DEAD, "killed") == 0, "repeated"


class TestDeregister:
    async def test_one_that_holds_nothing_leaves_nothing(self, redis: Redis) -> None:
        holder = Holder(redis, "q", "r")
        await put(redis, "a")
        [a] = await holder.claim()
        await holder.claim()
        assert set(await zset_of(redis, "idle")) == {WORKER.encode()}
        holder.renew()
        await holder.queue.finish(redis, [Finish(a, True, b"", -1, "f")])
        holder.table.remove(a)
        await holder.session.deregister(redis)
        assert await zset_of(redis, "leases") == await zset_of(redis, "idle") == {}
        assert await redis.exists(FLEET_BEATS, FLEET_RECORDS) == 0

    async def test_one_that_holds_something_stays_listed_until_that_is_recovered(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a")
        await holder.claim()
        holder.renew()
        await holder.session.deregister(redis)
        assert await held_by(redis, holder.name) == {b"a": b"i1"}
        assert await redis.zscore(FLEET_BEATS, WORKER) is not None

    async def test_what_it_does_not_know_of_is_given_back(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a", "b")
        await note(redis, "b", "1 1 0 0 -|killed")
        for lease in await holder.claim():
            holder.table.remove(lease)
        holder.renew()
        await holder.session.deregister(redis)
        assert await ids_in(redis, "queued") == ["a", "b"]
        assert (await hash_of(redis, "notes"))[b"b"] == b"1 1 0 0 -|killed", "at no charge"
        assert await zset_of(redis, "leases") == {}
        assert await redis.exists(FLEET_BEATS) == 0

    async def test_one_that_has_done_nothing(self, redis: Redis) -> None:
        holder = Holder(redis)
        await holder.session.deregister(redis)
        assert await redis.keys() == []


async def test_a_session_is_that_of_its_queues(redis: Redis) -> None:
    session = Holder(redis, "q", "r").session
    assert isinstance(session, NativeWorkerSession)
    assert session.format == "native"
    assert [queue.ref for queue in session.queues] == [QueueRef("q", "native"), QueueRef("r", "native")]


class TestLostRuns:
    async def counted(self, holder: Holder) -> int:
        await holder.session._keep_all(holder.client)
        return (await read_counters(holder.redis, KEYS, 0)).queue.get("lost", 0)

    async def test_they_are_counted_once_where_all_were_taken(self, redis: Redis) -> None:
        """One has ended, and the run of one its worker had stopped before it learned that they were taken."""
        holder = Holder(redis)
        await put(redis, "a", "b", "c")
        leases = {lease.job_id: lease for lease in await holder.claim()}
        assert await holder.queue.finish(holder.client, [ending("c")]) == []
        holder.table.remove(leases["c"])
        holder.table.remove(leases["b"])
        await recover(redis, QueueRef("q", "native"), WORKER, "killed")
        with suppress(ClaimRefusedError):
            await holder.claim()  # by which it learns of that; a worker that is known to be dead gets none
        assert await self.counted(holder) == 2
        assert holder.lost == [leases["a"]]
        assert await self.counted(holder) == 2
