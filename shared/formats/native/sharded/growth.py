"""Adds shards to a queue. It may be interrupted anywhere and repeated.

Once each old shard knows the new number, callers that know fewer shards can add no jobs. Then ids may move, but only
from old shards to new ones, and a new shard accepts an id only if the old one no longer has it. The old shards must not
lose the new number again when Redis restarts or fails over, so new shards are opened a while later, and only if every
old one still knows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from redis.asyncio import Redis

from monarq.shared.errors import SettingsError
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.queues.pause import paused_since_ms
from monarq.shared.formats.native.queues.shards import Told, read_shards, tell_shard
from monarq.shared.formats.native.shards import ONE, Shards, tag_of
from monarq.shared.formats.native.workers.fleet import register_queues
from monarq.shared.queue import check_shards
from monarq.shared.redis.clock import read_now_ms

SETTLED_AFTER_S: Final = 5.0
"""How much of its newest history Redis may lose: a second with its append-only file, a few in a failover."""

KEPT_S: Final = 30 * 86400.0
"""How long ids are also looked up in their old shards by default: results and dead letters are kept no longer."""

Report = Callable[[str], None]


async def set_shards(
    redis: Redis,
    name: str,
    count: int,
    *,
    keep_s: float = KEPT_S,
    settled_after_s: float = SETTLED_AFTER_S,
    report: Report = lambda _: None,
) -> Shards:
    """Gives a queue this many shards; if it has them already, ensures that each of them knows.

    Args:
        redis: the client.
        name: the queue.
        count: how many.
        keep_s: how long ids are also looked up in their old shards, in seconds; 0 forever.
        settled_after_s: how long to wait until the new number can no longer be lost, in seconds.
        report: called with the current step, for display.

    Returns:
        The queue's shards.

    Raises:
        SettingsError: that number is not possible.
        UnsupportedError: the queue was made by a later version of monarq.
        RedisError: a call failed; call it again.
    """
    check_shards(count)
    while True:
        [known] = await read_shards(redis, [name])
        check_number(name, count, known)
        if known is None:
            told = await _begin(redis, name, count)
        elif count == 1:
            return ONE
        else:
            told = await _raise(redis, name, count, known, keep_s, settled_after_s, report)
        if told is not None:
            await register_queues(redis, (name,))
            return told


def check_number(name: str, count: int, known: Shards | None) -> None:
    """Refuses impossible numbers.

    Raises:
        SettingsError: the queue has more shards, or is growing to fewer.
    """
    if known is None:
        return
    if known.count > count:
        raise SettingsError(
            f"queue {name} has {known.count} shards and cannot be reduced to {count}, as jobs would be lost:"
            f" declare it with {known.count}, or use another name"
        )
    if known.opened < known.count < count:
        raise SettingsError(
            f"queue {name} is growing to {known.count} shards: run `monarq queues shards {name} {known.count}` first"
        )


async def _begin(redis: Redis, name: str, count: int) -> Shards | None:
    """Opens a queue that nobody has used; None if somebody has meanwhile."""
    shards = Shards(count, opened=count)
    if count == 1:
        return ONE
    for shard in range(1, count):
        await tell_shard(redis, tag_of(name, shard), shards)
    return None if await tell_shard(redis, name, shards, expected=0) is Told.UNEXPECTED else shards


async def _raise(
    redis: Redis, name: str, count: int, known: Shards, keep_s: float, settled_after_s: float, report: Report
) -> Shards | None:
    """Raises the number, or continues doing so; None if it was meanwhile raised to another one."""
    if known.count == count:
        goal = known
    else:
        until_ms = await read_now_ms(redis) + round(keep_s * 1000) if keep_s else 0
        goal = Shards(count, (known.count, *known.before), until_ms, opened=known.count)
    first_new = goal.before[0] if goal.before and goal.opened < count else count
    rounds = [("tells the shards that there will be", range(first_new)), ("opens", range(first_new, count))]
    for what, shards in rounds:
        report(f"{what} {len(shards)} more" if shards.start else f"{what} {count}")
        if not await _tell_until_settled(redis, name, goal, shards, known.count, settled_after_s, report):
            return None
    done = Shards(count, goal.before, goal.until_ms, opened=count)
    for shard in reversed(range(count)):  # shard 0 last: it is the one that is asked
        await tell_shard(redis, tag_of(name, shard), done)
    return done


async def _tell_until_settled(
    redis: Redis,
    name: str,
    goal: Shards,
    shards: Sequence[int],
    expected: int,
    settled_after_s: float,
    report: Report,
) -> bool:
    """Tells the shards until none had to be told again; False if shard 0 knows another number than expected."""
    while shards:
        paused_ms = await paused_since_ms(redis, NativeKeys.of(name)) or None
        was_news = False
        for shard in shards:
            told = await tell_shard(
                *(redis, tag_of(name, shard), goal),
                expected=None if shard else expected,
                paused_ms=paused_ms if shards[0] else None,
            )
            if told is Told.UNEXPECTED:
                return False
            was_news = was_news or told is Told.NEWS
        if not was_news:
            break
        report(f"waits {settled_after_s:g} s, until that cannot be lost")
        await asyncio.sleep(settled_after_s)
    return True
