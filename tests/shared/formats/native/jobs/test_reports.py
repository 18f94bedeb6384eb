"""reports.lua: the last report of a job is known while it runs, and for a while after its end."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.native.dead.revive import revive
from monarq.shared.formats.native.jobs.cancel import cancel
from monarq.shared.formats.native.jobs.find import find_results
from monarq.shared.formats.native.jobs.finish import KEPT_MS
from monarq.shared.formats.native.jobs.progress import BATCH, read_progress, report_progress
from monarq.shared.formats.native.jobs.requeue import requeue
from monarq.shared.formats.native.queues.purge import purge
from monarq.shared.payloads.progress_codec import encode_report
from monarq.shared.payloads.result import CancelledResult
from monarq.shared.protocol.acks import Requeue
from monarq.shared.protocol.answers import CancelAnswer, Revived
from monarq.shared.protocol.enqueue import EnqueueMode
from monarq.shared.protocol.producer_queue import Unfinished
from tests.shared.formats.native.calls import claim_jobs, ending, enqueue_jobs, finish_jobs, lease_of
from tests.shared.formats.native.pieces import KEYS, hash_of
from tests.shared.formats.native.state import INCARNATION, put, take

HALF = encode_report((1, 2, "half"))
HOW_KEPT = pytest.mark.parametrize("keep_ms", [KEPT_MS, KEPT_MS + 1, 1000, 0, -1])


async def report(redis: Redis, *ids: str) -> list[bytes | None]:
    """Reports of jobs that run, as they are read."""
    assert await report_progress(redis, KEYS, INCARNATION, [(each.encode(), b"i1", HALF) for each in ids]) == []
    return await read_progress(redis, KEYS, ids)


@HOW_KEPT
@pytest.mark.parametrize("others_ms", [KEPT_MS, 1000, -1])
async def test_the_last_report_is_known_when_its_job_has_ended(redis: Redis, keep_ms: int, others_ms: int) -> None:
    await put(redis, "a", "b", "c", "d")
    await take(redis)
    [first, second] = await report(redis, "b", "d")
    ends = [ending(each, keep_ms=keep_ms if each == "b" else others_ms) for each in "abc"]
    assert (await finish_jobs(redis, *ends)).lost == []
    assert await read_progress(redis, KEYS, ["a", "b", "c", "d", "x"]) == [None, first, None, second, None]
    assert set(await hash_of(redis, "progress")) == {b"d"}
    found = await find_results(redis, KEYS, ["b"])
    assert found[0] == (Unfinished.GONE if keep_ms < 0 else b"result of b")


@pytest.mark.parametrize("keep_ms", [KEPT_MS, 1000, 0, -1])
async def test_that_of_a_job_that_is_cancelled_while_it_waits_again_is_known_too(redis: Redis, keep_ms: int) -> None:
    await put(redis, "a", "b")
    await take(redis)
    reported = await report(redis, "a")
    await requeue(redis, KEYS, INCARNATION, [Requeue(lease_of(each), "io") for each in "ab"])
    for each in "ab":
        assert await cancel(redis, KEYS, each, keep_ms=keep_ms, known=CancelledResult("f")) is CancelAnswer.ENDED
    assert await read_progress(redis, KEYS, ["a", "b"]) == [*reported, None]


async def test_that_of_a_job_that_is_thrown_away_as_well(redis: Redis) -> None:
    await put(redis, "a", "b")
    await take(redis)
    reported = await report(redis, "a")
    await requeue(redis, KEYS, INCARNATION, [Requeue(lease_of(each), "io") for each in "ab"])
    assert (await purge(redis, KEYS, "io", "queued"))[0] == 2
    assert await read_progress(redis, KEYS, ["a", "b"]) == [*reported, None]


@pytest.mark.parametrize("keep_ms", [-1, KEPT_MS])
async def test_a_later_job_of_the_id_has_reported_nothing(redis: Redis, keep_ms: int) -> None:
    await put(redis, "a")
    await take(redis)
    await report(redis, "a")
    await finish_jobs(redis, ending("a", keep_ms=-1))
    await enqueue_jobs(redis, "a", mode=EnqueueMode.NAMED, call="later")
    assert await read_progress(redis, KEYS, ["a"]) == [None]
    await claim_jobs(redis, number=2)
    assert await read_progress(redis, KEYS, ["a"]) == [None]
    await finish_jobs(redis, ending("a", "i2", keep_ms=keep_ms))
    assert await read_progress(redis, KEYS, ["a"]) == [None]


async def test_a_revived_job_has_reported_nothing(redis: Redis) -> None:
    await put(redis, "a")
    await take(redis)
    await report(redis, "a")
    await finish_jobs(redis, ending("a", letter=b"{}"))
    assert await revive(redis, KEYS, [b"a"]) == [Revived.BACK]
    for key in KEYS.ring("results"):
        assert b"\0a" not in await redis.hgetall(key)  # type: ignore[misc]


async def test_the_end_of_a_job_costs_no_command_more_where_nobody_reports(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(KEYS), "take_flush", lambda _: False)
    await put(redis, "a")
    await take(redis)
    await redis.config_resetstat()
    await finish_jobs(redis, ending("a"))
    stats = await redis.info("commandstats")
    calls = {name: stats[f"cmdstat_{name}"]["calls"] for name in ("exists", "hmget", "hdel")}
    assert calls == {"exists": 1, "hmget": 1, "hdel": 2}, "what is held, anything rare, two removals"


async def test_reports_of_a_full_batch_are_kept(redis: Redis) -> None:
    ids = [f"{number:04}" for number in range(BATCH)]
    await put(redis, *ids)
    await take(redis, BATCH)
    reported = await report(redis, *ids)
    await finish_jobs(redis, *(ending(each, keep_ms=-1 if each > "0499" else KEPT_MS) for each in ids))
    assert await read_progress(redis, KEYS, ids) == reported
