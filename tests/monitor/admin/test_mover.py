"""Moves of waiting jobs between queues of both formats: all goes along, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from monarq import Queue, ResultNotFoundError, job
from monarq.monitor.admin import admin
from monarq.monitor.admin.admin import Cancelled
from monarq.monitor.admin.mover import MoveCounts, Mover
from monarq.producer import Producer
from monarq.shared.errors import EnqueueUnknownError, MoveRefusedError, UnsupportedError
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.formats.choice.producers import producer_queue
from monarq.shared.formats.choice.transfers import move_source, move_target
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.lane import Lane
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.protocol.job_facts import JobFacts
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.transfer import PAGE, MovedJob, Put
from monarq.shared.redis.clock import read_now_ms
from tests.support.slowness import in_time, patience_s
from tests.support.workers import make_worker, running

ARQ: Final = QueueRef("old", "arq")
NATIVE: Final = QueueRef("mail", "native")
OTHER: Final = QueueRef("post", "native")
PAIRS: Final = [
    pytest.param(ARQ, NATIVE, id="arq to native"),
    pytest.param(NATIVE, ARQ, id="native to arq"),
    pytest.param(NATIVE, OTHER, id="native to native"),
]

ran: list[int] = []


@job(name="moved-add")
async def add(number: int) -> int:
    ran.append(number)
    return number


@job(name="moved-forgotten", keep_result=0)
async def forgotten(number: int) -> None:
    ran.append(number)


def user_queue(ref: QueueRef) -> Queue:
    return Queue(ref.name, format=ref.format)


async def put(redis: Redis, ref: QueueRef, *ids: str, **placed: Any) -> None:
    """Enqueues jobs of these ids, whose payloads name them."""
    queue = producer_queue(ref)
    jobs = [(each, f"payload of {each}".encode()) for each in ids]
    placement = Placement(name="f", **placed)
    codes = await queue.enqueue(redis, placement, EnqueueMode.NAMED, f"call {ids[0]}", jobs)  # type: ignore[arg-type]
    assert codes == [Enqueued.ADDED] * len(ids)


async def move(redis: Any, source: QueueRef, target: QueueRef, **options: Any) -> MoveCounts:
    """A whole run; the source must be free again afterwards."""
    mover = Mover(redis, source, target, **{"per_s": None, **options})
    await mover.begin()
    async for _ in mover.move():
        pass
    assert mover.is_closed
    return mover.counts


async def facts_of(redis: Redis, ref: QueueRef, *ids: str) -> list[JobFacts]:
    """What is known of jobs, as far as it must not change by a move."""
    found = [await monitor_queue(ref).read_facts(redis, each.encode(), with_payload=True) for each in ids]
    return [replace(each, now_ms=0, history=[line for line in each.history if b"moved" not in line]) for each in found]


async def waiting_in(redis: Redis, ref: QueueRef) -> list[str]:
    """The jobs that wait, in the order in which they are due."""
    pages = [await monitor_queue(ref).browse(redis, state, None, 200) for state in ("queued", "deferred")]
    return [row.raw_id.decode() for page in pages for row in page.jobs]


async def seed_rare(redis: Redis, ref: QueueRef) -> None:
    """Jobs with all that a waiting job may have, as a job that came from a format's own scripts has it."""
    source = QueueRef("elsewhere", "native" if ref.format == "arq" else "arq")
    now_ms = await read_now_ms(redis)
    jobs = [
        MovedJob(b"tried", b"1", "io", now_ms - 9000, tries=2, history=(b"%d retried 2" % now_ms,), last_due_ms=now_ms),
        MovedJob(b"crashed", b"2", "cpu", now_ms - 8000, crashes=1, crash_note="killed", unknown_ms=now_ms - 70),
        MovedJob(b"deferred", b"3", "io", now_ms + 90_000, tries=1),
        MovedJob(b"deferred-cpu", b"4", "cpu", now_ms + 91_000),
        MovedJob(b"expiring", b"5", "io", now_ms - 7000, expires_ms=now_ms + 60_000, may_expire=True),
        MovedJob(b"large", b"6" * 50_000, "io", now_ms - 6000, progress=b'5 {"done":1}'),
        MovedJob(b"not \xff text", b"\x80pickle", "io", now_ms - 5000),
        MovedJob(b"cancelled", b"7", "io", now_ms - 4000, cancel_asked_ms=now_ms - 1000),
    ]
    assert await move_target(ref).put(redis, source, jobs, now_ms) == [Put.ADDED] * len(jobs)
    assert await move_target(ref).forget(redis, await move_target(ref).find_marks(redis, source))


