"""The dead letters page: list, filters, retry and delete."""

from __future__ import annotations

import pickle
from urllib.parse import quote_from_bytes

import pytest
from redis.asyncio import Redis

from monarq.monitor.jobs.dead_letters import count_dead_letters
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from tests.monitor.web.dead_letters import write_dead_letter
from tests.monitor.web.site import Site, page
from tests.support.queues import ARQ_QUEUE

ODD_IDS = [
    b"a/b",
    b"?x=1",
    b"..",
    b"a b&c=d#e",
    b"\x00\x01\n\r\n\x7f",
    b"\xff\xfe",
    "ü😀".encode(),
    b'"><i>',
    b"%2F",
    b"+",
]


async def test_the_list_and_its_filters(redis: Redis, site: Site) -> None:
    await write_dead_letter(redis, b"ann", name="mail.send", error="ConnectionError: refused")
    await write_dead_letter(redis, b"ben", name="resize", error="ValueError: no image")
    every = await site.text("/dead")
    assert "mail.send" in every
    assert "no image" in every
    some = await site.text("/dead", params={"name": "mail.*"})
    assert "refused" in some
    assert "no image" not in some
    assert "no image" not in await site.text("/dead", params={"error": "connectionerror"})
    assert "No dead letter matches" in await site.text("/dead", params={"older": "1h"})
    assert "mail.send" in await site.text("/dead", params={"newer": "1h"})
    assert "No dead letter matches" in await site.text("/dead", params={"queue": "other"})


async def test_a_list_shows_both_ends_of_a_long_error(redis: Redis, site: Site) -> None:
    error = f"ValueError: first{'x' * 19_000}last"
    await write_dead_letter(redis, b"ann", error=error)
    for place in ("/", "/dead", "/jobs?state=failed"):
        listed = await site.text(place)
        assert "first" in listed
        assert "last" in listed
        assert error not in listed
    assert error in await site.text("/jobs/job?queue=arq:queue&id=ann")


@pytest.mark.parametrize("raw_id", ODD_IDS)
async def test_an_id_may_hold_anything(redis: Redis, site: Site, raw_id: bytes) -> None:
    await write_dead_letter(redis, raw_id, name="send")
    await write_dead_letter(redis, b"another", name="send")
    query = f"queue=arq:queue&format=arq&id={quote_from_bytes(raw_id, safe='')}"
    assert f"/jobs/job?{query}".replace("&", "&amp;") in await site.text("/dead")
    assert "Dead" in await site.text(f"/jobs/job?{query}")
    assert (await site.post(f"/dead/retry?{query}")).headers["location"] == "/dead?did=retried&n=1"
    assert await redis.zscore(DEFAULT_QUEUE, raw_id) is not None
    assert "Queued" in await site.text(f"/jobs/job?{query}")
    assert await count_dead_letters(redis, ARQ_QUEUE) == 1


async def test_one_is_deleted(redis: Redis, site: Site) -> None:
    await write_dead_letter(redis, b"ann")
    await write_dead_letter(redis, b"ben")
    answer = await site.post("/dead/delete?queue=arq:queue&id=ann")
    assert answer.headers["location"] == "/dead?did=deleted&n=1"
    assert "1 job is deleted." in await site.text(answer.headers["location"])
    assert "ben" in await site.text("/dead")
    assert (await site.post("/dead/delete?queue=arq:queue&id=ann")).headers["location"] == "/dead?did=nothing"


async def test_a_change_of_all_that_match_is_confirmed_and_done(redis: Redis, site: Site) -> None:
    for number in range(5):
        await write_dead_letter(redis, b"mail-%d" % number, name="mail.send")
    await write_dead_letter(redis, b"other", name="resize")
    assert "Retry 5 dead letters?" in await site.text("/dead/confirm?act=retry&name=mail.*")
    assert (await site.post("/dead/retry?name=mail.*")).headers["location"] == "/dead?name=mail.%2A&did=retried&n=5"
    assert await redis.zcard(DEFAULT_QUEUE) == 5
    assert await count_dead_letters(redis, ARQ_QUEUE) == 1
    assert "Delete 1 dead letter?" in await site.text("/dead/confirm?act=delete")
    assert (await site.post("/dead/delete")).headers["location"] == "/dead?did=deleted&n=1"


async def test_a_job_that_is_alive_again_is_reported(redis: Redis, site: Site) -> None:
    await write_dead_letter(redis, b"ann")
    await redis.set(names.job("ann"), "a payload", ex=60)
    await redis.zadd(DEFAULT_QUEUE, {"ann": 1})
    answer = await site.post("/dead/retry?queue=arq:queue&id=ann")
    assert answer.headers["location"] == "/dead?did=retried&n=0&left=1"
    assert "1 could not be" in await site.text(answer.headers["location"])


class Trap:
    """Unpickled, it would end the test."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('unpickled')",))


async def test_arguments_are_shown_when_asked_and_pickle_never(redis: Redis, site: Site) -> None:
    await write_dead_letter(redis, b"plain", args=("the-argument", 7))
    await write_dead_letter(redis, b"pickled", payload=pickle.dumps(Trap()))
    letter = "/jobs/job?queue=arq:queue&id="
    assert "the-argument" not in await site.text(letter + "plain")
    assert "the-argument" in await site.text(letter + "plain&arguments=1")
    assert "pickle" in await site.text(letter + "pickled&arguments=1")


async def test_a_read_only_page_offers_nothing(redis: Redis) -> None:
    await write_dead_letter(redis, b"ann")
    async with page(redis, read_only=True) as site:
        for path in ("/dead", "/jobs/job?queue=arq:queue&id=ann", "/dead/confirm?act=delete"):
            assert 'method="post"' not in await site.text(path)
        assert (await site.post("/dead/delete?queue=arq:queue&id=ann")).status_code == 403
    assert await count_dead_letters(redis, ARQ_QUEUE) == 1
