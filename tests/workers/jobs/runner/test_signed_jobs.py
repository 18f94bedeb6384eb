"""Signed jobs and results from end to end: nothing runs that was written to Redis without the key."""

from __future__ import annotations

import pickle
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from arq.connections import ArqRedis
from redis.asyncio import Redis

from monarq.arq.connections import RedisSettings, create_pool
from monarq.arq.worker import Worker
from monarq.monitor.jobs.dead_letters import read_dead_letters
from monarq.producer import Producer
from monarq.shared.errors import PayloadError
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.dead.revive import revive
from monarq.shared.jobs.cron_schedule import crontab
from monarq.shared.payloads.codec import MSGPACK, PICKLE, Codecs
from monarq.shared.payloads.payload import write_payload
from monarq.shared.payloads.signing import KEY_VARIABLE, MAGIC, Signer
from monarq.shared.protocol.answers import Revived
from monarq.workers.cron.entry import CronEntry
from monarq.workers.cron.scheduler import CronScheduler
from monarq.workers.events.dispatcher import Dispatcher
from tests.support.formats import OF_ARQ, current_name
from tests.support.queues import arq_queue
from tests.support.slowness import patience_s
from tests.support.workers import QUEUE, dead_letter_of, put_raw, run_burst
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ

KEY: Final = "a-key-of-our-own-0123456789"
NEXT_KEY: Final = "the-key-after-it-0123456789"
FOREIGN_KEY: Final = "a-key-of-somebody-else-0123"
UNPICKLED: Final[list[str]] = []


