"""browse.lua and browse_running.lua: pages of jobs, whole and in order whatever comes and goes between them."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.native.queues.browse import browse
from monarq.shared.lane import Lane
from monarq.shared.protocol.pages import (
    BATCH,
    HEAD_BYTES,
    TAIL_BYTES,
    BrowsedJob,
    Holder,
    LiveState,
    PagePosition,
    PositionError,
)
from tests.shared.formats.native.pieces import KEYS, hset, now_ms
from tests.shared.formats.native.state import INCARNATION, WORKER, note, put, take


async def walk(redis: Redis, state: LiveState, limit: int = BATCH) -> list[list[str]]:
    """The ids of all pages."""
    pages, place = list[list[str]](), None
    while True:
        page = await browse(redis, KEYS, state, place, limit)
        pages.append([job.raw_id.decode() for job in page.jobs])
        if page.next is None:
            return pages
        place = page.next


async def only(redis: Redis, state: LiveState) -> BrowsedJob:
    """The one job of a state."""
    [job] = (await browse(redis, KEYS, state)).jobs
    return job


@pytest.mark.parametrize("state", ["queued", "deferred", "running"])
async def test_an_empty_queue(redis: Redis, state: LiveState) -> None:
    page = await browse(redis, KEYS, state)
    assert (page.jobs, page.next) == ((), None)
    assert 0 <= await now_ms(redis) - page.now_ms < 60_000


async def test_queued_jobs_of_both_lanes_stand_by_the_time_since_which_they_wait(redis: Redis) -> None:
    await put(redis, "later", delay_ms=60_000)
    await put(redis, "a")
    await put(redis, "b", lane=Lane.CPU)
    await put(redis, "c")
    await put(redis, "due", "due too", delay_ms=60_000, lane=Lane.CPU)
    await redis.zadd(KEYS.key("deferred_cpu"), {"due": 5, "due too": 6})
    everything = ["due", "due too", "a", "b", "c"]
    assert await walk(redis, "queued") == [everything]
    for limit in (1, 2, 3, 4):
        pages = await walk(redis, "queued", limit)
        assert [job_id for page in pages for job_id in page] == everything
        assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)


async def test_deferred_jobs_stand_by_their_time(redis: Redis) -> None:
    await put(redis, "c", delay_ms=90_000)
    await put(redis, "a", delay_ms=60_000)
    await put(redis, "b", delay_ms=70_000, lane=Lane.CPU)
    await put(redis, "waits", "due")
    await redis.zrem(KEYS.key("queued"), "due")
    await redis.zadd(KEYS.key("deferred"), {"due": 5})
    assert await walk(redis, "deferred", 2) == [["a", "b"], ["c"]]


async def test_what_is_known_of_a_waiting_job(redis: Redis) -> None:
    before = await now_ms(redis)
    payload = bytes(range(256)) * 3
    await put(redis, "a", payload=payload, lane=Lane.CPU)
    await note(redis, "a", "2 1 0 0 -|killed by\nsignal 9")
    await redis.zadd(KEYS.key("cancels"), {"a": 1234})
    job = await only(redis, "queued")
    assert job.due_ms is not None
    assert before <= job.due_ms <= await now_ms(redis)
    assert (job.raw_id, job.lane_queue, job.holder) == (b"a", "cpu", None)
    assert (job.tries, job.crashes, job.crash_note, job.cancel_asked_ms) == (2, 1, "killed by\nsignal 9", 1234)
    assert (job.payload_bytes, job.head, job.tail) == (len(payload), payload[:HEAD_BYTES], payload[-TAIL_BYTES:])


async def test_a_short_an_empty_and_a_missing_payload(redis: Redis) -> None:
    await put(redis, "a", "b", "c", payload=b"short")
    await hset(redis, KEYS.key("payloads"), {"b": ""})
    await redis.hdel(KEYS.key("payloads"), "c")  # type: ignore[misc]
    jobs = (await browse(redis, KEYS, "queued")).jobs
    assert [(job.payload_bytes, job.head, job.tail) for job in jobs] == [
        (5, b"short", b""),
        (0, b"", b""),
        (None, b"", b""),
    ]


async def test_large_payloads_are_read_up_to_a_bound_and_their_size_is_known(redis: Redis) -> None:
    await put(redis, "a", "b", "c", payload=b"x" * 3_000_000)
    await put(redis, "d", payload=b"small")
    jobs = (await browse(redis, KEYS, "queued")).jobs
    assert [len(job.head) for job in jobs] == [HEAD_BYTES, 0, 0, 5]
    assert [job.payload_bytes for job in jobs] == [3_000_000] * 3 + [5]


@pytest.mark.parametrize("is_gone", [True, False])
async def test_a_page_begins_behind_the_last_job_whether_or_not_that_is_there(redis: Redis, *, is_gone: bool) -> None:
    score = 500 * 2**44 + 7
    await put(redis, *"abcdefg")
    await redis.zadd(KEYS.key("queued"), dict.fromkeys("abcdefg", score))
    page = await browse(redis, KEYS, "queued", None, 3)
    assert page.next is not None
    if is_gone:
        await redis.zrem(KEYS.key("queued"), "a", "c")
    await redis.zadd(KEYS.key("queued"), {"0": score, "cc": score, "\xff": score})
    await redis.zadd(KEYS.key("queued"), {"head": score - 1})
    following = await browse(redis, KEYS, "queued", page.next, 10)
    assert [job.raw_id for job in following.jobs] == [b"cc", b"d", b"e", b"f", b"g", "\xff".encode()]


async def test_running_jobs_come_incarnation_by_incarnation(redis: Redis) -> None:
    other = "host:2:cd.beef"
    await put(redis, *"abcde")
    await put(redis, "f", lane=Lane.CPU)
    await note(redis, "a", "1 1 0 0 -|killed")
    await take(redis, 2)
    await take(redis, 3, incarnation=other)
    await take(redis, number=2, lane_queue="cpu")
    jobs = (await browse(redis, KEYS, "running")).jobs
    by_id = {job.raw_id.decode(): job for job in jobs}
    assert [job.holder for job in jobs] == [Holder(WORKER)] * 3 + [Holder("host:2:cd")] * 3
    assert {each: by_id[each].holder for each in "abf"} == dict.fromkeys("abf", Holder(WORKER))
    assert (by_id["f"].lane_queue, by_id["f"].due_ms, by_id["a"].lane_queue) == ("cpu", None, "io")
    assert (by_id["a"].tries, by_id["a"].crashes, by_id["a"].head) == (1, 1, b"payload")
    for limit in (1, 2, 4, 5):
        pages = await walk(redis, "running", limit)
        assert [each for page in pages for each in page] == [job.raw_id.decode() for job in jobs]


async def test_many_running_jobs_are_on_one_page_each(redis: Redis) -> None:
    ids = {f"{number:04}" for number in range(700)}
    await put(redis, *sorted(ids))
    await take(redis, 700)
    pages = await walk(redis, "running", 150)
    assert [len(page) for page in pages[:4]] == [150] * 4
    assert sorted(each for page in pages for each in page) == sorted(ids)


async def test_the_first_rows_of_a_page_are_a_shorter_page(redis: Redis) -> None:
    await put(redis, *(f"{number:03}" for number in range(250)))
    await take(redis, 250)
    long = await browse(redis, KEYS, "running", None, 200)
    short = await browse(redis, KEYS, "running", None, 130)
    assert short.jobs == long.jobs[:130]
    assert short.next is not None
    rest = await browse(redis, KEYS, "running", short.next, 70)
    assert rest.jobs == long.jobs[130:]


async def test_who_holds_it_may_have_ended_between_two_pages(redis: Redis) -> None:
    await put(redis, *"abc")
    await take(redis, 2)
    await take(redis, 1, incarnation="zz:1:1.1")
    page = await browse(redis, KEYS, "running", None, 1)
    assert page.next is not None
    await redis.delete(KEYS.held(INCARNATION))
    await redis.zrem(KEYS.key("leases"), INCARNATION)
    assert [job.raw_id for job in (await browse(redis, KEYS, "running", page.next)).jobs] == [b"c"]


@pytest.mark.parametrize("state", ["queued", "deferred", "running"])
@pytest.mark.parametrize(
    "position",
    [
        (b"1",),
        (b"x", b"", b"", b""),
        (b"(1", b"", b"", b"", b"", b"", b"", b""),
        (b"", 0, b"", 0),
        (b"a", b"-1", 0),
        (b"a", b"0", -1),
        (b"a", 0, 0),
    ],
)
async def test_a_position_of_another_list_is_refused(redis: Redis, state: LiveState, position: PagePosition) -> None:
    with pytest.raises(PositionError):
        await browse(redis, KEYS, state, position)
