"""Malformed jobs, written straight into Redis: each kind could break a worker in one way."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from chaos.queues.view import QueueView
from monarq.shared.payloads.codec import DEFAULT_MAX_PAYLOAD

NOW_MS: Final = 1_700_000_000_000
GOOD: Final[dict[str, Any]] = {"t": None, "f": "work", "a": (1,), "k": {}, "et": NOW_MS}


class Unloadable:
    """Can be pickled, but raises when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return (float, ("no number",))


def packed(**changes: Any) -> bytes:
    """A msgpack payload with some fields replaced."""
    return msgspec.msgpack.encode(GOOD | changes)


def pickled(**changes: Any) -> bytes:
    """The same as a pickle, as arq's clients write it."""
    return pickle.dumps(GOOD | changes)


def _without(field: str) -> bytes:
    return msgspec.msgpack.encode({name: value for name, value in GOOD.items() if name != field})


PAYLOADS: Final[dict[str, Callable[[random.Random], bytes]]] = {
    "random bytes": lambda rng: rng.randbytes(rng.randint(1, 200)),
    "truncated": lambda rng: packed()[: rng.randint(1, len(packed()) - 1)],
    "truncated pickle": lambda rng: pickled()[: rng.randint(1, len(pickled()) - 1)],
    "empty": lambda rng: b"",
    "no dict": lambda rng: msgspec.msgpack.encode(rng.choice([1, [1], "x", None])),
    "a field is missing": lambda rng: _without(rng.choice(sorted(GOOD))),
    "name is a list": lambda rng: packed(f=["work"]),
    "name is a dict in pickle": lambda rng: pickled(f={"work": 1}),
    "name is unknown": lambda rng: packed(f=f"unknown-{rng.random()}"),
    "name is not UTF-8": lambda rng: packed().replace(b"work", b"\xff\xfe\xfd\xfc"),
    "args are a number": lambda rng: packed(a=5),
    "args are text": lambda rng: packed(a="text"),
    "too many args": lambda rng: packed(a=[1] * 50),
    "args of a wrong type": lambda rng: packed(a=["no number"]),
    "kwargs are a list": lambda rng: packed(k=[1]),
    "kwargs with numbers as keys": lambda rng: pickled(k={1: 2}),
    "unknown kwargs": lambda rng: packed(k={"nothing": 1}),
    "try is text": lambda rng: packed(t="three"),
    "try is huge": lambda rng: pickled(t=10**400),
    "time is text": lambda rng: packed(et="now"),
    "time is NaN": lambda rng: packed(et=float("nan")),
    "time is infinite": lambda rng: packed(et=float("inf")),
    "time is huge": lambda rng: pickled(et=10**400),
    "nested deeply": lambda rng: b"\x91" * 100_000 + b"\x01",
    "pickle nested deeply": lambda rng: b"\x80\x04" + b"(" * 100_000 + b"t" * 100_000 + b".",
    "pickle that raises": lambda rng: pickled(a=(Unloadable(),)),
    "pickle of a module that is not there": lambda rng: b"\x80\x04cno.module\nNothing\n.",
    "a length that lies": lambda rng: b"\xdf\xff\xff\xff\xff" + packed(),
    "text of a length that lies": lambda rng: b"\xdb\xff\xff\xff\xff" + b"x" * 20,
    "over the limit": lambda rng: b"\x81" + bytes(DEFAULT_MAX_PAYLOAD + 10),
}
"""The payloads, by what is wrong with them."""

IDS: Final = (
    b"\xff\xfe-bad-%d",
    b"with\0nul-%d",
    b"with\r\nlines-%d",
    b"with:colons:arq:job:%d",
    b"{tag}-%d",
    b"long-" + b"x" * 20_000 + b"-%d",
)
SCORES: Final = (0, 1, -1, float("-inf"), 1.5, NOW_MS + 0.5)
LARGE: Final = "over the limit"
LARGE_COUNT: Final = 3


async def write_bad(queue: QueueView, redis: Redis, count: int, rng: random.Random) -> dict[bytes, str]:
    """Writes malformed jobs into a queue; returns what is wrong with each, by id."""
    written: dict[bytes, str] = {}
    kinds = [kind for kind in PAYLOADS if kind != LARGE]
    for number in range(count):
        kind = LARGE if number < LARGE_COUNT else kinds[number % len(kinds)]
        job_id = (rng.choice(IDS) if number % 5 == 0 else b"bad-%d") % number
        score = rng.choice(SCORES) if number % 7 == 0 else None
        written[job_id] = f"{kind}, score {score}"
        await queue.write_job(redis, job_id, PAYLOADS[kind](rng), score)
    for number in range(count // 20):
        job_id = b"strange-%d" % number
        written[job_id] = await queue.write_strange(redis, job_id, packed(f="unknown"), number)
    return written
