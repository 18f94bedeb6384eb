"""Ends jobs for good, with their results and dead letters. See finish.lua and finish_mixed.lua."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
from redis.asyncio import Redis

from monarq.shared.formats.native.ids import is_made
from monarq.shared.formats.native.jobs.claim import IncarnationGoneError
from monarq.shared.formats.native.jobs.run_counts import count_runs
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.protocol.acks import Finish
from monarq.shared.redis.scripts import Argument, check_batch

_SCRIPT = NativeScript.load("jobs/finish")
_MIXED = NativeScript.load("jobs/finish_mixed")
_GONE: Final = -1

BATCH: Final = 1000
"""The most jobs in one call."""

KEPT_MS: Final = 3_600_000
"""How long results in the ring last: this long, and up to ten minutes longer."""

SMALL: Final = 512
"""The most bytes of a result that is published with the end of its job."""

_MOST_RECENT: Final = 10
_encode = msgspec.msgpack.Encoder().encode


@dataclass(slots=True)
class FinishReply:
    """The reply to a finish.

    Attributes:
        lost: raw ids of the jobs that were no longer the incarnation's; then none of the call's jobs was ended.
        heard: how many listened to the ends.
    """

    lost: list[bytes] = field(default_factory=list)
    heard: int = 0


async def finish(
    redis: Redis,
    keys: NativeKeys,
    incarnation: str,
    finished: Sequence[Finish],
    *,
    max_dead: int,
    lanes: Mapping[str, str],
    with_results: bool,
) -> FinishReply:
    """Ends the jobs, at most `BATCH` of them: all, or none if one is no longer the incarnation's.

    Args:
        redis: the client.
        keys: the queue's keys.
        incarnation: who holds them.
        finished: the jobs.
        max_dead: how many dead letters the queue keeps.
        lanes: the lanes of jobs that do not run on the event loop, by job name, for display.
        with_results: publish small results with the ends, for listeners.

    Raises:
        ValueError: there are more than `BATCH`.
        IncarnationGoneError: the incarnation has ended for good.
        RedisError: the call failed; repeat it.
    """
    check_batch(finished, BATCH)
    head: list[Argument] = [_recent(finished, lanes), keys.ended]
    if any(each.keep_ms != KEPT_MS or each.dead_letter for each in finished):
        script, arguments = _MIXED, _mixed(finished, head, max_dead, with_results=with_results)
    else:
        script, arguments = _SCRIPT, _alike(finished, head, with_results=with_results)
    reply = await script.run_on(redis, keys, arguments, incarnation=incarnation)
    if reply[0] == _GONE:
        raise IncarnationGoneError
    return FinishReply(lost=reply[2]) if len(reply) == 3 else FinishReply(heard=reply[1])


def _alike(finished: Sequence[Finish], head: Sequence[Argument], *, with_results: bool) -> list[Argument]:
    """The arguments if all results are kept for an hour and no job is dead."""
    arguments: list[Argument] = [len(finished), *head, _ends(finished, with_results=with_results)]
    arguments += [each.lease.raw_id for each in finished]
    arguments += [each.lease.token for each in finished]
    for each in finished:
        arguments += (each.lease.raw_id, each.result)
    arguments += count_runs(finished)
    return arguments


def _mixed(
    finished: Sequence[Finish], head: Sequence[Argument], max_dead: int, *, with_results: bool
) -> list[Argument]:
    kept = [each for each in finished if each.keep_ms == KEPT_MS]
    unkept = [each for each in finished if each.keep_ms < 0]
    apart = [each for each in finished if each.keep_ms >= 0 and each.keep_ms != KEPT_MS]
    deaths = [each for each in finished if each.dead_letter]
    jobs = [*kept, *unkept, *apart]
    arguments: list[Argument] = [len(jobs), *head, _ends(jobs, with_results=with_results)]
    arguments += (len(kept), len(unkept), len(deaths), max_dead, deaths[0].keep_dead_ms if deaths else 0)
    arguments += [each.lease.raw_id for each in jobs]
    arguments += [each.lease.token for each in jobs]
    for each in kept:
        arguments += (each.lease.raw_id, each.result)
    for each in apart:
        arguments += (each.lease.raw_id, each.result, each.keep_ms)
    for each in deaths:
        letter = b"%s\0%s" % (each.name.encode("utf-8", "surrogateescape"), each.dead_letter)
        arguments += (each.lease.raw_id, letter)
    arguments += count_runs(finished)
    return arguments


def _recent(finished: Sequence[Finish], lanes: Mapping[str, str]) -> bytes:
    """A few of the call's jobs, for display; all that failed are among the dead letters."""
    entries = []
    for each in finished[:_MOST_RECENT]:
        run_ms = each.run_ms if each.run_ms >= 0 else None
        entries.append((each.end.value, run_ms, each.name[:200], each.lease.job_id, lanes.get(each.name, "")))
    return _encode(entries)


def _ends(jobs: Sequence[Finish], *, with_results: bool) -> bytes:
    """The message about ended jobs; see NativeProducerQueue.split_ended.

    It has results only for generated ids: with an id chosen by a user, there may be another job when it arrives.
    """
    if not with_results:
        return b"i" + b"\0".join([each.lease.raw_id for each in jobs])
    flat: list[bytes | None] = []
    for each in jobs:
        is_told = each.keep_ms >= 0 and len(each.result) <= SMALL and is_made(each.lease.raw_id)
        flat += (each.lease.raw_id, each.result if is_told else None)
    return b"r" + _encode(flat)