@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_all_that_belongs_to_a_job_goes_along(redis: Redis, source: QueueRef, target: QueueRef) -> None:
    await seed_rare(redis, source)
    order = [row.raw_id for row in (await monitor_queue(source).browse(redis, "queued", None, 200)).jobs]
    ids = ["tried", "crashed", "deferred", "deferred-cpu", "large", "cancelled"]
    before = await facts_of(redis, source, *ids)
    progress = await monitor_queue(source).read_progress(redis, ["large"])
    expires_ms = (await facts_of(redis, source, "expiring"))[0].expires_ms or 0
    assert before[0].history
    counts = await move(redis, source, target)
    assert (counts.moved, counts.was_in, counts.left, counts.running) == (8, 0, {}, 0)
    assert await facts_of(redis, target, *ids) == before
    assert await monitor_queue(target).read_progress(redis, ["large"]) == progress
    assert [row.raw_id for row in (await monitor_queue(target).browse(redis, "queued", None, 200)).jobs] == order
    assert await waiting_in_neither(redis, source)
    [expiring] = await facts_of(redis, target, "expiring")
    assert expiring.expires_ms is not None
    assert abs(expiring.expires_ms - expires_ms) <= 1, "in arq's format it is told by a time to live"
    left = await monitor_queue(target).read_facts(redis, b"not \xff text", with_payload=True)
    assert left.payload == b"\x80pickle"
    assert not await redis.exists(*(names.job(each) for each in ids)) or target.format == "arq"
    await redis.flushall()


async def waiting_in_neither(redis: Redis, ref: QueueRef) -> bool:
    counts = await monitor_queue(ref).read_counts(redis)
    return (counts.queued, counts.deferred, counts.running, counts.paused) == (0, 0, 0, True)


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("is_over", [False, True], ids=["in time", "over"])
async def test_a_job_expires_where_it_is_now(
    redis: Redis, redis_url: str, source: QueueRef, target: QueueRef, is_over: bool
) -> None:
    ran.clear()
    async with Producer(redis_url, queue=user_queue(source)) as producer:
        await producer.enqueue(add.options(expires=0.05 if is_over else 60, job_id="a"), 1)
    counts = await move(redis, source, target)
    if counts.moved:  # in arq's format the payload may have gone before it was moved
        async with Producer(redis_url, queue=user_queue(target)) as producer:
            await asyncio.sleep(0.06)
            async with running(make_worker(redis_url, [add], queues=(target,))):
                handle = producer.handle("a")
                if is_over:
                    with pytest.raises(Exception, match="expired"):
                        await handle.result(patience_s(10))
                else:
                    assert await handle.result(patience_s(10)) == 1
        assert ran == ([] if is_over else [1])
    await redis.flushall()


@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_jobs_of_other_payloads_and_ended_ones_stay_and_are_told(
    redis: Redis, source: QueueRef, target: QueueRef
) -> None:
    if target.format == "arq":
        await put(redis, OTHER, "a", "b", "c")
        await move(redis, OTHER, target)
        await redis.delete(names.job("b"))
        await redis.zrem(target.name, "b")
        await redis.set(names.result("b"), b"result", ex=60)
    else:
        keys = NativeKeys.of(target.name)
        await put(redis, target, "a", "b", "c")
        await redis.hset(keys.key("payloads"), "a", "another")  # type: ignore[misc]
        await redis.zrem(keys.key("queued"), "b")
        await redis.hdel(keys.key("payloads"), "b")  # type: ignore[misc]
        await redis.hset(keys.key("kept"), "b", "result")  # type: ignore[misc]
    await put(redis, source, "d", delay_ms=50_000)
    if source.format == "native":
        await put(redis, source, "a", "b", "c")
        if target.format == "arq":
            await redis.set(names.job("a"), b"another")
    else:
        await put(redis, source, "a", "b", "c")
    counts = await move(redis, source, target)
    assert (counts.moved, counts.was_in) == (1, 1), "c has the same payload there, so it is the same job"
    assert {each.job_id: each.why.partition(",")[0] for each in counts.left.values()} == {
        "a": "another job with this id waits or runs in the target queue",
        "b": "a job with this id has ended in the target queue",
    }
    assert await waiting_in(redis, source) == ["a", "b"]
    assert sorted(await waiting_in(redis, target)) == ["a", "c", "d"]
    assert await admin.resume(redis, source)
    if source.format == "arq":
        assert not await redis.exists(names.in_progress("a"), names.in_progress("b")), "whoever serves it gets them"
    await redis.flushall()


