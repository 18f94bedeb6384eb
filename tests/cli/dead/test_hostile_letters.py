"""`monarq dead` on letters and payloads that are hostile, broken or not its own."""

from __future__ import annotations

import pickle
from typing import Any, Final

import msgspec
import pytest
from redis.asyncio import Redis

from monarq.shared.payloads.codec import MSGPACK
from tests.cli.command import Cli
from tests.cli.dead.letters import bury, letter
from tests.support.queue_state import KEYS

ANSI: Final = "\x1b[31mred\x1b[0m"


async def test_no_payload_is_unpickled(redis: Redis, cli_here: Cli) -> None:
    bomb = pickle.dumps(_Bomb())
    await bury(redis, a=letter(payload=bomb), b=letter(payload=b"\xff\xfe"))
    shown = await cli_here("dead", "show", "a", "b", "--payload")
    assert f"pickled, {len(bomb)} bytes" in shown.out
    assert "in an unknown format, 2 bytes" in shown.out
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
    await redis.set(KEYS.dead_letter("wrong"), "x", ex=60)
    listed = (await cli_here("dead", "list", "--json")).results
    assert {told["job_id"]: told["error"] for told in listed} == {"good": "ValueError: no", "odd": ""}
