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
from tests.cli.dead.letters import PAYLOAD, bury, letter
from tests.support.queue_state import KEYS, server_ms
from tests.support.queues import arq_queue
from tests.support.workers import QUEUE

LETTER: Final = DeadLetter(
    raw_id=b"a",
    queue=QUEUE.queue,
    format="arq",
    id="a",
    name="send",
    error="ValueError: no",
    error_type="ValueError",
    traceback="Traceback (most recent call last):\n  here",
    tries=5,
    crashes=1,
    crash_note="killed",
    worker="host:1:aa",
    lane="io",
    enqueue_ms=1_000,
    start_ms=2_000,
    finish_ms=3_000,
    died_ms=0,
    payload_bytes=len(PAYLOAD),
)


async def found(redis: Redis, **chosen: Any) -> list[str]:
    """The ids that a filter finds, in order."""
    return [one.id async for one in find_dead_letters(redis, arq_queue(QUEUE.queue), DeadLetterFilter(**chosen))]


async def read_one(redis: Redis, raw_id: bytes = b"a") -> DeadLetter:
    [one] = await read_dead_letters(redis, arq_queue(QUEUE.queue), [raw_id])
    return one


async def test_a_letter_as_a_worker_leaves_it(redis: Redis) -> None:
    await bury(redis, a=letter(dead_s=60))
    one = await read_one(redis)
    assert abs(await server_ms(redis) - 60_000 - one.died_ms) < 5000
    assert replace(one, died_ms=0) == LETTER
    assert await read_payload(redis, one) == PAYLOAD


async def test_a_letter_whose_payload_was_gone(redis: Redis) -> None:
    await bury(redis, gone=letter(payload=None), empty=letter(payload=b""))
    gone, empty = await read_dead_letters(redis, arq_queue(QUEUE.queue), [b"gone", b"empty"])
    assert (gone.payload_bytes, await read_payload(redis, gone)) == (None, None)
    assert (empty.payload_bytes, await read_payload(redis, empty)) == (0, b"")
    await redis.delete(QUEUE.dead_letter("empty"))
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
    enqueue_ms=0,
    start_ms=0,
    finish_ms=0,
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
async def test_letters_of_other_versions_and_programs(redis: Redis, record: bytes, expected: DeadLetter) -> None:
    await bury(redis, a=letter())
    await redis.hset(QUEUE.dead_letter("a"), "letter", record)  # type: ignore[misc]
    assert replace(await read_one(redis), died_ms=0) == expected


async def test_fields_that_are_missing_or_no_numbers(redis: Redis) -> None:
    await redis.hset(QUEUE.dead_letter("a"), mapping={"died_ms": "soon"})  # type: ignore[misc]
    await redis.expire(QUEUE.dead_letter("a"), 60)
    assert await read_one(redis) == replace(UNREADABLE, name="", died_ms=0, payload_bytes=None)


async def test_what_is_no_letter_is_left_out(redis: Redis) -> None:
    await bury(redis, a=letter(), expired=letter(), wrong=letter())
    await redis.delete(QUEUE.dead_letter("expired"), QUEUE.dead_letter("wrong"))
    await redis.set(QUEUE.dead_letter("wrong"), "a text", ex=60)
    read = await read_dead_letters(redis, arq_queue(QUEUE.queue), [b"wrong", b"a", b"expired", b"never"])
    assert [one.id for one in read] == ["a"]
    assert await read_dead_letters(redis, arq_queue(QUEUE.queue), []) == []
    assert await count_dead_letters(redis, arq_queue(QUEUE.queue)) == 3, "those that have expired are listed yet"
    assert await count_dead_letters(redis, arq_queue("other")) == 0


@pytest.mark.parametrize("raw_id", [b"\xff\x00", "zwölf".encode(), b"{a}:b"])
async def test_an_id_of_any_bytes(redis: Redis, raw_id: bytes) -> None:
    await bury(redis, **{raw_id.decode("utf-8", "surrogateescape"): letter()})
    [one] = [one async for one in find_dead_letters(redis, arq_queue(QUEUE.queue), DeadLetterFilter())]
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
    redis: Redis, chosen: dict[str, Any], ids: list[str]
) -> None:
    await bury(redis, old=letter(dead_s=400), new=letter(dead_s=10), middle=letter("sweep", dead_s=200))
    assert await found(redis, **chosen) == ids


async def test_pages_follow_each_other_though_their_last_letter_is_gone(redis: Redis) -> None:
    await bury(redis, **{name: letter(dead_s=60 + at) for at, name in enumerate("abcde")})
    pages, after = [], None
    for _ in range(4):
        page = await read_dead_letter_page(redis, arq_queue(QUEUE.queue), after, 2)
        pages.append([one.id for one in page.letters])
        if (after := page.last) is None:
            break
        await redis.zrem(KEYS.dead, after[0])
    assert pages == [["a", "b"], ["c", "d"], ["e"]]
    assert abs(page.now_ms - await server_ms(redis)) < 5000


async def test_a_page_whose_letters_have_expired_leads_to_the_next(redis: Redis) -> None:
    await bury(redis, a=letter(dead_s=1), b=letter(dead_s=2))
    await redis.delete(QUEUE.dead_letter("a"))
    page = await read_dead_letter_page(redis, arq_queue(QUEUE.queue), None, 1)
    assert page.letters == ()
    assert page.last is not None
    following = await read_dead_letter_page(redis, arq_queue(QUEUE.queue), page.last, 1)
    assert ([one.id for one in following.letters], following.last) == (["b"], None)


async def test_a_long_list_is_read_page_by_page_while_letters_come_and_go(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE", 7)
    names = [f"{number:03}" for number in range(60)]
    # Three each died in the same millisecond.
    await bury(redis, **{name: letter(dead_s=10 + at // 3) for at, name in enumerate(names)})
    found: list[DeadLetter] = []
    async for one in find_dead_letters(redis, arq_queue(QUEUE.queue), DeadLetterFilter()):
        found.append(one)
        if len(found) % 10 == 7:  # the last of a page goes, and a new one comes in front
            await redis.zrem(KEYS.dead, one.raw_id)
            await redis.zadd(KEYS.dead, {f"new{len(found)}": await server_ms(redis) + 1000})
    assert sorted(letter.id for letter in found) == names
    assert [one.died_ms for one in found] == sorted((one.died_ms for one in found), reverse=True)