class Killed(BaseException):
    """The process is no more."""


class Mortal:
    """A client that dies at one of its calls, before it was carried out or after."""

    def __init__(self, redis: Redis, lives: int, *, is_carried_out: bool) -> None:
        self._redis = redis
        self._lives = lives
        self._is_carried_out = is_carried_out

    def __getattr__(self, name: str) -> Any:
        return getattr(self._redis, name)

    async def execute_command(self, *parts: Any) -> Any:
        self._lives -= 1
        if self._lives == 0 and not self._is_carried_out:
            raise Killed
        try:
            reply = await self._redis.execute_command(*parts)  # type: ignore[no-untyped-call]
        except NoScriptError:
            self._lives += 1  # nothing was carried out, and the call comes again
            raise
        if self._lives == 0:
            raise Killed
        return reply


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("is_carried_out", [False, True], ids=["not carried out", "reply lost"])
async def test_a_run_that_is_killed_anywhere_is_made_good_by_the_next_one(
    redis: Redis, redis_url: str, source: QueueRef, target: QueueRef, is_carried_out: bool
) -> None:
    """All that is in at the target runs and is forgotten before the next run comes."""
    for lives in range(1, 100):
        ran.clear()
        await redis.flushall()
        async with Producer(redis_url, queue=user_queue(source)) as producer:
            for number in range(5):
                await producer.enqueue(forgotten.options(job_id=f"job{number}"), number)
        try:
            await move(Mortal(redis, lives, is_carried_out=is_carried_out), source, target)
            break
        except Killed:
            pass
        await run_all(redis, redis_url, target)
        await forget_ends(redis, target)
        if await admin.paused_since_ms(redis, source) is not None and await is_moving(redis, source):
            with pytest.raises(MoveRefusedError, match="has not ended"):
                await admin.resume(redis, source)
        await move(redis, source, target)
        await run_all(redis, redis_url, target)
        assert sorted(ran) == list(range(5)), f"killed at call {lives}"
        assert await admin.resume(redis, source)
        assert await marks_of(redis, target) == []
    else:
        pytest.fail("it never came to its end")
    assert lives > 8, "a run of two pages has more calls than that"
    await redis.flushall()


async def run_all(redis: Redis, redis_url: str, ref: QueueRef) -> None:
    """A worker runs all that waits."""
    if await monitor_queue(ref).is_known(redis):
        worker = make_worker(redis_url, [add, forgotten], queues=(ref,), burst=True)
        async with in_time(20):
            await worker.run()


async def forget_ends(redis: Redis, ref: QueueRef) -> None:
    """So much time has passed that nothing shows any more which jobs have ended."""
    if ref.format == "native":
        keys = NativeKeys.of(ref.name)
        await redis.delete(*keys.ring("tombstones"), *keys.ring("results"), keys.key("kept"))
    else:
        for key in await redis.keys(QueueKeys.of(ref.name).base + "no-result:*"):
            await redis.delete(key)


async def is_moving(redis: Redis, ref: QueueRef) -> bool:
    if ref.format == "native":
        return bool(await redis.hexists(NativeKeys.of(ref.name).key("meta"), "moving"))  # type: ignore[misc]
    return bool(await redis.exists(QueueKeys.of(ref.name).base + "moving"))


