"""Scripts: the loader joins each with the pieces that it includes, and runs it whatever Redis has forgotten."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.redis import scripts
from monarq.shared.redis.replies import as_ids, text
from monarq.shared.redis.scripts import check_batch

NONE = "-- INCLUDES  none"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of scripts in place of the real one; its files have names of their own, as what is read is kept."""
    (tmp_path / "arq" / "include").mkdir(parents=True)
    monkeypatch.setattr(scripts, "_FOLDER", tmp_path)
    return tmp_path


def write(folder: Path, **texts: str) -> None:
    """Writes scripts, and pieces by names that begin with `piece`."""
    for name, script in texts.items():
        (folder / "arq" / ("include" if name.startswith("piece") else ".") / f"{name}.lua").write_text(script)


def test_pieces_come_once_each_behind_what_they_need_and_before_the_script(folder: Path) -> None:
    write(
        folder,
        joined="-- INCLUDES  piece_top, piece_low\nlast",
        piece_top="-- INCLUDES  piece_low\nsecond",
        piece_low=f"{NONE}\nfirst",
        piece_unused=f"{NONE}\nnever",
    )
    lines = ArqScript.load("joined").source.splitlines()
    assert [line for line in lines if not line.startswith(("--", "local ")) and line] == ["first", "second", "last"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            {"wrong_name": "-- INCLUDES  piece_missing"},
            "wrong_name.lua includes 'piece_missing', but there is no include/piece_missing.lua",
        ),
        (
            {"wrong_below": "-- INCLUDES  piece_wrong", "piece_wrong": "-- INCLUDES  piece_absent"},
            "include/piece_wrong.lua includes 'piece_absent', but there is no include/piece_absent.lua",
        ),
        ({"silent": "return 1"}, "silent.lua has no INCLUDES line: add `-- INCLUDES"),
        (
            {
                "circle": "-- INCLUDES  piece_one",
                "piece_one": "-- INCLUDES  piece_two",
                "piece_two": "-- INCLUDES  piece_one",
            },
            "include/piece_one.lua includes itself: circle -> include/piece_one -> include/piece_two",
        ),
    ],
    ids=["no such piece", "no such piece below", "no line", "a circle"],
)
def test_what_cannot_be_joined_is_named(folder: Path, texts: dict[str, str], message: str) -> None:
    write(folder, **texts)
    with pytest.raises(ValueError, match=message):
        ArqScript.load(next(iter(texts)))


QUEUE = QueueKeys.of("emails")
ECHO = ArqScript("echo", "return {KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3]}")
FAILING = ArqScript("failing", "return redis.error_reply('SULK I will not')")
ECHOED = [b"emails", b"monarq:{emails}:", b"text", b"\xff", b"5"]


def test_a_script_begins_with_the_keys_that_it_names(folder: Path) -> None:
    (folder / "arq" / "jobs").mkdir()
    (folder / "arq" / "jobs" / "named.lua").write_text(f"{NONE}\nreturn CPU")
    script = ArqScript.load("jobs/named")
    assert script.name == "named"
    assert script.source.startswith("local QUEUE, BASE = KEYS[1], KEYS[2]\nlocal CPU = BASE .. 'cpu'\n\n-- INCLUDES")


def test_no_script_of_that_name(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ArqScript.load("absent")


async def test_redis_names_a_script_by_the_same_digest(redis: Redis) -> None:
    for script in (ECHO, ArqScript.load("jobs/claim")):
        assert await redis.script_load(script.source) == script.sha


async def test_a_script_runs_on_its_queue_also_where_redis_does_not_have_it(redis: Redis) -> None:
    await redis.script_flush()
    for _ in range(2):
        assert await ECHO.run_on(redis, QUEUE, ("text", b"\xff", 5)) == ECHOED
        assert await redis.script_exists(ECHO.sha) == [True]


async def test_the_same_with_a_blocking_client(redis: Redis, redis_url: str) -> None:
    await redis.script_flush()

    def run_twice() -> list[object]:
        with BlockingRedis.from_url(redis_url) as client:
            return [ECHO.run_on_sync(client, QUEUE, ("text", b"\xff", 5)) for _ in range(2)]

    assert await asyncio.to_thread(run_twice) == [ECHOED, ECHOED]


async def test_a_script_is_sent_whole_only_once(redis: Redis) -> None:
    await redis.script_flush()
    await redis.config_resetstat()
    for _ in range(3):
        await ECHO.run_on(redis, QUEUE, (1, 2, 3))
    stats = await redis.info("commandstats")
    assert (stats["cmdstat_evalsha"]["calls"], stats["cmdstat_eval"]["calls"]) == (3, 1)


async def test_an_error_of_the_script_is_not_taken_for_a_missing_one(redis: Redis, redis_url: str) -> None:
    await redis.script_load(FAILING.source)
    await redis.config_resetstat()
    with pytest.raises(ResponseError, match="SULK I will not"):
        await FAILING.run_on(redis, QUEUE, ())
    with BlockingRedis.from_url(redis_url) as client, pytest.raises(ResponseError, match="SULK I will not"):
        FAILING.run_on_sync(client, QUEUE, ())
    assert "cmdstat_eval" not in await redis.info("commandstats")


@pytest.mark.parametrize(("given", "most"), [([], 0), ([1], 1), (range(1000), 1000), ({}, 5)], ids=range(4))
def test_a_batch_that_one_call_holds(given: range, most: int) -> None:
    check_batch(given, most)


def test_a_batch_that_is_too_large() -> None:
    with pytest.raises(ValueError, match="1001 jobs in one call: give at most 1000 at a time"):
        check_batch(range(1001), 1000)


@pytest.mark.parametrize(
    ("reply", "shown"),
    [(b"one", "one"), ("é".encode(), "é"), (b"a\xffb", r"a\xffb"), ("one", "one"), (5, "5"), (b"", "")],
    ids=repr,
)
def test_a_reply_as_text(reply: object, shown: str) -> None:
    assert text(reply) == shown


def test_a_reply_of_ids_stays_as_it_is() -> None:
    reply = [b"one", b"\xff"]
    assert as_ids(reply) is reply
