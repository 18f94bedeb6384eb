"""Leases of incarnations: renewed, ended, recovered and lost; and the cleanup of a queue.

See beat.lua, retire.lua, recover.lua, reconcile.lua, count_lost.lua and tidy.lua.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.claim import IncarnationGoneError
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.redis.replies import text
from monarq.shared.redis.scripts import Argument

_BEAT = NativeScript.load("workers/beat")
_RETIRE = NativeScript.load("workers/retire")
_RECOVER = NativeScript.load("workers/recover")
_RECONCILE = NativeScript.load("workers/reconcile")
_TIDY = NativeScript.load("workers/tidy")
_COUNT_LOST = NativeScript.load("workers/count_lost")

RECOVERED_A_CALL: Final = 200
RECONCILED_A_CALL: Final = 1000
"""The most jobs in one call."""

_TIDIED_A_CALL: Final = 1000

_REFUSED: Final = -1


def worker_of(incarnation: str) -> str:
    """The worker to which an incarnation belongs."""
    return incarnation.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class BeatReply:
    """The reply to a heartbeat.

    Attributes:
        held: how many jobs the incarnation holds.
        cancels: raw ids of those whose cancellation was requested.
        overdue: incarnations of the queue whose leases have expired.
    """

    held: int
    cancels: list[bytes]
    overdue: list[str]


def beat(redis: Any, keys: NativeKeys, incarnation: str, lease_ms: int) -> BeatReply:
    """Renews the lease of all jobs of an incarnation; blocking, for the lease thread.

    Raises:
        IncarnationGoneError: it has ended for good.
        RedisError: the call failed; repeat it.
    """
    reply = _BEAT.run_on_sync(redis, keys, (incarnation, lease_ms), incarnation)
    if reply[0] == _REFUSED:
        raise IncarnationGoneError
    held, cancels, overdue = reply
    return BeatReply(held, cancels, [text(each) for each in overdue])


async def retire(redis: Redis, keys: NativeKeys, incarnation: str) -> int:
    """Ends an incarnation unless it holds jobs; returns how many it holds.

    Raises:
        IncarnationGoneError: it has ended for good.
        RedisError: the call failed; repeat it.
    """
    held: int = await _RETIRE.run_on(redis, keys, (incarnation,), incarnation=incarnation)
    if held == _REFUSED:
        raise IncarnationGoneError
    return held


async def recover(
    redis: Redis, keys: NativeKeys, incarnation: str, what: str, *, lease_ms: int, forced: bool = False
) -> int | None:
    """Takes back all jobs of an incarnation, in as many calls as needed.

    Args:
        redis: the client.
        keys: the queue's keys.
        incarnation: the incarnation.
        what: what happened to it, in a few words.
        lease_ms: the caller's lease.
        forced: whether its worker is known to be dead, so that its lease does not matter.

    Returns:
        How many jobs are free again; None if its lease has not expired.

    Raises:
        RedisError: a call failed; repeat it.
    """
    arguments = (incarnation, worker_of(incarnation), int(forced), what, lease_ms, RECOVERED_A_CALL)
    freed: int = 0
    while True:
        reply = await _RECOVER.run_on(redis, keys, arguments, incarnation=incarnation)
        if reply[0] == _REFUSED:
            return None
        freed += reply[0]
        if not reply[1]:
            return freed


async def reconcile(
    redis: Redis, keys: NativeKeys, incarnation: str, claims: Sequence[int], known: Sequence[tuple[bytes, str]]
) -> tuple[int, list[bytes]]:
    """Compares the jobs of some claims that an incarnation holds with those that its worker knows.

    Args:
        redis: the client.
        keys: the queue's keys.
        incarnation: the incarnation.
        claims: the oldest and newest numbers of the claims of the io lane queue, and those of the cpu lane queue.
        known: ids and tokens of the jobs of these claims that the worker knows, at most `RECONCILED_A_CALL`.

    Returns:
        How many jobs were given back, and the raw ids of those that the worker knows but does not hold.

    Raises:
        IncarnationGoneError: it has ended for good.
        RedisError: the call failed; repeat it.
    """
    arguments: list[Argument] = list(claims)
    for job in known:
        arguments += job
    reply = await _RECONCILE.run_on(redis, keys, arguments, incarnation=incarnation)
    if reply[0] == _REFUSED:
        raise IncarnationGoneError
    return reply[0], reply[1]


async def tidy(redis: Redis, keys: NativeKeys) -> None:
    """Deletes expired data of a queue: results, dead letters, trails, and barred calls.

    Raises:
        RedisError: the call failed.
    """
    await _TIDY.run_on(redis, keys, (_TIDIED_A_CALL,))


async def count_lost(redis: Redis, keys: NativeKeys, runs: int) -> None:
    """Counts runs whose leases were lost.

    Raises:
        RedisError: the call failed; repeated, it counts again.
    """
    await _COUNT_LOST.run_on(redis, keys, (runs,))
