"""`monarq dead`: what it shows, what it puts back, what it throws away."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import pytest
from redis.asyncio import Redis

from monarq.cli.dead_view import JSON_FIELDS
from monarq.monitor import dead as reading
from monarq.monitor.dead import DeadLetter, Wanted, find_letters
from monarq.producer import Producer
from monarq.shared.codec import MSGPACK
from monarq.shared.keys import QueueKeys
from tests.cli.command import Ended, heard, monarq, start, until
from tests.support.engines import QUEUE, put, run_burst
from tests.support.queue_state import KEYS, QueueState, seed, server_ms

Cli = Callable[..., Awaitable[Ended]]

PAYLOAD: Final = MSGPACK.dumps({"t": None, "f": "send", "a": (1, b"\x00"), "k": {"to": "me"}, "et": 1})
ANSI: Final = "\x1b[31mred\x1b[0m"


def letter(
    name: str = "send",
    error: str = "ValueError: no",
    *,
    dead_s: int = 60,
    payload: bytes | None = PAYLOAD,
    home: str = "io",
) -> dict[str, str]:
    """A letter as workers leave it."""
    said = {
        "error": error,
        "error_type": error.partition(":")[0],
        "traceback": "Traceback (most recent call last):\n  here",
        "tries": 5,
        "crashes": 1,
        "crash_note": "killed",
        "worker": "host:1:aa",
        "home": home,
        "enqueue_ms": 1_000,
        "start_ms": 2_000,
        "finish_ms": 3_000,
    }
    return {
        "name": name,
        "letter": msgspec.json.encode(said).decode(),
        "payload": (payload or b"").decode("utf-8", "surrogateescape"),
        "has_payload": "0" if payload is None else "1",
        "tries": "4",
        "died_ms": str(-dead_s),
    }


async def bury(redis: Redis, **letters: dict[str, str]) -> None:
    """Leaves letters in the default queue, by job id."""
    dead = {job_id: int(said["died_ms"]) for job_id, said in letters.items()}
    await seed(redis, QueueState(letters=letters, dead=dead, results=dict.fromkeys(letters, "failed")))


async def ids_left(redis: Redis) -> list[str]:
    return sorted(raw_id.decode() for raw_id in await redis.zrange(KEYS.dead, 0, -1))


async def ids_queued(redis: Redis) -> list[str]:
    return sorted(raw_id.decode() for raw_id in await redis.zrange(KEYS.queue, 0, -1))


THREE: Final = {
    "a": letter("mail.send", "ConnectionError: refused", dead_s=30),
    "b": letter("mail.fetch", "ValueError: no", dead_s=7200),
    "c": letter("resize", "TimeoutError: too late", dead_s=90_000),
}


@pytest.mark.parametrize("command", [["list"], ["list", "--json"], ["retry", "--all"], ["delete", "--all"]], ids=str)
async def test_an_empty_queue(redis: Redis, cli_here: Cli, command: list[str]) -> None:
    ended = await cli_here("dead", *command)
    assert (ended.code, ended.out, ended.err) == (0, "", "monarq: no dead letters in arq:queue\n")


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
    assert (told["id"], told["name"], told["error"], told["tries"], told["lane"]) == (
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
    async with Producer(redis_url) as producer:
        assert await producer.handle("one").result(5) == 7
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
    assert few.err == "monarq: there are more than these 2; --limit shows them\n"


async def test_names_that_programs_rely_on(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    await bury(redis, a=THREE["a"], b=letter(payload=None))
    a, b = sorted((await cli_here("dead", "list", "--json")).results, key=lambda told: told["id"])
    names = {
        *("queue", "id", "name", "error", "error_type", "traceback", "tries", "crashes", "crash_note", "worker"),
        *("lane", "enqueue_ms", "start_ms", "finish_ms", "died_ms", "payload_bytes"),
    }
    assert set(a) == set(b) == names == set(JSON_FIELDS)
    assert (a["payload_bytes"], b["payload_bytes"]) == (len(PAYLOAD), None)
    assert abs(a["died_ms"] - (await server_ms(redis) - 30_000)) < 5000
    shown = (await cli_here("dead", "show", "a", "b", "--json", "--payload")).results
    assert set(shown[0]) == {*names, "payload"}
    assert shown[0]["payload"]["value"] == {"t": None, "f": "send", "a": [1, "AA=="], "k": {"to": "me"}, "et": 1}
    assert shown[1]["payload"] == {"format": None, "signed": False, "bytes": None, "value": None}
    help_shown = (await monarq("dead", "list", "--help", url=redis_url)).out
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
    assert [told["id"] for told in listed.results] == list(found)
    assert listed.err == ("" if found else "monarq: none of the 3 dead letters in arq:queue fits\n")
    assert (await cli_here("dead", "delete", *filters)).code == 0
    assert await ids_left(redis) == sorted(set("abc") - set(found))


async def test_retry_says_which_it_could_not_put_back_and_why(redis: Redis, cli_here: Cli) -> None:
    await bury(redis, a=letter(), b=letter(payload=None), c=letter(), d=letter(home="cpu"))
    await redis.delete("arq:result:c")
    await put(redis, "other", job_id="c")
    ended = await cli_here("dead", "retry", "a", "b", "c", "d", "nobody", "a")
    assert ended.code == 1
    assert ended.err.splitlines() == [
        "monarq: nobody is not retried: there is no dead letter of it in arq:queue",
        "monarq: b is not retried: its payload had expired before it died",
        "monarq: c is not retried: a job of this id waits, runs, or has ended since",
        "monarq: 2 jobs are back in the queue, 3 refused",
    ]
    assert (await ids_left(redis), await ids_queued(redis)) == (["b", "c"], ["a", "c", "d"])
    assert await redis.zrange(KEYS.cpu, 0, -1) == [b"d"]
    assert await redis.exists("arq:result:a", "arq:result:d") == 0


async def test_delete_by_id(redis: Redis, cli_here: Cli) -> None:
    await bury(redis, a=letter(), b=letter())
    ended = await cli_here("dead", "delete", "a", "nobody")
    assert ended.code == 1
    assert ended.err.splitlines()[-1] == "monarq: 1 job is deleted, 1 refused"
    assert await ids_left(redis) == ["b"]
    assert await redis.exists("arq:result:a") == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["retry"], "which ones? Give IDs, a filter such as --name, or --all"),
        (["delete", "-q", "other"], "which ones?"),
        (["delete", "a", "--all"], "give either IDs, or filters or --all"),
        (["retry", "a", "--name", "b"], "give either IDs"),
        (["retry", "--all", "--rate", "0"], "'0' is no rate"),
        (["retry", "--all", "--rate", "5/x"], "'5/x' is no rate"),
        (["list", "--older-than", "soon"], "'soon' is no duration"),
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
    await redis.copy(KEYS.letter("a"), other.letter("a"))
    await redis.zadd(other.dead, {"a": await server_ms(redis)})
    await redis.expire(other.dead, 60)
    listed = (await cli_here("dead", "list", "--json")).results
    assert [(told["queue"], told["id"]) for told in listed] == [("arq:queue", "a"), ("other", "a")]
    assert "other" in (await cli_here("dead", "list")).out
    assert (await cli_here("dead", "delete", "a", "-q", "other")).code == 0
    assert (await ids_left(redis), await redis.zcard(other.dead)) == (["a"], 0)


async def test_no_payload_is_unpickled(redis: Redis, cli_here: Cli) -> None:
    bomb = pickle.dumps(_Bomb())
    await bury(redis, a=letter(payload=bomb), b=letter(payload=b"\xff\xfe"))
    shown = await cli_here("dead", "show", "a", "b", "--payload")
    assert f"pickled, {len(bomb)} bytes" in shown.out
    assert "of an unknown format, 2 bytes" in shown.out
    assert [
        told["payload"]["format"] for told in (await cli_here("dead", "show", "a", "b", "--payload", "--json")).results
    ] == [
        *("pickle", "unknown"),
    ]


class _Bomb:
    """Whatever unpickles it fails the test."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("it was unpickled",)