async def marks_of(redis: Redis, ref: QueueRef) -> list[bytes]:
    """The marks of jobs whose source is not gone yet."""
    native_key, arq_key = NativeKeys.of(ref.name).key("barred"), QueueKeys.of(ref.name).base + "marks"
    key = native_key if ref.format == "native" else arq_key
    return [mark for mark, score in await redis.zrange(key, 0, -1, withscores=True) if score == float("inf")]


@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_an_arrival_that_comes_late_puts_nothing_in(redis: Redis, source: QueueRef, target: QueueRef) -> None:
    await put(redis, source, "a")
    mover = Mover(redis, source, target, per_s=None)
    await mover.begin()
    page = await move_source(source).take(redis, mover._run, move_source(source).sets[0], 0, 10)
    async for _ in mover.move():
        pass
    await empty(redis, target)
    assert await move_target(target).put(redis, source, page.jobs, page.now_ms) == [Put.WAS_IN]
    assert await move_target(target).put(redis, source, page.jobs, page.now_ms - 100_000) == [Put.LATE]
    assert await waiting_in(redis, target) == []
    await redis.flushall()


async def empty(redis: Redis, ref: QueueRef) -> None:
    """All jobs have ended without a trace."""
    if ref.format == "native":
        keys = NativeKeys.of(ref.name)
        await redis.delete(*map(keys.key, ("payloads", "queued", "queued_cpu", "deferred", "deferred_cpu")))
    else:
        await redis.delete(ref.name, QueueKeys.of(ref.name).cpu, *map(names.job, await waiting_in(redis, ref)))


@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_jobs_that_move_back_and_forth_are_not_taken_for_late_arrivals(
    redis: Redis, source: QueueRef, target: QueueRef
) -> None:
    await put(redis, source, "a", "b")
    for _ in range(3):
        assert (await move(redis, source, target)).moved == 2
        await asyncio.sleep(0.002)  # of another ms than the last step of the move before
        assert (await move(redis, target, source)).moved == 2
        await asyncio.sleep(0.002)
    assert await waiting_in(redis, source) == ["a", "b"]
    await redis.flushall()


@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_a_move_the_other_way_waits_for_one_that_was_interrupted(
    redis: Redis, source: QueueRef, target: QueueRef
) -> None:
    await put(redis, source, "a")
    await Mover(redis, source, target).begin()
    for elsewhere in (OTHER, NATIVE):
        if elsewhere not in (source, target):
            with pytest.raises(MoveRefusedError, match="complete that move first"):
                await move(redis, source, elsewhere)
    await put(redis, target, "b")
    with pytest.raises(MoveRefusedError, match="are themselves being moved to another queue"):
        await move(redis, target, source)
    assert await waiting_in(redis, target) == ["b"]
    assert await admin.paused_since_ms(redis, target) is None, "it is refused before anything is changed"
    assert (await move(redis, source, target)).moved == 1
    assert (await move(redis, target, source)).moved == 2
    await redis.flushall()


@pytest.mark.parametrize(
    ("version", "error", "why"),
    [
        pytest.param("1 shards", MoveRefusedError, "mail has shards", id="shards"),
        pytest.param("2", UnsupportedError, "made by a later version", id="a later version"),
    ],
)
async def test_a_queue_that_it_does_not_know_how_to_move_is_left_as_it_is(
    redis: Redis, version: str, error: type[Exception], why: str
) -> None:
    await put(redis, OTHER, "a")
    await put(redis, NATIVE, "b")
    meta = NativeKeys.of(NATIVE.name).key("meta")
    await redis.hset(meta, "v", version)  # type: ignore[misc]
    for source, target in ((OTHER, NATIVE), (NATIVE, OTHER)):
        with pytest.raises(error, match=why):
            await Mover(redis, source, target).begin()
    for queue in (OTHER, NATIVE):
        assert not await is_moving(redis, queue)
    assert await admin.paused_since_ms(redis, OTHER) is None
    await redis.flushall()


