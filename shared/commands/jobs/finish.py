"""Ends jobs for good, with their results and dead letters. See finish.lua."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from monarq.shared.commands.jobs.claim import Lease
from monarq.shared.commands.jobs.run_groups import NO_LANES, NOT_RUN, RunGroups, RunStatus
from monarq.shared.redis.keys import QueueKeys
from monarq.shared.redis.scripts import Argument, Script, as_ids, check_batch

_SCRIPT = Script.load("jobs/finish")

BATCH = 1000
"""The most jobs of one call."""


@dataclass(slots=True, eq=False)
class Finish:
    """The end of a job.

    Attributes:
        lease: the job.
        success: whether it returned.
        result: the bytes of its result.
        keep_ms: ms to keep the result for; 0 for ever, -1 not at all.
        name: the job's name, '' where its payload did not have it.
        dead_letter: the text of its dead letter, as JSON; b'' for none.
        keep_dead_ms: ms to keep the dead letter for.
        run_ms: ms that its function ran for; `NOT_RUN` where it was not called.
        aborted: whether it ended because its abort was requested.
    """

    lease: Lease
    success: bool
    result: bytes
    keep_ms: int
    name: str = ""
    dead_letter: bytes = b""
    keep_dead_ms: int = 0
    run_ms: int = NOT_RUN
    aborted: bool = False

    @property
    def status(self) -> RunStatus:
        """What it is counted as."""
        if self.success:
            return RunStatus.DONE
        if self.aborted:
            return RunStatus.ABORTED
        return RunStatus.DEAD if self.dead_letter else RunStatus.FAILED


async def finish(
    redis: Redis,
    keys: QueueKeys,
    worker: str,
    finished: Sequence[Finish],
    max_dead: int,
    lanes: Mapping[str, str] = NO_LANES,
) -> list[bytes]:
    """Ends the jobs, at most `BATCH` of them; returns the raw ids of those that were not the worker's any more.

    Args:
        redis: the client.
        keys: the queue's keys.
        worker: the worker's id.
        finished: the jobs.
        max_dead: how many dead letters the queue keeps.
        lanes: the lanes of jobs that do not run on the event loop, by job name, for people.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: the call failed; repeat it.
    """
    check_batch(finished, BATCH)
    groups = RunGroups(lanes)
    jobs: list[Argument] = []
    for each in finished:
        lease = each.lease
        jobs += (
            lease.raw_id,
            lease.token,
            groups.add(lease, each.name, each.status, each.run_ms),
            each.keep_ms,
            each.result,
            each.dead_letter,
            each.keep_dead_ms,
        )
    return as_ids(await _SCRIPT.run(redis, keys, (worker, max_dead, len(groups), *groups.arguments(), *jobs)))
