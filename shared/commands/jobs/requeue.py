"""Gives leased jobs back, to be run later or at once. See requeue.lua."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from monarq.shared.commands.jobs.claim import Lease
from monarq.shared.commands.jobs.run_groups import NOT_RUN, RunGroups, RunStatus
from monarq.shared.lane import LaneQueue
from monarq.shared.redis.keys import QueueKeys
from monarq.shared.redis.scripts import Argument, Script, as_ids, check_batch

_SCRIPT = Script.load("jobs/requeue")

BATCH = 1000
"""The most jobs of one call."""


@dataclass(frozen=True, slots=True)
class Requeue:
    """The return of a job to its queue.

    Attributes:
        lease: the job.
        lane_queue: the set it waits in next.
        due_ms: when it is due, unix ms; 0 counts from now.
        delay_ms: ms from now, where due_ms is 0.
        tries: how many tries it has used; None where the run costs it nothing.
        note: a few words for its history; '' for none.
        name: the job's name, '' where it is not known.
        run_ms: ms that its function ran for; `NOT_RUN` where it was not called.
        unknown_ms: since when no worker has known its name, unix ms; None where this one knows it.
        is_stopped: whether it comes back because its worker stops, whatever that costs it.
    """

    lease: Lease
    lane_queue: LaneQueue
    due_ms: int = 0
    delay_ms: int = 0
    tries: int | None = None
    note: str = ""
    name: str = ""
    run_ms: int = NOT_RUN
    unknown_ms: int | None = None
    is_stopped: bool = False

    @property
    def status(self) -> RunStatus:
        """What its run counts as."""
        return RunStatus.HANDED_BACK if self.tries is None or self.is_stopped else RunStatus.RETRIED


async def requeue(redis: Redis, keys: QueueKeys, worker: str, requeued: Sequence[Requeue]) -> list[bytes]:
    """Gives the jobs back, at most `BATCH` of them; returns the raw ids of those that were not the worker's any more.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: the call failed; repeat it.
    """
    check_batch(requeued, BATCH)
    groups = RunGroups()
    jobs: list[Argument] = []
    for each in requeued:
        jobs += (
            each.lease.raw_id,
            each.lease.token,
            groups.add(each.lease, each.name, each.status, each.run_ms),
            each.lane_queue,
            each.due_ms,
            each.delay_ms,
            "" if each.tries is None else each.tries,
            each.note,
            "" if each.unknown_ms is None else each.unknown_ms,
        )
    return as_ids(await _SCRIPT.run(redis, keys, (worker, len(groups), *groups.arguments(), *jobs)))