async def test_a_target_that_is_given_shards_meanwhile_ends_the_move(redis: Redis) -> None:
    await put(redis, OTHER, "a")
    await put(redis, NATIVE, "b")
    mover = Mover(redis, OTHER, NATIVE, per_s=None)
    await mover.begin()
    await redis.hset(NativeKeys.of(NATIVE.name).key("meta"), "v", "1 shards")  # type: ignore[misc]
    with pytest.raises(MoveRefusedError, match="mail has shards"):
        async for _ in mover.move():
            pass
    assert mover.is_resumed
    assert await admin.paused_since_ms(redis, OTHER) is None
    assert await waiting_in(redis, OTHER) == ["a"]
    await redis.flushall()


@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_a_run_that_is_stopped_early_does_not_free_what_a_killed_one_has_left_in_both(
    redis: Redis, source: QueueRef, target: QueueRef
) -> None:
    await put(redis, source, "a")
    killed = Mover(redis, source, target, per_s=None)
    await killed.begin()
    [page] = [
        page
        for source_set in killed._source.sets
        if (page := await killed._source.take(redis, killed._run, source_set, 0, PAGE)).jobs
    ]
    assert await killed._target.put(redis, source, page.jobs, page.now_ms) == [Put.ADDED]
    stopped = Mover(redis, source, target, per_s=None)
    assert (await stopped.begin()).goes_on
    async for _ in stopped.move(lambda: True):
        pass
    assert not stopped.is_closed
    with pytest.raises(MoveRefusedError, match="has not ended"):
        await admin.resume(redis, source)
    assert (await move(redis, source, target)).was_in == 1
    assert await admin.resume(redis, source)
    await redis.flushall()


@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_a_later_run_takes_over(redis: Redis, source: QueueRef, target: QueueRef) -> None:
    await put(redis, source, *(f"job{number:03}" for number in range(150)))
    first = Mover(redis, source, target, per_s=None)
    assert not (await first.begin()).goes_on
    pages = first.move()
    await anext(pages)
    second = Mover(redis, source, target, per_s=None)
    assert (await second.begin()).goes_on
    with pytest.raises(MoveRefusedError, match="has taken over"):
        async for _ in pages:
            pass
    async for _ in second.move():
        pass
    assert first.counts.moved + second.counts.moved == 150
    assert len(await waiting_in(redis, target)) == 150
    await redis.flushall()


@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_a_cancellation_that_comes_while_its_job_is_moved_follows_it(
    redis: Redis, redis_url: str, source: QueueRef, target: QueueRef
) -> None:
    ran.clear()
    async with Producer(redis_url, queue=user_queue(source)) as producer:
        for job_id in ("a", "b"):
            await producer.enqueue(add.options(job_id=job_id), 1)
    mover = Mover(redis, source, target, per_s=None)
    await mover.begin()
    step = mover._source.drop

    async def cancel_and_drop(client: Any, run: str, jobs: Sequence[MovedJob]) -> Any:
        if jobs:
            mover._source.drop = step  # type: ignore[method-assign]
            assert await admin.cancel(redis, source, "a") in (Cancelled.PAUSED, Cancelled.RUNS)
        return await step(client, run, jobs)

    mover._source.drop = cancel_and_drop  # type: ignore[method-assign]
    async for _ in mover.move():
        pass
    assert await waiting_in(redis, source) == []
    await run_all(redis, redis_url, target)
    assert ran == [1]
    await redis.flushall()


async def test_a_repeated_enqueue_does_not_bring_a_moved_job_back(redis: Redis) -> None:
    for source in (ARQ, NATIVE):
        queue, jobs = producer_queue(source), [("a", b"payload")]
        await queue.enqueue(redis, Placement(), EnqueueMode.NAMED, "call", jobs)  # type: ignore[arg-type]
        await move(redis, source, OTHER)
        try:
            codes = await queue.enqueue(redis, Placement(), EnqueueMode.REPEATED, "call", jobs)  # type: ignore[arg-type]
        except EnqueueUnknownError:
            codes = [Enqueued.ENDED]
        assert codes == [Enqueued.ENDED]
        await redis.flushall()


