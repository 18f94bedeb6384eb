"""A worker's native queue: calls without replies, incarnations that have been taken from, and beats."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from monarq.shared.formats.native.jobs.claim import ClaimRefusedError
from monarq.shared.formats.native.session import queue as queue_module
from monarq.shared.formats.native.workers.leases import recover
from monarq.shared.protocol.acks import Crash, Finish, Requeue
from monarq.shared.protocol.lease import Lease
from tests.shared.formats.native.calls import held_by, ids_in
from tests.shared.formats.native.pieces import KEYS, hash_of, hset, now_ms, zset_of
from tests.shared.formats.native.session.holding import PAYLOAD, WORKER, Holder
from tests.shared.formats.native.state import counts_of, put

CLAIM = "jobs/claim"


def ends_of(*leases: Lease) -> list[Finish]:
    return [Finish(lease, True, b"result", 3_600_000, "f") for lease in leases]


def ids_of(leases: list[Lease]) -> list[str]:
    return [lease.job_id for lease in leases]


async def take_back(holder: Holder, *, forced: bool = False) -> None:
    """Recovers what it holds, as its lease has ended."""
    await holder.redis.zadd(KEYS.key("leases"), {holder.name: await now_ms(holder.redis) - 1}, xx=True)
    await recover(holder.redis, KEYS, holder.name, "its lease ran out", lease_ms=1000, forced=forced)


async def told() -> None:
    """Lets the loop do what the lease thread has told it."""
    await asyncio.sleep(0)


class TestClaim:
    async def test_jobs_come_with_what_is_known_of_them(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a", "b")
        await hset(redis, KEYS.key("notes"), {"b": "2 1 7 9 -|killed"})
        await redis.zadd(KEYS.key("cancels"), {"a": 5})
        before_s = time.monotonic()
        a, b = await holder.claim()
        assert (a.cancel_asked_ms, a.tries, a.crashes, a.unknown_ms, a.due_ms) == (5, 0, 0, None, 0)
        assert (b.cancel_asked_ms, b.tries, b.crashes, b.crash_note, b.unknown_ms, b.due_ms) == (
            None,
            2,
            1,
            "killed",
            7,
            9,
        )
        assert before_s + 60 <= a.ends_s <= time.monotonic() + 60
        assert (a.payload, a.token, a.lane_queue) == (b"payload", "i1", "io")

    async def test_a_payload_over_the_limit_is_told_by_its_size_however_small_the_limit_is(self, redis: Redis) -> None:
        holder = Holder(redis, max_payload=10)
        await put(redis, "small", payload=b"x" * 10)
        await put(redis, "large", payload=b"x" * 11)
        assert [lease.payload for lease in await holder.claim()] == [b"x" * 10, 11]

    @pytest.mark.parametrize("what", ["reply", "request"])
    async def test_one_without_a_reply_is_sent_again_and_takes_nothing_twice(self, redis: Redis, what: str) -> None:
        holder = Holder(redis)
        await put(redis, "a", "b", "c")
        holder.client.lose(CLAIM, what, what)
        for _ in range(2):
            with pytest.raises(RedisConnectionError):
                await holder.claim(2)
        assert ids_of(await holder.claim(2)) == ["a", "b"]
        await holder.client.deliver_late()
        assert await held_by(redis, holder.name) == {b"a": b"i1", b"b": b"i1"}
        assert (await counts_of(redis))[b"started\0"] == b"2"
        assert ids_of(await holder.claim(2)) == ["c"]

    async def test_a_late_first_sending_takes_nothing_where_its_repetition_found_none(self, redis: Redis) -> None:
        holder = Holder(redis)
        holder.client.lose(CLAIM, "request")
        with pytest.raises(RedisConnectionError):
            await holder.claim()
        assert await holder.claim(0) == []
        await put(redis, "a")
        await holder.client.deliver_late()
        assert await ids_in(redis, "queued") == ["a"]
        assert ids_of(await holder.claim()) == ["a"]

    async def test_nothing_is_asked_where_none_are_wanted_and_all_is_answered(self, redis: Redis) -> None:
        holder = Holder(redis)
        assert await holder.claim(0) == []
        assert holder.client.calls == []

    async def test_a_reply_that_comes_after_its_leases_starts_nothing_until_it_is_confirmed(
        self, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        holder = Holder(redis)
        await put(redis, "a")
        now_s = time.monotonic()
        times = iter([now_s, now_s + 61])
        with monkeypatch.context() as patched:
            patched.setattr(queue_module.time, "monotonic", lambda: next(times, now_s + 61))
            assert await holder.claim() == []
        assert ids_of(await holder.claim()) == ["a"]
        assert await holder.claim() == []

    async def test_it_begins_anew_where_it_was_taken_from(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a")
        [lost] = await holder.claim()
        await take_back(holder)
        [again] = await holder.claim()
        assert holder.lost == [lost]
        assert (again.job_id, again.crashes, holder.name) == ("a", 1, f"{WORKER}.2")
        assert again.token != lost.token, "an end of the lost run must not end this one"
        assert await holder.queue.finish(holder.client, ends_of(lost)) == [b"a"]

    async def test_one_that_is_believed_dead_is_told_so_and_goes_on_asking(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a")
        await recover(redis, KEYS, f"{WORKER}.0", "killed", lease_ms=1, forced=True)
        for _ in range(2):
            with pytest.raises(ClaimRefusedError, match="believed to be dead"):
                await holder.claim()
        assert await ids_in(redis, "queued") == ["a"]
        await redis.delete(KEYS.key("gone"))
        assert ids_of(await holder.claim()) == ["a"]

    async def test_a_queue_of_a_later_version_is_an_outage_of_it_alone(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a")
        await hset(redis, KEYS.key("meta"), {"v": 2})
        with pytest.raises(ClaimRefusedError, match="later version"):
            await holder.claim()
        assert not holder.queue.incarnation.may_be_open
        await hset(redis, KEYS.key("meta"), {"v": 1})
        assert ids_of(await holder.claim()) == ["a"]

    async def test_only_ghosts_were_there(self, redis: Redis) -> None:
        """Redis knows the incarnation from then on, so that it must be ended as any other."""
        holder = Holder(redis)
        await redis.zadd(KEYS.key("queued"), {"ghost": 1})
        assert await holder.claim() == []
        await holder.queue.retire(holder.client)
        assert await zset_of(redis, "leases") == {}


class TestRelease:
    @pytest.mark.parametrize("lost_returns", [[], ["request"], ["request", "request"], ["reply"]])
    async def test_what_a_claim_without_a_reply_took_is_given_back(self, redis: Redis, lost_returns: list[str]) -> None:
        holder = Holder(redis)
        await put(redis, "a", "b")
        await put(redis, "c")
        holder.client.lose(CLAIM, "reply")
        with pytest.raises(RedisConnectionError):
            await holder.claim(2)
        holder.client.lose("jobs/requeue", *lost_returns)
        for _ in lost_returns:
            with pytest.raises(RedisConnectionError):
                await holder.queue.release_unconfirmed(holder.client)
            assert holder.queue.has_forgotten_claim
        await holder.queue.release_unconfirmed(holder.client)
        assert not holder.queue.has_forgotten_claim
        assert (await ids_in(redis, "queued"), await held_by(redis, holder.name)) == (["a", "b", "c"], {})
        assert await hash_of(redis, "notes") == {}, "at no charge"

    async def test_a_claim_that_is_being_repeated_is_not_given_back_meanwhile(
        self, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        holder, answered, may_go_on = Holder(redis), asyncio.Event(), asyncio.Event()
        await put(redis, "a")
        real_claim = queue_module.claim

        async def claim_slowly(*asked: Any) -> Any:
            reply = await real_claim(*asked)
            answered.set()
            await may_go_on.wait()
            return reply

        monkeypatch.setattr(queue_module, "claim", claim_slowly)
        claiming = asyncio.create_task(holder.claim())
        await answered.wait()
        assert not holder.queue.has_forgotten_claim
        releasing = asyncio.create_task(holder.queue.release_unconfirmed(holder.client))
        await asyncio.sleep(0)
        may_go_on.set()
        assert ids_of(await claiming) == ["a"]
        await releasing
        assert await held_by(redis, holder.name) == {b"a": b"i1"}

    async def test_a_cancelled_claim_is_given_back(self, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
        holder, answered = Holder(redis), asyncio.Event()
        await put(redis, "a")
        real_claim = queue_module.claim

        async def claim_for_ever(*asked: Any) -> Any:
            await real_claim(*asked)
            answered.set()
            await asyncio.Event().wait()

        with monkeypatch.context() as patched:
            patched.setattr(queue_module, "claim", claim_for_ever)
            claiming = asyncio.create_task(holder.claim())
            await answered.wait()
            claiming.cancel()
            await asyncio.wait([claiming])
        await holder.queue.release_unconfirmed(holder.client)
        assert (await ids_in(redis, "queued"), await held_by(redis, holder.name)) == (["a"], {})

    async def test_nothing_is_left_where_it_was_taken_from(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a")
        holder.client.lose(CLAIM, "reply")
        with pytest.raises(RedisConnectionError):
            await holder.claim()
        await take_back(holder)
        await holder.queue.release_unconfirmed(holder.client)
        assert await ids_in(redis, "queued") == ["a"]
        assert not holder.queue.incarnation.may_be_open


class TestEnds:
    async def test_those_that_are_not_its_own_are_refused_and_the_others_end(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a", "b", "c")
        a, b, c = await holder.claim()
        await redis.hdel(KEYS.held(holder.name), "b")  # type: ignore[misc]
        assert await holder.queue.finish(holder.client, ends_of(a, b, c)) == [b"b"]
        assert set(await hash_of(redis, "payloads")) == {b"b"}
        assert holder.lost == []

    @pytest.mark.parametrize("how", ["finish", "requeue", "crash", "progress"])
    async def test_all_are_refused_where_it_was_taken_from(self, redis: Redis, how: str) -> None:
        holder = Holder(redis)
        await put(redis, "a", "b")
        leases = await holder.claim()
        await take_back(holder)
        queue, client = holder.queue, holder.client
        calls = {
            "finish": lambda: queue.finish(client, ends_of(leases[0])),
            "requeue": lambda: queue.requeue(client, [Requeue(leases[0], "io")]),
            "crash": lambda: queue.requeue_crashed(client, [Crash(leases[0], "killed")]),
            "progress": lambda: queue.report_progress(client, [(leases[0], b"{}")], 1000),
        }
        assert await calls[how]() == [b"a"]
        assert holder.lost == leases, "all of the queue's, not only those of the call"
        assert holder.name == f"{WORKER}.2"
        assert await ids_in(redis, "queued") == ["a", "b"]
        assert await calls[how]() == [b"a"], "of the new incarnation neither"

    async def test_a_call_without_a_reply_leaves_doubt(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a")
        leases = await holder.claim()
        assert not holder.queue.is_doubtful
        holder.client.lose("jobs/finish", "reply")
        with pytest.raises(RedisConnectionError):
            await holder.queue.finish(holder.client, ends_of(*leases))
        assert holder.queue.is_doubtful
        assert await holder.queue.finish(holder.client, ends_of(*leases)) == [b"a"]
        assert not holder.queue.has_calls_out


class TestRetire:
    async def test_an_idle_worker_need_not_be_kept_alive(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a", "b")
        leases = await holder.claim()
        await holder.queue.retire(holder.client)
        assert holder.name == f"{WORKER}.1", "it holds something"
        await holder.queue.finish(holder.client, ends_of(*leases))
        for lease in leases:
            holder.table.remove(lease)
        await holder.queue.retire(holder.client)
        assert holder.name == f"{WORKER}.2"
        assert await zset_of(redis, "leases") == {}
        calls = len(holder.client.calls)
        await holder.queue.retire(holder.client)
        holder.beat()
        assert len(holder.client.calls) == calls
        await put(redis, "c")
        assert ids_of(await holder.claim()) == ["c"]

    async def test_a_lost_reply_is_found_out_by_the_next_claim(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a")
        [lease] = await holder.claim()
        await holder.queue.finish(holder.client, ends_of(lease))
        holder.table.remove(lease)
        holder.client.lose("workers/retire", "reply")
        with pytest.raises(RedisConnectionError):
            await holder.queue.retire(holder.client)
        await put(redis, "b")
        assert ids_of(await holder.claim()) == ["b"]
        assert holder.lost == []

    async def test_what_it_holds_and_does_not_know_of_is_doubtful(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a")
        [lease] = await holder.claim()
        holder.table.remove(lease)  # as when it ran out by this machine's clock, and nobody took it
        await holder.queue.retire(holder.client)
        assert (holder.queue.is_doubtful, holder.name) == (True, f"{WORKER}.1")

    async def test_it_waits_for_claims(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a")
        [lease] = await holder.claim()
        await holder.queue.finish(holder.client, ends_of(lease))
        holder.table.remove(lease)
        await put(redis, "b")
        claiming = asyncio.create_task(holder.claim())
        await asyncio.sleep(0)  # it is under way
        await holder.queue.retire(holder.client)
        assert ids_of(await claiming) == ["b"]
        assert await held_by(redis, holder.name) == {b"b": b"i2"}


class TestBeat:
    async def test_nothing_is_sent_where_nothing_is_held(self, redis: Redis) -> None:
        holder = Holder(redis)
        holder.queue.beat(None, holder.session._loop)
        await holder.claim()
        holder.queue.beat(None, holder.session._loop)

    async def test_it_renews_all_leases(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a", "b")
        leases = await holder.claim()
        for lease in leases:
            lease.ends_s = 0
        await redis.zadd(KEYS.key("leases"), {holder.name: 1})
        before_s = time.monotonic()
        holder.beat()
        assert all(before_s + 60 <= lease.ends_s <= time.monotonic() + 60 for lease in leases)
        assert (await zset_of(redis, "leases"))[holder.name.encode()] > await now_ms(redis) + 50_000

    async def test_what_a_claim_without_a_reply_has_taken_is_kept_alive(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a")
        holder.client.lose(CLAIM, "reply")
        with pytest.raises(RedisConnectionError):
            await holder.claim()
        await redis.zadd(KEYS.key("leases"), {holder.name: 1})
        holder.beat()
        assert (await zset_of(redis, "leases"))[holder.name.encode()] > 1

    async def test_one_that_redis_has_not_seen_yet_is_not_gone(self, redis: Redis) -> None:
        holder = Holder(redis)
        holder.client.lose(CLAIM, "request")
        with pytest.raises(RedisConnectionError):
            await holder.claim()
        holder.beat()
        await told()
        assert holder.name == f"{WORKER}.1", "its claim may come yet, and must be found then"

    async def test_it_begins_anew_where_it_was_taken_from(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a")
        leases = await holder.claim()
        await take_back(holder)
        holder.beat()
        assert holder.lost == [], "the lease thread changes nothing of the loop's"
        await told()
        assert (holder.lost, holder.name) == (leases, f"{WORKER}.2")

    async def test_what_it_tells_of_an_earlier_incarnation_does_not_matter(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a")
        await holder.claim()
        await take_back(holder)
        holder.beat()
        [again] = await holder.claim()
        await told()
        assert holder.name == f"{WORKER}.2"
        assert holder.table.holds(again)

    async def test_two_beats_in_a_row_that_count_otherwise_leave_doubt(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a", "b")
        a, _ = await holder.claim()
        holder.table.remove(a)
        doubts = []
        for _ in range(2):
            holder.beat()
            await told()
            doubts.append(holder.queue.is_doubtful)
        assert doubts == [False, True]

    async def test_those_during_a_call_do_not_count(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a", "b")
        a, _ = await holder.claim()
        holder.table.remove(a)
        for _ in range(5):
            with holder.queue._call():
                holder.beat()
            await told()
        assert not holder.queue.is_doubtful

    async def test_it_tells_of_cancels_until_the_job_has_ended(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a", "b")
        a, b = await holder.claim()
        await redis.zadd(KEYS.key("cancels"), {"a": 1})
        holder.beat()
        await told()
        running = [(a, PAYLOAD), (b, PAYLOAD)]
        assert await holder.session.find_cancels(redis, running) == [a]
        await holder.queue.finish(holder.client, ends_of(a))
        assert await holder.session.find_cancels(redis, running) == []

    async def test_a_cancellation_is_not_for_a_later_job_of_the_id(self, redis: Redis) -> None:
        holder = Holder(redis)
        await put(redis, "a")
        [a] = await holder.claim()
        await redis.zadd(KEYS.key("cancels"), {"a": 1})
        holder.beat()  # its reply is told to the loop only when all of this is over
        await holder.queue.finish(holder.client, [Finish(a, True, b"", -1, "f")])
        holder.table.remove(a)
        await put(redis, "a")
        [later] = await holder.claim()
        await told()
        assert await holder.session.find_cancels(redis, [(later, PAYLOAD)]) == []


class TestOthers:
    async def test_a_wake_up_ends_the_wait_of_its_lane_queue(self, redis: Redis) -> None:
        queue = Holder(redis).queue
        queue.wake_up("io")
        assert await queue.wait(redis, "io", 60.0)
        assert not await queue.wait(redis, "io", 0.001), "it is used up"
        waiting = asyncio.create_task(queue.wait(redis, "cpu", 60.0))
        await asyncio.sleep(0)
        queue.wake_up("cpu")
        assert await waiting

    async def test_whether_there_is_work(self, redis: Redis) -> None:
        queue = Holder(redis).queue
        assert not await queue.has_work(redis, ())
        assert not await queue.has_work(redis, [b"x"])
        await put(redis, "a")
        await put(redis, "later", delay_ms=60_000)
        assert await queue.has_work(redis, ())
        assert await queue.has_work(redis, [b"a", b"x"])
        assert not await queue.has_work(redis, [b"a", b"later"])
        await hset(redis, KEYS.key("meta"), {"paused": 1})
        assert not await queue.has_work(redis, ())
