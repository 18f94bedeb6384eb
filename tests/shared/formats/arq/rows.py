"""A row of the scripts' tables, state -> call -> reply and state, and how it is checked on a real Redis.

Every row makes its call twice: the second one must leave the state as the first one did.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, ResponseError

from tests.support.queue_state import QueueState, Time, from_ms, read_state, seed, server_ms, to_ms


@dataclass(frozen=True, slots=True)
class Scene:
    """What a call is made on.

    Attributes:
        redis: a client.
        now_ms: the moment from which the row's times count.
    """

    redis: Redis
    now_ms: int

    def ms(self, time: Time) -> int:
        """A row's time as unix ms."""
        return int(to_ms(self.now_ms, time))

    def time(self, ms: float) -> Time:
        """Unix ms as a row says it."""
        return from_ms(self.now_ms, ms)


Call = Callable[[Scene], Awaitable[object]]

LATE_MS: Final = 900
"""Rows tell whole seconds: what is played so long after its seed may find other ones."""

SAME: Final = "the same reply"
NOT_REPEATED: Final = "not repeated: another call does more"


@dataclass(frozen=True, slots=True)
class Rejected:
    """The reply of a call that Redis refuses, by the error's code."""

    code: str
    message: str = field(default="", compare=False)


WRONGTYPE: Final = Rejected("WRONGTYPE")
OOM: Final = Rejected("OOM")


def wrong(key: str, kind: str = "string", beside: QueueState | None = None) -> QueueState:
    """A key that holds a type that it should not, beside other state."""
    return replace(beside or QueueState(), wrong={key: kind})


@dataclass(frozen=True, slots=True)
class Row:
    """One case of a script.

    Attributes:
        name: what it shows.
        before: the state it starts from.
        call: the call.
        reply: what the call gives.
        after: the state it leaves.
        repeated: what the same call gives when it is made again.
    """

    name: str
    before: QueueState
    call: Call
    reply: object
    after: QueueState
    repeated: object = SAME

    def __str__(self) -> str:
        return self.name


async def check(row: Row, redis: Redis, maxmemory: int = 0) -> None:
    """Plays a row; once more where the machine stood still meanwhile, so that nothing can be said of its times."""
    while True:
        scene = Scene(redis, await seed(redis, row.before))
        try:
            if maxmemory:
                await redis.config_set("maxmemory", maxmemory)
            return await _play(row, scene)
        except AssertionError:
            if await server_ms(redis) < scene.now_ms + LATE_MS:
                raise
        finally:
            if maxmemory:
                await redis.config_set("maxmemory", 0)
        await redis.flushdb()


async def check_when_full(row: Row, redis: Redis) -> None:
    """Plays a row on a Redis that has reached its maxmemory."""
    await check(row, redis, maxmemory=1)


async def _play(row: Row, scene: Scene) -> None:
    await _call(row, scene, row.reply)
    await _compare(row, scene, "after the call")
    if row.repeated != NOT_REPEATED:
        await _call(row, scene, row.reply if row.repeated == SAME else row.repeated)
        await _compare(row, scene, "after the repeated call")


async def _call(row: Row, scene: Scene, expected: object) -> None:
    try:
        reply = await row.call(scene)
    except ResponseError as error:
        reply = Rejected(_code_of(error), str(error))
    assert reply == expected, f"{reply!r} was replied, not {expected!r}"


def _code_of(error: ResponseError) -> str:
    """Before 7.0 Redis tells the code of an error inside a script in the middle of the text."""
    if isinstance(error, OutOfMemoryError) or "-OOM " in str(error):
        return OOM.code
    return WRONGTYPE.code if WRONGTYPE.code in str(error) else str(error)


async def _compare(row: Row, scene: Scene, when: str) -> None:
    found = await read_state(scene.redis, scene.now_ms)
    assert found == row.after, f"{when}\n{found.difference(row.after)}"