@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_who_waits_at_the_old_queue_is_told_where_the_job_is(
    redis: Redis, redis_url: str, source: QueueRef, target: QueueRef
) -> None:
    async with Producer(redis_url, queue=user_queue(source)) as producer:
        handle = await producer.enqueue(add, 1)
        result = asyncio.create_task(handle.result(patience_s(20)))
        while not (await redis.execute_command("PUBSUB", "NUMSUB", producer_queue(source).ended))[1]:  # type: ignore[no-untyped-call]
            await asyncio.sleep(0.01)
        await move(redis, source, target)
        with pytest.raises(ResultNotFoundError, match=rf"or it was moved to .*{target.name}.*: look there"):
            await result
        async with running(make_worker(redis_url, [add], queues=(target,))):
            assert await producer.handle(handle.job_id, queue=user_queue(target)).result(patience_s(20)) == 1
    await redis.flushall()


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("step", ["find_marks", "drop"])
async def test_a_run_that_closes_lets_no_mark_go_of_one_that_has_taken_over(
    redis: Redis, source: QueueRef, target: QueueRef, step: str
) -> None:
    """The later one is killed when its page is in, and all that is in has ended before the next one comes."""
    first, second = (Mover(redis, source, target, per_s=None) for _ in range(2))
    await first.begin()
    before = getattr(first._target if step == "find_marks" else first._source, step)

    async def be_taken_over(*given: Any) -> Any:
        answer = await before(*given)
        await put(redis, source, "a")
        await second.begin()
        page = await second._source.take(redis, second._run, second._source.sets[0], 0, PAGE)
        assert await second._put(page) == [Put.ADDED]
        return answer

    setattr(first._target if step == "find_marks" else first._source, step, be_taken_over)
    with suppress(MoveRefusedError):
        async for _ in first.move():
            pass
    assert not first.is_closed
    await empty(redis, target)
    await asyncio.sleep(0.002)  # of another ms than the last step of the first run
    counts = await move(redis, source, target)
    assert (counts.moved, counts.was_in) == (0, 1), "DUP"
    assert await waiting_in(redis, target) == []
    await redis.flushall()


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("has_moved", [False, True], ids=["at once", "later"])
async def test_a_full_redis_ends_a_move_that_can_be_run_again(
    redis: Redis, source: QueueRef, target: QueueRef, has_moved: bool
) -> None:
    await put(redis, source, *(f"job{number:03}" for number in range(150)))
    mover = Mover(redis, source, target, per_s=None)
    try:
        if not has_moved:
            await redis.config_set("maxmemory", 1)
        await mover.begin()
        pages = mover.move()
        if has_moved:
            await anext(pages)
            await redis.config_set("maxmemory", 1)
        with pytest.raises(RedisError, match=r"OOM|maxmemory"):
            await anext(pages)
    finally:
        await redis.config_set("maxmemory", 0)
    assert (mover.is_closed, mover.is_resumed) == (True, not has_moved)
    assert (await admin.paused_since_ms(redis, source) is None) is not has_moved
    assert not await redis.keys(names.in_progress("*")), "whoever serves it gets them at once"
    assert len(await waiting_in(redis, target)) == mover.counts.moved == (100 if has_moved else 0)
    assert (await move(redis, source, target)).moved == 150 - mover.counts.moved
    assert len(await waiting_in(redis, target)) == 150
    await redis.flushall()


async def test_a_target_to_which_redis_gives_no_right_is_found_before_anything_is_changed(
    redis: Redis, redis_url: str
) -> None:
    for source, target in ((ARQ, NATIVE), (NATIVE, ARQ)):
        await put(redis, source, "a")
        keys = (f"~{target.name}", f"~monarq:{{{target.name}}}:*", f"~monarq:n:{{{target.name}}}:*")
        await redis.execute_command(  # type: ignore[no-untyped-call]
            *("ACL", "SETUSER", "guest", "reset", "on", "nopass", "+@all", "&*"),
            *(each for each in ("~monarq:*old*", "~arq:*", "~old", "~monarq:n:{mail}:*") if each not in keys),
        )
        guest = Redis.from_url(redis_url, username="guest", password="any")
        with pytest.raises(RedisError, match=r"(?i)permission|ACL"):
            await Mover(guest, source, target).begin()
        await guest.aclose()
        assert await admin.paused_since_ms(redis, source) is None
        assert not await is_moving(redis, source)
        await redis.acl_deluser("guest")
        await redis.flushall()


