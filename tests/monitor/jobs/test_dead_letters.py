"""Dead letters, page by page, by filter, and whoever wrote them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest
from redis.asyncio import Redis

from monarq.monitor.jobs import dead_letters as reading
from monarq.monitor.jobs.dead_letters import (
    DeadLetter,
    DeadLetterFilter,
    count_dead_letters,
    find_dead_letters,
    read_dead_letter_page,
    read_dead_letters,
    read_payload,
)
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.protocol.queue_ref import QueueRef
from tests.cli.dead.letters import PAYLOAD, bury, letter
from tests.support.queue_state import KEYS, server_ms
from tests.support.queues import ARQ_QUEUE, arq_queue
from tests.support.workers import QUEUE

LETTER: Final = DeadLetter(
    raw_id=b"a",
    queue=QUEUE.queue,
    format="arq",
    job_id="a",
    name="send",
    error="ValueError: no",
    error_type="ValueError",
    traceback="Traceback (most recent call last):\n  here",
    tries=5,
    crashes=1,
    crash_note="killed",
    worker="host:1:aa",
    lane="io",
    enqueued_ms=1_000,
    started_ms=2_000,
    ended_ms=3_000,
    died_ms=0,
    payload_bytes=len(PAYLOAD),
)


def dead_key(queue: QueueRef) -> str:
    return KEYS.dead if queue.format == "arq" else NativeKeys.of(queue.name).key("dead")


async def drop_letter(redis: Redis, queue: QueueRef, job_id: str) -> None:
    """The letter goes, and stays on the list."""
    if queue.format == "arq":
        await redis.delete(QUEUE.dead_letter(job_id))
    else:
        for name in ("letters", "dead_payloads"):
            await redis.hdel(NativeKeys.of(queue.name).key(name), job_id)  # type: ignore[misc]


async def found(redis: Redis, queue: QueueRef, **chosen: Any) -> list[str]:
    """The ids that a filter finds, in order."""
    return [one.job_id async for one in find_dead_letters(redis, queue, DeadLetterFilter(**chosen))]


async def read_one(redis: Redis, queue: QueueRef = ARQ_QUEUE, raw_id: bytes = b"a") -> DeadLetter:
    [one] = await read_dead_letters(redis, queue, [raw_id])
    return one


async def test_a_letter_as_a_worker_leaves_it(redis: Redis, queue: QueueRef) -> None:
    await bury(redis, queue, a=letter(dead_s=60))
    one = await read_one(redis, queue)
    assert abs(await server_ms(redis) - 60_000 - one.died_ms) < 5000
    assert replace(one, died_ms=0) == replace(LETTER, queue=queue.name, format=queue.format)
    assert await read_payload(redis, one) == PAYLOAD


async def test_a_letter_whose_payload_was_gone(redis: Redis, queue: QueueRef) -> None:
    await bury(redis, queue, gone=letter(payload=None), empty=letter(payload=b""))
    gone, empty = await read_dead_letters(redis, queue, [b"gone", b"empty"])
    assert (gone.payload_bytes, await read_payload(redis, gone)) == (None, None)
    assert (empty.payload_bytes, await read_payload(redis, empty)) == (0, b"")
    await drop_letter(redis, queue, "empty")
    assert await read_payload(redis, empty) is None


UNREADABLE: Final = replace(
    LETTER,
    error="",
    error_type="",
    traceback="",
    tries=0,
    crashes=0,
    crash_note="",
    worker="",
    enqueued_ms=0,
    started_ms=0,
    ended_ms=0,
)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (b"", UNREADABLE),
        (b"no JSON", UNREADABLE),
        (b"[1]", UNREADABLE),
        (b'{"error": "\xff"}', UNREADABLE),
        (b'{"tries": "many"}', UNREADABLE),
        (b'{"error": "E: x", "tries": "3", "colour": {"of": "the sky"}}', replace(UNREADABLE, error="E: x", tries=3)),
        (b'{"home": "cpu"}', replace(UNREADABLE, lane="cpu")),
        (b'{"home": "cpu", "lane": "io"}', replace(UNREADABLE, lane="io")),
        (b'{"home": "io", "lane": "thread"}', replace(UNREADABLE, lane="thread")),
        (b'{"home": "moon", "lane": "moon"}', UNREADABLE),
    ],
)
async def test_letters_of_other_versions_and_programs(
    redis: Redis, queue: QueueRef, record: bytes, expected: DeadLetter
) -> None:
    await bury(redis, queue, a=letter())
    if queue.format == "arq":
        await redis.hset(QUEUE.dead_letter("a"), "letter", record)  # type: ignore[misc]
    else:
        await redis.hset(NativeKeys.of(queue.name).key("letters"), "a", b"send\0" + record)  # type: ignore[misc]
    expected = replace(expected, queue=queue.name, format=queue.format)
    assert replace(await read_one(redis, queue), died_ms=0) == expected


async def test_fields_that_are_missing_or_no_numbers(redis: Redis) -> None:
    await redis.hset(QUEUE.dead_letter("a"), mapping={"died_ms": "soon"})  # type: ignore[misc]
    await redis.expire(QUEUE.dead_letter("a"), 60)
    assert await read_one(redis) == replace(UNREADABLE, name="", died_ms=0, payload_bytes=None)


async def test_what_is_no_letter_is_left_out(redis: Redis) -> None:
    await bury(redis, a=letter(), expired=letter(), wrong=letter())
    await redis.delete(QUEUE.dead_letter("expired"), QUEUE.dead_letter("wrong"))
    await redis.set(QUEUE.dead_letter("wrong"), "a text", ex=60)
    read = await read_dead_letters(redis, arq_queue(QUEUE.queue), [b"wrong", b"a", b"expired", b"never"])
    assert [one.job_id for one in read] == ["a"]
    assert await read_dead_letters(redis, arq_queue(QUEUE.queue), []) == []
    assert await count_dead_letters(redis, arq_queue(QUEUE.queue)) == 3, "those that have expired are listed yet"
    assert await count_dead_letters(redis, arq_queue("other")) == 0


@pytest.mark.parametrize("raw_id", [b"\xff\x00", "zwölf".encode(), b"{a}:b"])
async def test_an_id_of_any_bytes(redis: Redis, queue: QueueRef, raw_id: bytes) -> None:
    await bury(redis, queue, **{raw_id.decode("utf-8", "surrogateescape"): letter()})
    [one] = [one async for one in find_dead_letters(redis, queue, DeadLetterFilter())]
    assert one.raw_id == raw_id
    assert await read_payload(redis, one) == PAYLOAD


@pytest.mark.parametrize(
    ("chosen", "matches"),
    [
        ({}, True),
        ({"name": "send"}, True),
        ({"name": "s*"}, True),
        ({"name": "s?nd"}, True),
        ({"name": "Send"}, False),
        ({"name": "sen"}, False),
        ({"error": "valueERROR"}, True),
        ({"error": ": no"}, True),
        ({"error": "KeyError"}, False),
        ({"name": "send", "error": "KeyError"}, False),
    ],
    ids=str,
)
def test_letters_that_a_filter_matches(chosen: dict[str, str], matches: bool) -> None:
    assert DeadLetterFilter(**chosen).matches(LETTER) is matches


@pytest.mark.parametrize("chosen", [{"name": "*"}, {"error": ""}, {"older_s": 0}, {"newer_s": 5}], ids=str)
def test_a_filter_that_names_something_does_not_stand_for_all(chosen: dict[str, Any]) -> None:
    assert DeadLetterFilter().is_all
    assert not DeadLetterFilter(**chosen).is_all


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        ({}, ["new", "middle", "old"]),
        ({"older_s": 100}, ["middle", "old"]),
        ({"newer_s": 300}, ["new", "middle"]),
        ({"older_s": 100, "newer_s": 300}, ["middle"]),
        ({"older_s": 300, "newer_s": 100}, []),
        ({"name": "sweep"}, ["middle"]),
        ({"name": "sweep", "older_s": 300}, []),
    ],
    ids=str,
)
async def test_the_newest_come_first_and_their_age_may_be_chosen(
    redis: Redis, queue: QueueRef, chosen: dict[str, Any], ids: list[str]
) -> None:
    await bury(redis, queue, old=letter(dead_s=400), new=letter(dead_s=10), middle=letter("sweep", dead_s=200))
    assert await found(redis, queue, **chosen) == ids


async def test_pages_follow_each_other_though_their_last_letter_is_gone(redis: Redis, queue: QueueRef) -> None:
    await bury(redis, queue, **{name: letter(dead_s=60 + at) for at, name in enumerate("abcde")})
    pages, after = [], None
    for _ in range(4):
        page = await read_dead_letter_page(redis, queue, after, 2)
        pages.append([one.job_id for one in page.letters])
        if (after := page.last) is None:
            break
        await redis.zrem(dead_key(queue), after[0])
    assert pages == [["a", "b"], ["c", "d"], ["e"]]
    assert abs(page.now_ms - await server_ms(redis)) < 5000


async def test_a_page_whose_letters_have_expired_leads_to_the_next(redis: Redis, queue: QueueRef) -> None:
    await bury(redis, queue, a=letter(dead_s=1), b=letter(dead_s=2))
    await drop_letter(redis, queue, "a")
    page = await read_dead_letter_page(redis, queue, None, 1)
    assert page.letters == ()
    assert page.last is not None
    following = await read_dead_letter_page(redis, queue, page.last, 1)
    assert ([one.job_id for one in following.letters], following.last) == (["b"], None)


async def test_a_long_list_is_read_page_by_page_while_letters_come_and_go(
    redis: Redis, queue: QueueRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE", 7)
    names = [f"{number:03}" for number in range(60)]
    # Three each died in the same millisecond.
    await bury(redis, queue, **{name: letter(dead_s=10 + at // 3) for at, name in enumerate(names)})
    found: list[DeadLetter] = []
    async for one in find_dead_letters(redis, queue, DeadLetterFilter()):
        found.append(one)
        if len(found) % 10 == 7:  # the last of a page goes, and a new one comes in front
            await redis.zrem(dead_key(queue), one.raw_id)
            await redis.zadd(dead_key(queue), {f"new{len(found)}": await server_ms(redis) + 1000})
    assert sorted(letter.job_id for letter in found) == names
    assert [one.died_ms for one in found] == sorted((one.died_ms for one in found), reverse=True)
