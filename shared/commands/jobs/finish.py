"""finish: end jobs for good, with their results. See finish.lua."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from monarq.shared.commands.jobs.claim import Lease
from monarq.shared.commands.jobs.run_groups import NO_LANES, NOT_RUN, CameTo, Kinds
from monarq.shared.redis.keys import QueueKeys
from monarq.shared.redis.scripts import Argument, Script, as_ids, check_batch

_SCRIPT = Script.load("jobs/finish")

BATCH = 1000
"""The most jobs of one call."""


@dataclass(slots=True, eq=False)
class Ending:
    """How a job ended.

    Attributes:
        lease: the job.
        success: whether it returned.
        result: the bytes of its result.
        keep_ms: ms to keep the result for; 0 for ever, -1 not at all.
        name: the job's name, '' where its payload did not tell.
        letter: what its dead letter says, as JSON; b'' for none.
        keep_dead_ms: ms to keep the dead letter for.
        run_ms: ms that its function ran for; `NOT_RUN` where it was not called.
        aborted: whether it ended because somebody wanted that.
    """

    lease: Lease
    success: bool
    result: bytes
    keep_ms: int
    name: str = ""
    letter: bytes = b""
    keep_dead_ms: int = 0
    run_ms: int = NOT_RUN
    aborted: bool = False

    @property
    def came_to(self) -> CameTo:
        """What it is counted as."""
        if self.success:
            return CameTo.DONE
        if self.aborted:
            return CameTo.ABORTED
        return CameTo.DEAD if self.letter else CameTo.FAILED


async def finish(
    redis: Redis,
    keys: QueueKeys,
    worker: str,
    endings: Sequence[Ending],
    max_dead: int,
    lanes: Mapping[str, str] = NO_LANES,
) -> list[bytes]:
    """Ends the jobs, at most `BATCH` of them, and gives the raw ids of those that were not the worker's any more.

    Args:
        redis: the client.
        keys: the queue's keys.
        worker: the worker's id.
        endings: the jobs.
        max_dead: how many dead letters the queue keeps.
        lanes: by name those of jobs that do not run on the event loop, for people.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: the call failed; repeat it.
    """
    check_batch(endings, BATCH)
    kinds = Kinds(lanes)
    jobs: list[Argument] = []
    for ending in endings:
        lease = ending.lease
        jobs += (
            lease.raw_id,
            lease.token,
            kinds.index(lease, ending.name, ending.came_to, ending.run_ms),
            ending.keep_ms,
            ending.result,
            ending.letter,
            ending.keep_dead_ms,
        )
    return as_ids(await _SCRIPT.run(redis, keys, (worker, max_dead, len(kinds), *kinds.arguments(), *jobs)))
