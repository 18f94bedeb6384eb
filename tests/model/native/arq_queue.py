"""The arq side of a move: a paused queue in arq's format, with what its own workers still run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tests.model.native.clock import Clock
from tests.model.native.guards import Guard
from tests.model.native.terms import LEASE


@dataclass(frozen=True, slots=True)
class ArqJob:
    """A job in arq's format; `score` is when it is due."""

    job_id: str
    payload: int
    score: int
    tries: int = 0
    crashes: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """Who has a job, and until when."""

    token: str
    until: int


class ArqQueue:
    """A paused queue: nobody claims from it but movers.

    Attributes:
        jobs: id -> job.
        leases: id -> lease; one that is over is no lease.
    """

    def __init__(self, clock: Clock, guards: Collection[Guard], jobs: Collection[ArqJob]) -> None:
        self.jobs = {job.job_id: job for job in jobs}
        self.leases: dict[str, Lease] = {}
        self._clock = clock
        self._keeps_score = Guard.LEASE_KEEPS_SCORE in guards

    def lease(self, token: str, limit: int) -> tuple[ArqJob, ...]:
        """Leases the first jobs that nobody has; says when their leases end by what `leases` holds."""
        now = self._clock.now
        free = [job for job in self.jobs.values() if not self._is_leased(job.job_id)]
        page = sorted(free, key=lambda job: (job.score, job.job_id))[:limit]
        for job in page:
            self.leases[job.job_id] = Lease(token, now + LEASE)
            if not self._keeps_score:
                self.jobs[job.job_id] = ArqJob(job.job_id, job.payload, now + LEASE, job.tries, job.crashes)
        return tuple(page)

    def remove(self, job_id: str, token: str) -> bool:
        """Drops a job without a result; False where it is not leased by this token."""
        lease = self.leases.get(job_id)
        if lease is None or lease.token != token or job_id not in self.jobs:
            return False
        del self.jobs[job_id]
        del self.leases[job_id]
        return True

    def _is_leased(self, job_id: str) -> bool:
        return job_id in self.leases and self.leases[job_id].until >= self._clock.now