@pytest.mark.parametrize(
    "value",
    [msgspec.msgpack.Ext(1, b"x"), {1: float("nan")}, {(1, 2): 3}, 2**64 - 1, {b"k": 1}],
    ids=["an extension", "nan", "a tuple as key", "a large number", "bytes as key"],
)
async def test_payloads_that_json_does_not_know(redis: Redis, cli_here: Cli, value: object) -> None:
    await bury(redis, a=letter(payload=msgspec.msgpack.encode([value])))
    for form in ([], ["--json"]):
        ended = await cli_here("dead", "show", "a", "--payload", *form)
        assert (ended.code, ended.err) == (0, "")


async def test_nothing_in_a_letter_reaches_the_terminal_as_a_command(redis: Redis, cli_here: Cli) -> None:
    await bury(redis, **{ANSI: letter(ANSI, f"ValueError: {ANSI}\r\n{ANSI}", payload=MSGPACK.dumps({"f": ANSI}))})
    for args in (["list"], ["show", ANSI, "--payload"], ["retry", ANSI, ANSI + "?"]):
        ended = await cli_here("dead", *args)
        assert "\x1b" not in ended.out + ended.err
        assert r"\x1b[31mred" in ended.out + ended.err


async def test_letters_that_are_none(redis: Redis, cli_here: Cli) -> None:
    """Of another version, of nobody, of a wrong type, or gone: what can be read is shown, and nothing breaks."""
    odd = {"letter": "no json", "died_ms": "-60"}
    await bury(redis, odd=odd, good=letter())
    await redis.zadd(KEYS.dead, {"gone": 1, "wrong": 2, b"\xff": 3})
    await redis.set(KEYS.letter("wrong"), "x", ex=60)
    listed = (await cli_here("dead", "list", "--json")).results
    assert {told["id"]: told["error"] for told in listed} == {"good": "ValueError: no", "odd": ""}