async def test_a_score_that_is_no_time_is_moved_or_named(redis: Redis) -> None:
    await put(redis, ARQ, "first", "a", "far", "b", "farthest", "parked")
    await put(redis, ARQ, "cpu", "cpu-first", lane=Lane.CPU)
    await redis.zadd(QueueKeys.of(ARQ.name).cpu, {"cpu-first": "-inf"})
    scores = {"first": "-inf", "far": 2.0**1000, "farthest": "inf", "parked": names.PARKED_SCORE, "b": -1e300}
    await redis.zadd(ARQ.name, scores)
    counts = await move(redis, ARQ, NATIVE)
    assert counts.moved == 5
    assert sorted(await waiting_in(redis, NATIVE)) == ["a", "b", "cpu", "cpu-first", "first"]
    queued = await redis.zrange(NativeKeys.of(NATIVE.name).key("queued"), 0, -1)
    assert queued == [b"b", b"first", b"a"]
    assert {each.job_id: each.why for each in counts.left.values()} == {
        "far": "its score there, 1.0715086071862673e+301, is not a time",
        "farthest": "its score there, inf, is not a time",
        "parked": "its score there, 4102444800000000, is not a time",
    }
    assert await admin.resume(redis, ARQ)
    await redis.flushall()


async def test_a_job_whose_time_arq_s_format_cannot_tell_stays(redis: Redis) -> None:
    await put(redis, NATIVE, "a", "b", "c")
    await put(redis, NATIVE, "d", delay_ms=50_000)
    keys = NativeKeys.of(NATIVE.name)
    await redis.zadd(keys.key("deferred"), {"d": names.PARKED_SCORE})
    await redis.zadd(keys.key("queued"), {"a": "-inf", "b": "inf"})
    counts = await move(redis, NATIVE, ARQ)
    assert (counts.moved, list(counts.left)) == (3, [b"d"])
    await redis.flushall()


async def test_what_runs_stays_and_what_comes_back_is_moved_by_the_next_run(redis: Redis) -> None:
    keys = QueueKeys.of(ARQ.name)
    await put(redis, ARQ, "a", "b", "c", "d", "e")
    now_ms = await read_now_ms(redis)
    await redis.set(names.in_progress("a"), "w1:io:1:5", px=50_000)  # a worker of monarq's
    await redis.zadd(ARQ.name, {"a": now_ms + 50_000.5, "c": now_ms - 5.5 + 5, "d": 1})
    await redis.zadd(ARQ.name, {"c": float(int(now_ms) - 5) + 0.5})  # whose worker was lost
    await redis.delete(names.job("e"))  # which has expired
    counts = await move(redis, ARQ, NATIVE)
    assert (counts.moved, counts.running, counts.cancelling, counts.without_payload) == (2, 1, 1, 1)
    [c] = await facts_of(redis, NATIVE, "c")
    assert (c.crashes, c.crash_note) == (1, "its lease ran out")
    assert sorted(await waiting_in(redis, NATIVE)) == ["b", "c"]
    await redis.zadd(names.ABORT, {"d": now_ms})  # arq's abort has come to its second step
    await redis.delete(names.in_progress("a"))
    await redis.zadd(ARQ.name, {"a": now_ms - 1})
    assert (await move(redis, ARQ, NATIVE)).moved == 2
    assert await redis.zscore(names.ABORT, "d") is None
    assert await redis.exists(keys.base + "paused")
    await redis.flushall()


async def test_workers_that_heed_no_pause_are_an_obstacle(redis: Redis) -> None:
    await put(redis, ARQ, "a", "b")
    await redis.set(ARQ.name + names.HEALTH_CHECK_SUFFIX, "j_complete=0", px=3_600_000)
    with pytest.raises(MoveRefusedError, match=r"old:health-check.*ignore a pause.*--arq-workers-stopped"):
        await move(redis, ARQ, NATIVE)
    assert await admin.paused_since_ms(redis, ARQ) is None
    await redis.delete(ARQ.name + names.HEALTH_CHECK_SUFFIX)
    await redis.set(names.in_progress("a"), "1", px=50_000)
    with pytest.raises(MoveRefusedError, match="runs jobs"):
        await move(redis, ARQ, NATIVE)
    assert await waiting_in(redis, NATIVE) == []
    assert await admin.paused_since_ms(redis, ARQ) is None, "nothing is half moved, and it is as it was found"
    assert not await redis.exists(names.in_progress("b"))
    counts = await move(redis, ARQ, NATIVE, arq_workers_stopped=True)
    assert (counts.moved, counts.running) == (1, 1)
    await redis.flushall()


