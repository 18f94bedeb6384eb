"""progress.lua, state -> call -> state, and what it tells on its channel."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq.jobs.progress import BATCH, read_progress, report_progress, split_reports
from monarq.shared.payloads.progress import ProgressReport
from monarq.shared.payloads.progress_codec import decode_progress, encode_report
from tests.shared.formats.arq.calls import call_progress, lease_of
from tests.shared.formats.arq.rows import Row, Scene, check, wrong
from tests.support.queue_state import KEYS, QueueState, leased, read_ttls, seed
from tests.support.slowness import in_time, patience_s

HALF: Final = '{"done":1,"total":2,"message":""}'
WHOLE: Final = '{"done":2,"total":2,"message":""}'
RUNNING: Final = QueueState(
    queue=dict.fromkeys("ab", leased(10)),
    payloads=dict.fromkeys("ab", "payload"),
    tokens={"a": "t1", "b": "t2"},
    leases={"w1": {"a": "t1"}, "w2": {"b": "t2"}},
)
TOLD: Final = replace(RUNNING, progress={"a": f"0 {HALF}"})

REPORTS = [
    Row("nothing is told", RUNNING, call_progress(), [], RUNNING),
    Row("a first report", RUNNING, call_progress(("a", "t1", HALF)), [], TOLD),
    Row(
        "a newer report",
        replace(RUNNING, progress={"a": f"-9 {HALF}"}),
        call_progress(("a", "t1", WHOLE)),
        [],
        replace(RUNNING, progress={"a": f"0 {WHOLE}"}),
    ),
    Row(
        "an old one is kept",
        replace(RUNNING, progress={"a": f"-9 {HALF}"}),
        call_progress(("a", "t1", "")),
        [],
        replace(RUNNING, progress={"a": f"-9 {HALF}"}),
    ),
    Row("none is there to be kept", RUNNING, call_progress(("a", "t1", "")), [], RUNNING),
    Row("of another's job nothing is told", RUNNING, call_progress(("b", "t1", HALF)), ["b"], RUNNING),
    Row("of jobs of both", RUNNING, call_progress(("b", "t1", HALF), ("a", "t1", HALF)), ["b"], TOLD),
    Row(
        "of a lease that is over, the claim of which is known",
        replace(RUNNING, queue={"a": leased(-1), "b": leased(10)}, tokens={"b": "t2"}),
        call_progress(("a", "t1", HALF)),
        ["a"],
        replace(RUNNING, queue={"a": leased(-1), "b": leased(10)}, tokens={"b": "t2"}, leases={"w2": {"b": "t2"}}),
    ),
    Row(
        "of a lease that lasts, whose token somebody has deleted",
        replace(RUNNING, tokens={"b": "t2"}),
        call_progress(("a", "t1", HALF)),
        [],
        TOLD,
    ),
    Row("of a job that is gone", QueueState(), call_progress(("a", "t1", HALF)), ["a"], QueueState()),
    Row(
        "another type in its place",
        wrong(KEYS.progress("a"), "list", RUNNING),
        call_progress(("a", "t1", HALF)),
        [],
        TOLD,
    ),
]


@pytest.mark.parametrize("row", REPORTS, ids=str)
async def test_rows(row: Row, redis: Redis) -> None:
    await check(row, redis)


async def test_a_report_is_kept_for_as_long_as_the_call_says(redis: Redis) -> None:
    now_ms = await seed(redis, TOLD)
    for report in (HALF, ""):
        await call_progress(("a", "t1", report), keep_s=60)(Scene(redis, now_ms))
        assert (await read_ttls(redis))[KEYS.progress("a")] == 60
        await redis.persist(KEYS.progress("a"))
    await redis.expire(KEYS.progress("a"), 60)


async def test_reports_are_published_in_one_message(redis: Redis) -> None:
    state = replace(RUNNING, tokens=dict.fromkeys("ab", "t1"))
    now_ms = await seed(redis, state)
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe(KEYS.reports)
        await call_progress(("a", "t1", ""), ("b", "t9", HALF))(Scene(redis, now_ms))
        await call_progress(("a", "t1", HALF), ("b", "t1", WHOLE), ("c", "t1", HALF))(Scene(redis, now_ms))
        async with in_time(5):
            while (message := await pubsub.get_message(timeout=patience_s(5)))["type"] != "message":
                continue
    told = message["data"]
    assert [(raw_id, value.split(b" ", 1)[1]) for raw_id, value in split_reports(told)] == [
        (b"a", HALF.encode()),
        (b"b", WHOLE.encode()),
    ]


@pytest.mark.parametrize(
    ("report", "done", "total", "message"),
    [
        ((1, 2, "half"), 1, 2, "half"),
        ((0.25, None, ""), 0.25, None, ""),
        ((float("nan"), float("inf"), "?"), 0, None, "?"),
        ((10**400, -(10**400), ""), 0, None, ""),
        ((2**62, 2**63, ""), 2**62, None, ""),
        ((1, 2, "x" * 1000), 1, 2, "x" * 500),
        ((1, 2, "a\0b\ud800\U0001f600"), 1, 2, "a\0b?\U0001f600"),
    ],
)
async def test_what_is_reported_is_what_is_read(
    redis: Redis, report: ProgressReport, done: float, total: float | None, message: str
) -> None:
    await seed(redis, RUNNING)
    assert await report_progress(redis, KEYS, "w1", [(lease_of("a"), encode_report(report))], 60_000) == []
    [progress, nothing] = await read_progress(redis, KEYS, ["a", "b"])
    assert nothing is None
    assert progress is not None
    assert (progress.done, progress.total, progress.message) == (done, total, message)
    seconds, _ = await redis.time()
    assert abs(progress.at.timestamp() - int(seconds)) < 5


@pytest.mark.parametrize(
    "value",
    [b"", b"x {}", b"1", b"1 {}", b"1 []", b'1 {"done":"a","total":1,"message":""}', b"9" * 30 + b" " + HALF.encode()],
)
def test_what_cannot_be_read_is_no_progress(value: bytes) -> None:
    assert decode_progress(value) is None


async def test_nothing_is_asked_for_no_job(redis: Redis) -> None:
    assert await read_progress(redis, KEYS, []) == []


async def test_a_full_batch(redis: Redis) -> None:
    ids = [f"{number:04}" for number in range(BATCH)]
    state = QueueState(tokens=dict.fromkeys(ids, "t1"))
    await seed(redis, state)
    told = [(lease_of(job_id), b'{"done":1,"total":2,"message":"' + b"x" * 500 + b'"}') for job_id in ids]
    assert await report_progress(redis, KEYS, "w1", told, 60_000) == []
    assert all(await read_progress(redis, KEYS, ids))
    with pytest.raises(ValueError, match="give at most 1000"):
        await report_progress(redis, KEYS, "w1", [*told, told[0]], 60_000)
