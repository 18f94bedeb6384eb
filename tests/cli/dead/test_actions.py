"""`monarq dead`: what it shows, what it puts back, what it throws away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.cli.dead.view import JSON_FIELDS
from monarq.producer import Producer
from monarq.shared.formats.arq.keys import QueueKeys
from tests.cli.command import Cli, Ended
from tests.cli.dead.letters import PAYLOAD, bury, ids_left, ids_queued, letter
from tests.support.formats import OF_ARQ, current_name
from tests.support.queue_state import KEYS, server_ms
from tests.support.slowness import patience_s
from tests.support.workers import put, run_burst

pytestmark = OF_ARQ

THREE: Final = {
    "a": letter("mail.send", "ConnectionError: refused", dead_s=30),
    "b": letter("mail.fetch", "ValueError: no", dead_s=7200),
    "c": letter("resize", "TimeoutError: too late", dead_s=90_000),
}


@pytest.mark.parametrize("command", [["list"], ["list", "--json"], ["retry", "--all"], ["delete", "--all"]], ids=str)
async def test_an_empty_queue(redis: Redis, cli_here: Cli, command: list[str]) -> None:
    ended = await cli_here("dead", *command)
    assert (ended.code, ended.out, ended.err) == (0, "", "monarq: no dead letters in default\n")


async def test_a_job_dies_is_read_about_and_runs_again(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    fails = True

    from monarq import job

    @job(name="sometimes")
    async def sometimes(n: int) -> int:
        if fails:
            raise ValueError("not today")
        return n

    await put(redis, sometimes, 7, job_id="one")
    await run_burst(redis_url, [sometimes])
    [told] = (await cli_here("dead", "list", "--json")).results
    assert (told["job_id"], told["name"], told["error"], told["tries"], told["lane"]) == (
        *("one", "sometimes", "ValueError: not today", 1),
        "io",
    )
    shown = await cli_here("dead", "show", "one", "--payload")
    assert "ValueError: not today" in shown.out
    assert "Traceback" in shown.out
    assert '"a":[7]' in shown.out
    ended = await cli_here("dead", "retry", "one")
    assert (ended.code, ended.err) == (0, "monarq: 1 job is back in the queue\n")
    fails = False
    await run_burst(redis_url, [sometimes])
    async with Producer(redis_url, queue=current_name()) as producer:
        assert await producer.handle("one").result(patience_s(5)) == 7
    assert await ids_left(redis) == []


async def test_a_list_for_people(redis: Redis, cli_here: Cli) -> None:
    await bury(redis, **THREE)
    lines = (await cli_here("dead", "list")).out.splitlines()
    assert lines[0].split() == ["died", "id", "job", "tries", "error"]
    assert [line.split()[1:] for line in lines[1:]] == [
        ["a", "mail.send", "5", "ConnectionError:", "refused"],
        ["b", "mail.fetch", "5", "ValueError:", "no"],
        ["c", "resize", "5", "TimeoutError:", "too", "late"],
    ]
    few = await cli_here("dead", "list", "--limit", "2")
    assert len(few.out.splitlines()) == 3
    assert few.err == "monarq: there are more than these 2; raise --limit to see them\n"


async def test_a_list_shows_how_a_long_error_begins_and_ends(redis: Redis, cli_here: Cli) -> None:
    await bury(redis, a=letter(error=f"ValueError: {'y' * 20_000} the end"))
    listed = " ".join((await cli_here("dead", "list")).out.split())
    assert len(listed) < 1000
    assert "ValueError: yyy" in listed
    assert "characters left out]" in listed
    assert listed.endswith("the end")
    assert "y" * 20_000 in (await cli_here("dead", "list", "--json")).results[0]["error"]


async def test_names_that_programs_rely_on(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    await bury(redis, a=THREE["a"], b=letter(payload=None))
    a, b = sorted((await cli_here("dead", "list", "--json")).results, key=lambda told: told["job_id"])
    names = {
        *("queue", "format", "job_id", "name", "error", "error_type", "traceback", "tries", "crashes"),
        *("crash_note", "worker", "lane", "enqueued_ms", "started_ms", "ended_ms", "died_ms", "payload_bytes"),
    }
    assert set(a) == set(b) == names == set(JSON_FIELDS)
    assert (a["payload_bytes"], b["payload_bytes"]) == (len(PAYLOAD), None)
    assert abs(a["died_ms"] - (await server_ms(redis) - 30_000)) < 5000
    shown = (await cli_here("dead", "show", "a", "b", "--json", "--payload")).results
    assert set(shown[0]) == {*names, "payload"}
    assert shown[0]["payload"]["value"] == {"t": None, "f": "send", "a": [1, "AA=="], "k": {"to": "me"}, "et": 1}
    assert shown[1]["payload"] == {"format": None, "signed": False, "bytes": None, "value": None}
    help_shown = (await cli_here("dead", "list", "--help")).out
    assert all(name in help_shown for name in names)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--name", "resize"], "c"),
        (["--name", "mail.*"], "ab"),
        (["--name", "mail"], ""),
        (["--error", "connectionerror"], "a"),
        (["--error", "LATE"], "c"),
        (["--older-than", "1h"], "bc"),
        (["--newer-than", "1h"], "a"),
        (["--older-than", "1h", "--newer-than", "1d"], "b"),
        (["--name", "mail.*", "--error", "no"], "b"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
async def test_filters(redis: Redis, cli_here: Cli, filters: list[str], found: str) -> None:
    await bury(redis, **THREE)
    listed = await cli_here("dead", "list", "--json", *filters)
    assert [told["job_id"] for told in listed.results] == list(found)
    assert listed.err == ("" if found else "monarq: none of the 3 dead letters in arq:queue matches\n")
    assert (await cli_here("dead", "delete", *filters)).code == 0
    assert await ids_left(redis) == sorted(set("abc") - set(found))


async def test_retry_says_which_it_could_not_put_back_and_why(redis: Redis, cli_here: Cli) -> None:
    await bury(redis, a=letter(), b=letter(payload=None), c=letter(), d=letter(home="cpu"))
    await redis.delete("arq:result:c")
    await put(redis, "other", job_id="c")
    ended = await cli_here("dead", "retry", "a", "b", "c", "d", "nobody", "a")
    assert ended.code == 1
    assert ended.err.splitlines() == [
        "monarq: nobody not retried: it has no dead letter in arq:queue",
        "monarq: b not retried: its payload is gone",
        "monarq: c not retried: a job with this id is queued or running, or has ended since",
        "monarq: 3 jobs refused, 2 jobs are back in the queue",
    ]
    assert (await ids_left(redis), await ids_queued(redis)) == (["b", "c"], ["a", "c", "d"])
    assert await redis.zrange(KEYS.cpu, 0, -1) == [b"d"]
    assert await redis.exists("arq:result:a", "arq:result:d") == 0


async def test_delete_by_id(redis: Redis, cli_here: Cli) -> None:
    await bury(redis, a=letter(), b=letter())
    ended = await cli_here("dead", "delete", "a", "nobody")
    assert ended.code == 1
    assert ended.err.splitlines()[-1] == "monarq: 1 job refused, 1 job is deleted"
    assert await ids_left(redis) == ["b"]
    assert await redis.exists("arq:result:a") == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["retry"], "no letters selected: give IDs, a filter such as --name, or --all"),
        (["delete", "-q", "other"], "no letters selected"),
        (["delete", "a", "--all"], "give IDs, or else filters or --all, not both"),
        (["retry", "a", "--name", "b"], "give IDs, or else filters"),
        (["retry", "--all", "--rate", "0"], "'0' is not a rate"),
        (["retry", "--all", "--rate", "5/x"], "'5/x' is not a rate"),
        (["list", "--older-than", "soon"], "'soon' is not a duration"),
        (["show"], "missing argument"),
    ],
)
async def test_what_is_refused_on_the_command_line(cli: Callable[..., Ended], args: list[str], words: str) -> None:
    ended = cli("dead", *args)
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert words in ended.err


async def test_without_a_redis(cli: Callable[..., Ended]) -> None:
    ended = await asyncio.to_thread(cli, "dead", "list")
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert "cannot be reached" in ended.err


async def test_queues(redis: Redis, cli_here: Cli) -> None:
    """By default every known queue; the same id may be dead in two."""
    await bury(redis, a=letter())
    other = QueueKeys.of("other")
    await redis.zadd("monarq:queues", {"other": await server_ms(redis)})
    await redis.expire("monarq:queues", 60)
    await redis.copy(KEYS.dead_letter("a"), other.dead_letter("a"))
    await redis.zadd(other.dead, {"a": await server_ms(redis)})
    await redis.expire(other.dead, 60)
    listed = (await cli_here("dead", "list", "--json")).results
    assert [(told["queue"], told["job_id"]) for told in listed] == [("arq:queue", "a"), ("other", "a")]
    assert "other" in (await cli_here("dead", "list")).out
    assert (await cli_here("dead", "delete", "a", "-q", "other")).code == 0
    assert (await ids_left(redis), await redis.zcard(other.dead)) == (["a"], 0)