async def test_a_health_check_of_monarq_s_own_workers_is_no_obstacle(redis: Redis) -> None:
    await put(redis, ARQ, "a")
    await redis.set(ARQ.name + names.HEALTH_CHECK_SUFFIX, "j_complete=0", px=15_000)
    with pytest.raises(MoveRefusedError, match="health-check"):
        await move(redis, ARQ, NATIVE)
    await redis.zadd(QueueKeys.of(ARQ.name).workers, {"w1": await read_now_ms(redis) + 10_000})
    assert (await move(redis, ARQ, NATIVE)).moved == 1
    await redis.flushall()


async def test_queues_that_cannot_be_each_other_s_target_are_refused(redis: Redis) -> None:
    with pytest.raises(MoveRefusedError, match="is both the source and the target"):
        await move(redis, ARQ, ARQ)
    with pytest.raises(MoveRefusedError, match="move the jobs to a native queue"):
        await move(redis, ARQ, QueueRef("new", "arq"))


async def test_what_a_format_cannot_carry_stays(redis: Redis) -> None:
    await put(redis, NATIVE, "a", "b")
    await redis.hset(NativeKeys.of(NATIVE.name).key("notes"), "a", "1 0 0 0 w:signal|")  # type: ignore[misc]
    await put(redis, ARQ, "\0c")
    counts = await move(redis, NATIVE, ARQ)
    assert [each.why for each in counts.left.values()] == ["the target queue's format cannot represent it"]
    assert await waiting_in(redis, NATIVE) == ["a"]
    assert (await move(redis, NATIVE, OTHER)).moved == 1
    assert await redis.hget(NativeKeys.of(OTHER.name).key("notes"), "a") == b"1 0 0 0 w:signal|"  # type: ignore[misc]
    counts = await move(redis, ARQ, OTHER)
    assert (counts.moved, len(counts.left)) == (1, 1)
    await redis.flushall()


async def test_it_stops_between_pages(redis: Redis) -> None:
    await put(redis, ARQ, *(f"job{number:03}" for number in range(250)))
    mover = Mover(redis, ARQ, NATIVE, per_s=None)
    await mover.begin()
    async for _ in mover.move(lambda: mover.counts.moved >= 100):
        pass
    assert mover.is_closed
    assert mover.counts.moved == 100
    assert len(await waiting_in(redis, NATIVE)) == 100
    assert await admin.resume(redis, ARQ)
    await redis.flushall()


async def test_the_order_of_a_native_queue_is_exact_in_another(redis: Redis) -> None:
    for number in range(60):
        await put(redis, NATIVE, f"job{number * 37 % 60:02}")
    await put(redis, NATIVE, "cpu", lane=Lane.CPU)
    order = await waiting_in(redis, NATIVE)
    scores = await redis.zrange(NativeKeys.of(NATIVE.name).key("queued"), 0, -1, withscores=True)
    await move(redis, NATIVE, OTHER)
    assert await waiting_in(redis, OTHER) == order
    assert await redis.zrange(NativeKeys.of(OTHER.name).key("queued"), 0, -1, withscores=True) == scores
    await redis.flushall()


async def test_a_move_leaves_the_marks_of_another_one_alone(redis: Redis) -> None:
    """Also where one source's name begins with the other's."""
    await put(redis, QueueRef("old:er", "native"), "a")
    with pytest.raises(Killed):
        await move(Mortal(redis, 4, is_carried_out=True), QueueRef("old:er", "native"), OTHER)
    await put(redis, QueueRef("old", "native"), "b")
    await move(redis, QueueRef("old", "native"), OTHER)
    assert len(await marks_of(redis, OTHER)) == 1
    assert (await move(redis, QueueRef("old:er", "native"), OTHER)).was_in == 1
    await redis.flushall()