class Bomb:
    """Tells when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return UNPICKLED.append, ("boom",)


def codecs(keys: str | None = KEY, *, allow_pickle: bool = True) -> Codecs:
    return Codecs(allow_pickle=allow_pickle, signer=Signer(keys) if keys else None)


def a_job(*args: Any, pickled: bool = True) -> bytes:
    return write_payload(PICKLE if pickled else MSGPACK, "plus", args, {}, 1)


async def reason(redis: Redis, job_id: str) -> str:
    """Why the job is dead."""
    said = await dead_letter_of(redis, job_id)
    return str(said.get("error", "it is not dead"))


@pytest.mark.parametrize("codec", ["msgpack", "pickle"])
async def test_a_round_trip(redis: Redis, redis_url: str, codec: Any) -> None:
    async with Producer(redis_url, codec=codec, signing_key=KEY, queue=current_name()) as producer:
        one = await producer.enqueue("plus", 1, 2)
        many = await producer.enqueue_many("plus", [(number, 1) for number in range(3)])
        bad = await producer.enqueue("break_down", "broken")
        stored = [await redis.get(names.job(handle.job_id)) for handle in (one, *many, bad)]
        assert all(payload.startswith(MAGIC) for payload in stored)
        await run_burst(redis_url, jobs.ALL, codecs=codecs())
        results = [await redis.get(names.result(handle.job_id)) for handle in (one, *many, bad)]
        assert all(result.startswith(MAGIC) for result in results)
        assert await one.result(patience_s(5)) == 3
        assert sorted([value async for _, value in producer.as_completed(many, timeout=patience_s(5))]) == [1, 2, 3]
        info = await one.info()
        assert info is not None
        assert info.state == "succeeded"
        with pytest.raises(ValueError, match="broken"):
            await bad.result(patience_s(5))


async def test_nothing_that_is_forged_is_decoded(redis: Redis, redis_url: str) -> None:
    UNPICKLED.clear()
    bomb = pickle.dumps({"f": "plus", "a": (Bomb(),), "k": {}, "t": None, "et": 1})
    ours, foreign = Signer(KEY), Signer(FOREIGN_KEY)
    signed_bomb = ours.sign(bomb, "job", b"elsewhere")
    forged = {
        "unsigned-pickle": bomb,
        "unsigned-msgpack": a_job(1, 2, pickled=False),
        "of-another-key": foreign.sign(bomb, "job", b"of-another-key"),
        "of-another-job": signed_bomb,
        "a-result": ours.sign(bomb, "result", b"a-result"),
        "changed": ours.sign(a_job(1, 2), "job", b"changed")[:-1] + b"!",
        "only-a-head": MAGIC + bytes(32),
        "cut": MAGIC + bytes(3),
    }
    for job_id, payload in forged.items():
        await put_raw(redis, job_id, payload)
    await put_raw(redis, "good", ours.sign(a_job(1, 2), "job", b"good"))
    worker = await run_burst(redis_url, jobs.ALL, codecs=codecs())
    assert UNPICKLED == []
    assert (worker.counters.succeeded, worker.counters.failed) == (1, len(forged))
    reasons = {job_id: await reason(redis, job_id) for job_id in forged}
    unsigned = {job_id for job_id, why in reasons.items() if "it is not signed" in why}
    assert unsigned == {"unsigned-pickle", "unsigned-msgpack", "cut"}
    assert all("its signature is wrong" in reasons[job_id] for job_id in forged if job_id not in unsigned)
    assert not any(KEY in why for why in reasons.values())


async def test_a_signature_does_not_make_pickle_allowed(redis: Redis, redis_url: str) -> None:
    await put_raw(redis, "a", Signer(KEY).sign(a_job(1, 2), "job", b"a"))
    await run_burst(redis_url, jobs.ALL, codecs=codecs(allow_pickle=False))
    assert "pickle is not allowed here" in await reason(redis, "a")


async def test_results_that_are_not_verified_are_not_read(redis: Redis, redis_url: str) -> None:
    UNPICKLED.clear()
    async with Producer(redis_url, codec="pickle", signing_key=KEY, queue=current_name()) as producer:
        handle = producer.handle("a")
        bomb = pickle.dumps({"f": "plus", "r": Bomb()})
        by_us = Signer(KEY)
        for result in (bomb, by_us.sign(bomb, "result", b"b"), by_us.sign(bomb, "job", b"a")):
            await redis.set(names.result("a"), result, ex=60)
            with pytest.raises(PayloadError, match=r"it is not signed|its signature is wrong"):
                await handle.result(patience_s(5))
    assert UNPICKLED == []


async def test_a_worker_without_the_key_leaves_what_can_be_retried(redis: Redis, redis_url: str) -> None:
    async with Producer(redis_url, signing_key=KEY, queue=current_name()) as producer:
        handle = await producer.enqueue("plus", 1, 2)
        await run_burst(redis_url, jobs.ALL)
        raw_id = handle.job_id.encode()
        [letter] = await read_dead_letters(redis, arq_queue(QUEUE.queue), [raw_id])
        assert "it is signed, but there is no signing key here: set MONARQ_SIGNING_KEY" in letter.error
        assert await revive(redis, QUEUE, [raw_id]) == [Revived.BACK]
        await run_burst(redis_url, jobs.ALL, codecs=codecs())
        assert await handle.result(patience_s(5)) == 3


async def test_keys_are_rotated_while_jobs_wait(redis: Redis, redis_url: str) -> None:
    async with (
        Producer(redis_url, signing_key=KEY, queue=current_name()) as old,
        Producer(redis_url, signing_key=f"{NEXT_KEY},{KEY}", queue=current_name()) as new,
    ):
        by_old, by_new = await old.enqueue("plus", 1, 2), await new.enqueue("plus", 3, 4)
        # The workers have learnt the new key, and sign by the old one until everybody has.
        await run_burst(redis_url, jobs.ALL, codecs=codecs(f"{KEY},{NEXT_KEY}"))
        assert (await by_old.result(patience_s(5)), await by_new.result(patience_s(5))) == (3, 7)


async def test_cron_ticks_are_signed(redis: Redis, redis_url: str) -> None:
    entry = CronEntry("plus", "sum", crontab("0 0 1 1 *"), args=(1, 2), job_id="tick", run_at_startup=True)
    scheduler = CronScheduler([entry], queue=QUEUE.ref, codecs=codecs(), events=Dispatcher())
    await scheduler.run_once(redis)
    assert (await redis.get(names.job("tick"))).startswith(MAGIC)
    worker = await run_burst(redis_url, jobs.ALL, codecs=codecs())
    assert worker.counters.succeeded == 1


async def add(ctx: dict[Any, Any], a: int, b: int) -> int:
    return a + b


async def enqueue_one_more(ctx: dict[Any, Any]) -> str:
    job = await ctx["redis"].enqueue_job("add", 3, 4)
    assert job is not None
    return str(job.job_id)


@asynccontextmanager
async def client_of(address: RedisSettings) -> AsyncIterator[ArqRedis]:
    pool = await create_pool(address)
    try:
        yield pool
    finally:
        await pool.aclose(close_connection_pool=True)


@pytest.mark.parametrize("where", ["environment", "settings"])
async def test_arq_s_names(redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    address = RedisSettings(unix_socket_path=redis_url.removeprefix("unix://"))
    async with client_of(address) as unsigned:
        await unsigned.enqueue_job("add", 1, 1, _job_id="unsigned")
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    async with client_of(address) as pool:
        given: dict[str, Any] = {}
        if where == "settings":
            monkeypatch.delenv(KEY_VARIABLE)
            given = {"signing_key": KEY}
        job, nested = await pool.enqueue_job("add", 1, 2), await pool.enqueue_job("enqueue_one_more")
        assert job is not None
        assert nested is not None
        worker = Worker([add, enqueue_one_more], redis_settings=address, burst=True, handle_signals=False, **given)
        try:
            await worker.async_run()
        finally:
            await worker.close()
        assert await job.result(timeout=patience_s(5), poll_delay=0.01) == 3
        third = await nested.result(timeout=patience_s(5), poll_delay=0.01)
        assert "it is not signed" in (await dead_letter_of(redis, "unsigned"))["traceback"]
        assert {result.job_id: result.result for result in await pool.all_job_results()}[third] == 7
        later = await pool.enqueue_job("add", 5, 6)
        assert later is not None
        assert [queued.args for queued in await pool.queued_jobs()] == [(5, 6)]
