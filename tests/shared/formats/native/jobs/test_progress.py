"""progress.lua: who runs a job reports on it, and nobody else."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.claim import IncarnationGoneError
from monarq.shared.formats.native.jobs.progress import BATCH, KEEP, read_progress, report_progress, split_reports
from monarq.shared.payloads.progress_codec import decode_progress, encode_report
from tests.shared.formats.native.hearing import heard
from tests.shared.formats.native.pieces import KEYS, hash_of
from tests.shared.formats.native.state import INCARNATION, put, take

HALF = encode_report((1, 2, "half"))


async def test_reports_are_kept_and_published(redis: Redis) -> None:
    await put(redis, "a", "b", "c")
    await take(redis)
    async with heard(redis, KEYS.reports) as following:
        reports = [(b"a", b"i1", HALF), (b"b", b"i1", HALF), (b"c", b"i1", KEEP)]
        assert await report_progress(redis, KEYS, INCARNATION, reports) == []
        _, message = await following()
    kept = await read_progress(redis, KEYS, ["a", "b", "c"])
    assert dict(split_reports(message)) == {b"a": kept[0], b"b": kept[1]}
    assert kept[2] is None
    assert kept[0] is not None
    progress = decode_progress(kept[0])
    assert progress is not None
    assert (progress.done, progress.total, progress.message) == (1, 2, "half")


async def test_a_later_report_is_the_newer_and_an_empty_one_leaves_it(redis: Redis) -> None:
    await put(redis, "a")
    await take(redis)
    await report_progress(redis, KEYS, INCARNATION, [(b"a", b"i1", HALF)])
    [first] = await read_progress(redis, KEYS, ["a"])
    await report_progress(redis, KEYS, INCARNATION, [(b"a", b"i1", KEEP)])
    assert await read_progress(redis, KEYS, ["a"]) == [first]
    await report_progress(redis, KEYS, INCARNATION, [(b"a", b"i1", HALF)])
    [second] = await read_progress(redis, KEYS, ["a"])
    assert first is not None
    assert second is not None
    assert int(first.split()[0]) < int(second.split()[0])


async def test_what_is_held_under_another_token_is_not_changed(redis: Redis) -> None:
    await put(redis, "a", "b")
    await take(redis)
    reports = [(b"a", b"i2", HALF), (b"x", b"i1", HALF), (b"b", b"i1", HALF)]
    assert await report_progress(redis, KEYS, INCARNATION, reports) == [b"a", b"x"]
    assert set(await hash_of(redis, "progress")) == {b"b"}


async def test_an_incarnation_that_may_never_act_again_is_told(redis: Redis) -> None:
    with pytest.raises(IncarnationGoneError):
        await report_progress(redis, KEYS, INCARNATION, [(b"a", b"i1", HALF)])
    assert await hash_of(redis, "progress") == {}


async def test_a_full_batch(redis: Redis) -> None:
    ids = [f"{number:04}" for number in range(BATCH)]
    await put(redis, *ids)
    await take(redis, BATCH)
    reports = [(each.encode(), b"i1", HALF) for each in ids]
    assert await report_progress(redis, KEYS, INCARNATION, reports) == []
    assert len(await hash_of(redis, "progress")) == BATCH
    with pytest.raises(ValueError, match="at most 1000"):
        await report_progress(redis, KEYS, INCARNATION, [*reports, reports[0]])


async def test_nothing_is_read_of_no_jobs(redis: Redis) -> None:
    assert await read_progress(redis, KEYS, []) == []