async def test_a_long_list_is_read_page_by_page_while_letters_come_and_go(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE", 7)
    names = [f"{number:03}" for number in range(60)]
    # Three each died in the same millisecond.
    await bury(redis, **{name: letter(dead_s=10 + at // 3) for at, name in enumerate(names)})
    found: list[DeadLetter] = []
    async for one in find_letters(redis, QUEUE.queue, Wanted()):
        found.append(one)
        if len(found) % 10 == 7:  # the last of a page goes, and a new one comes in front
            await redis.zrem(KEYS.dead, one.raw_id)
            await redis.zadd(KEYS.dead, {f"new{len(found)}": await server_ms(redis) + 1000})
    assert sorted(letter.id for letter in found) == names
    assert [one.died_ms for one in found] == sorted((one.died_ms for one in found), reverse=True)


async def test_a_replay_does_not_flood(redis: Redis, redis_url: str) -> None:
    await bury(redis, **{f"{number:02}": letter() for number in range(20)})
    loop = asyncio.get_running_loop()
    process = await start("dead", "retry", "--all", "--rate", "20/s", url=redis_url)

    async def some_are_back() -> bool:
        return bool(await ids_queued(redis))

    await until(some_are_back)
    began_s = loop.time()
    counts = []
    while process.returncode is None:
        counts.append((loop.time() - began_s, len(await ids_queued(redis))))
        await asyncio.sleep(0.02)
    assert all(count <= 20 * passed_s + 6 for passed_s, count in counts), counts
    assert await heard(process, "20 jobs are back in the queue")
    assert loop.time() - began_s >= 0.8
    assert len(await ids_queued(redis)) == 20


async def test_a_replay_that_is_broken_off_says_how_far_it_came(redis: Redis, redis_url: str) -> None:
    await bury(redis, **{f"{number:02}": letter() for number in range(20)})
    process = await start("dead", "retry", "--all", "--rate", "60/m", url=redis_url)

    async def some_are_back() -> bool:
        return bool(await ids_queued(redis))

    await until(some_are_back)
    process.send_signal(2)
    said = await heard(process, "left as they were")
    back = len(await ids_queued(redis))
    assert f"{back} job" in said
    assert f"{20 - back} left as they were" in said
    assert await process.wait() == 130
