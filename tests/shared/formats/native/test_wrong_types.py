"""Keys of a wrong type: a call may fail until the key is removed, but no job is lost, and none is half moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from monarq.shared.formats.native import keys as spelled
from tests.shared.formats.native.pieces import KEYS
from tests.shared.formats.native.state import INCARNATION
from tests.shared.formats.native.steps import GOES_ON, REFUSED, Step
from tests.shared.formats.native.whole_state import members_of, name_of, places_of

STEPS: Final = {**REFUSED, **GOES_ON}
KEYS_OF: Final[dict[str, list[str]]] = {
    **{name: [KEYS.key(name)] for name in spelled._SINGLE},
    **{name: KEYS.ring(name) for name in spelled._RINGS},
    "held": [KEYS.held(INCARNATION)],
}
PUTS: Final = set(REFUSED)
"""Calls whose failure may leave a place without a payload: claims drop it, and whoever enqueues was refused."""

ONLY_COUNTS: Final = {"a count of lost runs"}
"""Calls that count what can be counted, and refuse nothing."""


@asynccontextmanager
async def wrong(redis: Redis, keys: list[str]) -> AsyncIterator[None]:
    """The keys are strings meanwhile; what was in them comes back."""
    for key in keys:
        if await redis.exists(key):
            await redis.rename(key, f"aside:{key}")
        await redis.set(key, "wrong")
    yield
    for key in keys:
        await redis.delete(key)
        if await redis.exists(f"aside:{key}"):
            await redis.rename(f"aside:{key}", key)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("step_name", STEPS)
async def test_a_call_is_refused_or_done_whole(step_name: str, redis: Redis) -> None:
    prepare, step = STEPS[step_name]
    await prepare(redis)
    await step(redis)
    expected = await members_of(redis)
    refused = 0
    for name, keys in KEYS_OF.items():
        await redis.flushdb()
        await prepare(redis)
        async with wrong(redis, keys):
            was_refused = await is_refused(step, redis)
        if step_name not in PUTS:
            assert {len(places) for places in (await places_of(redis)).values()} <= {1}, name
        refused += was_refused
        if was_refused:
            await step(redis)
        assert without(await members_of(redis), keys) == without(expected, keys), (name, was_refused)
    assert refused < len(KEYS_OF)
    assert (refused == 0) is (step_name in ONLY_COUNTS)
    await redis.flushdb()


async def is_refused(step: Step, redis: Redis) -> bool:
    """Whether a key's type is why a call fails."""
    try:
        await step(redis)
    except ResponseError as error:
        if "WRONGTYPE" not in str(error):
            raise
        return True
    return False


def without(found: dict[str, set[bytes]], keys: list[str]) -> dict[str, set[bytes]]:
    names = {name_of(key) for key in keys}
    return {name: members for name, members in found.items() if name not in names}
