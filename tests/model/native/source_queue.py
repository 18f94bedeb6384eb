"""The queue that jobs are moved from, in arq's format, as producers, workers and people use it meanwhile."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Protocol

from tests.model.native.calls import Word
from tests.model.native.clock import Clock
from tests.model.native.guards import Guard
from tests.model.native.terms import LEASE, REPEAT_FOR


@dataclass(frozen=True, slots=True)
class SourceJob:
    """A job; `score` is when it is due, and `cancelled` whether its cancellation was asked for when it was taken."""

    job_id: str
    payload: int
    score: int
    tries: int = 0
    crashes: int = 0
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """Who has a job, and until when."""

    token: str
    until: int


class SourceQueue(Protocol):
    """The boundary that the model's source and the real scripts of arq's format share."""

    def put(self, job: SourceJob, *, again: bool) -> Word:
        """A producer puts a job in: IN, EXISTED, or UNKNOWN where nobody can know whether it was in before."""

    def claim(self) -> SourceJob | None:
        """A worker takes the first job, unless the queue is paused."""

    def end(self, job: SourceJob) -> bool:
        """The worker has run it; False where it is not its own any more."""

    def cancel(self, job_id: str) -> bool:
        """Somebody asks for the cancellation of a job; whether there is one."""

    def resume(self) -> bool:
        """Somebody lets the queue go on; False where that is refused."""

    def begin(self, run: str) -> None:
        """A run of the move pauses the queue and takes over."""

    def take(self, run: str, limit: int) -> tuple[SourceJob, ...] | None:
        """Leases jobs that nobody runs; None where another run has taken over."""

    def drop(self, run: str, job: SourceJob) -> Word | None:
        """Drops a job: DONE, LOST, or ASKED where it was cancelled since; None where another run took over."""

    def close(self, run: str) -> None:
        """The move has come to its end."""

    def waiting(self) -> dict[str, int]:
        """Ids and payloads of what has not ended."""

    def is_asked(self, job_id: str) -> bool:
        """Whether the cancellation of a job was asked for."""


@dataclass(slots=True)
class ModelSource:
    """What the scripts of arq's format do, as far as a move is concerned."""

    clock: Clock
    guards: Collection[Guard]
    jobs: dict[str, SourceJob] = field(default_factory=dict)
    leases: dict[str, Lease] = field(default_factory=dict)
    requests: set[str] = field(default_factory=set)
    gone: dict[str, int] = field(default_factory=dict)
    is_paused: bool = False
    moving: str = ""

    def put(self, job: SourceJob, *, again: bool) -> Word:
        mine = self.jobs.get(job.job_id)
        has_gone = self.gone.get(job.job_id, 0) >= self.clock.now
        if mine is not None:
            return Word.IN if again and mine.payload == job.payload else Word.EXISTED
        if again and has_gone:
            return Word.UNKNOWN
        self.jobs[job.job_id] = job
        self.requests.discard(job.job_id)
        return Word.IN

    def claim(self) -> SourceJob | None:
        if self.is_paused:
            return None
        due = [job for job in self._free("") if job.score <= self.clock.now]
        if not due:
            return None
        self.leases[due[0].job_id] = Lease("worker", self.clock.now + LEASE)
        return due[0]

    def end(self, job: SourceJob) -> bool:
        return self._remove(job.job_id, "worker")

    def cancel(self, job_id: str) -> bool:
        if job_id in self.jobs:
            self.requests.add(job_id)
        return job_id in self.jobs

    def resume(self) -> bool:
        if self.moving and Guard.NOT_RESUMED in self.guards:
            return False
        self.is_paused = False
        return True

    def begin(self, run: str) -> None:
        self.is_paused, self.moving = True, run

    def take(self, run: str, limit: int) -> tuple[SourceJob, ...] | None:
        if self.moving != run:
            return None
        page = self._free("move")[:limit]
        for job in page:
            self.leases[job.job_id] = Lease(f"move:{run}", self.clock.now + LEASE)
            if Guard.LEASE_KEEPS_SCORE not in self.guards:
                self.jobs[job.job_id] = replace(job, score=self.clock.now + LEASE)
        return tuple(replace(job, cancelled=job.job_id in self.requests) for job in page)

    def drop(self, run: str, job: SourceJob) -> Word | None:
        if self.moving != run:
            return None
        if not self._is_leased(job.job_id, f"move:{run}"):
            return Word.LOST
        if job.job_id in self.requests and not job.cancelled and Guard.DROP_SEES_CANCEL in self.guards:
            return Word.ASKED
        if Guard.DROP_LEAVES_TRACE in self.guards:
            self.gone[job.job_id] = self.clock.now + REPEAT_FOR
        return Word.DONE if self._remove(job.job_id, f"move:{run}") else Word.LOST

    def close(self, run: str) -> None:
        if self.moving == run:
            self.moving = ""

    def waiting(self) -> dict[str, int]:
        return {job.job_id: job.payload for job in self.jobs.values()}

    def is_asked(self, job_id: str) -> bool:
        return job_id in self.requests

    def _free(self, but: str) -> list[SourceJob]:
        """What nobody has, in order; leases of these are none."""
        now, leases = self.clock.now, self.leases
        free = [
            job
            for job in self.jobs.values()
            if job.job_id not in leases
            or leases[job.job_id].until < now
            or (but and leases[job.job_id].token.startswith(but))
        ]
        return sorted(free, key=lambda job: (job.score, job.job_id))

    def _is_leased(self, job_id: str, token: str) -> bool:
        lease = self.leases.get(job_id)
        return lease is not None and lease.token == token and lease.until >= self.clock.now and job_id in self.jobs

    def _remove(self, job_id: str, token: str) -> bool:
        if not self._is_leased(job_id, token):
            return False
        del self.jobs[job_id]
        del self.leases[job_id]
        self.requests.discard(job_id)
        return True
