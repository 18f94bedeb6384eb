"""What docs/lifecycle.md promises, checked on replies and on Redis' state alone, whatever the model says.

The ledger knows what was asked and what was replied. It does not know how any of it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.model.terms import LEASE_S, Job, Taken
from tests.support.queue_state import QueueState


@dataclass(slots=True)
class Grant:
    """A lease as its worker knows it."""

    token: str
    worker: str
    until: int


@dataclass(slots=True)
class Life:
    """One job, from the enqueue that was acknowledged to its end."""

    payload: str
    expires: int | None
    tries: int = 0
    crashes: int = 0


@dataclass(slots=True)
class Promises:
    """The ledger.

    Attributes:
        now: whole seconds since the example began.
        lives: jobs that were acknowledged and have not ended.
        grants: who was given each job last, unless it was given back.
        ghosts: ids that arq's abort() may have put back into the queue.
        blurred: ids whose lease's mark an abort may have wiped out: the crash of that lease is not counted.
        misplaced: cpu jobs that arq's abort() has put where io lanes look: they stand in two sets, and a crash of a
            lease that was taken from one is not seen by who claims from the other.
        added, started, retried, crashed, ended: what the counters must say.
    """

    now: int = 0
    lives: dict[str, Life] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    ghosts: set[str] = field(default_factory=set)
    blurred: set[str] = field(default_factory=set)
    misplaced: set[str] = field(default_factory=set)
    added: int = 0
    started: int = 0
    retried: int = 0
    ended: int = 0

    def owns(self, lease: Taken) -> bool:
        """Whether a worker may still end this run."""
        grant = self.grants.get(lease.id)
        return grant is not None and grant.token == lease.token and grant.until > self.now

    def on_added(self, job: Job) -> None:
        """An enqueue has made a job."""
        life = self.lives.get(job.id)
        assert life is None or self._has_expired(life), f"{job.id} was enqueued a second time while it lives"
        assert not self._is_owned(job.id), f"{job.id} was enqueued while somebody runs it"
        self.lives[job.id] = Life(job.payload, self.now + job.ttl_s if job.ttl_s else None)
        self.grants.pop(job.id, None)
        self.blurred.discard(job.id)
        self.misplaced.discard(job.id)
        self.added += 1

    def on_claimed(self, lease: Taken) -> None:
        """A claim was given a job."""
        self.started += 1
        assert not self._is_owned(lease.id), f"{lease.id} has two owners"
        before = self.grants.get(lease.id)
        self.grants[lease.id] = Grant(lease.token, lease.worker, self.now + LEASE_S)
        life = self.lives.get(lease.id)
        if life is None:
            assert lease.payload is None, f"{lease.id} has ended and runs again"
            assert lease.id in self.ghosts, f"{lease.id} is in the queue and no job"
            return
        assert lease.payload == (None if self._has_expired(life) else life.payload), f"{lease.id} has another payload"
        assert lease.tries == life.tries, f"{lease.id} has used {life.tries} tries, not {lease.tries}"
        life.crashes += before is not None
        if lease.id in self.blurred | self.misplaced:
            life.crashes = min(life.crashes, lease.crashes)
        self.blurred.discard(lease.id)
        assert lease.crashes == life.crashes, f"{lease.id} has crashed {life.crashes} times, not {lease.crashes}"

    def on_renewed(self, leases: list[Taken], lost: list[str]) -> None:
        """A renewal was answered."""
        assert lost == [lease.id for lease in leases if not self.owns(lease)], "the wrong leases are lost"
        for lease in leases:
            if self.owns(lease):
                self.grants[lease.id].until = self.now + LEASE_S
                self._keep_payload(lease.id)
                self.blurred.discard(lease.id)

    def on_finished(self, lease: Taken, lost: list[str]) -> None:
        """A run has ended its job, or was refused."""
        assert lost == ([] if self.owns(lease) else [lease.id]), "only its owner ends a run"
        if not lost:
            self.lives.pop(lease.id, None)
            self._give_up(lease.id)
            self.ghosts.discard(lease.id)
            self.misplaced.discard(lease.id)
            self.ended += 1

    def on_purged(self, job_id: str) -> None:
        """A job was thrown away."""
        assert not self._is_owned(job_id), f"{job_id} was thrown away while somebody runs it"
        self.lives.pop(job_id, None)
        self.grants.pop(job_id, None)
        for ids in (self.ghosts, self.blurred, self.misplaced):
            ids.discard(job_id)

    def on_requeued(self, lease: Taken, tries: int | None, lost: list[str]) -> None:
        """A run has given its job back, or was refused."""
        assert lost == ([] if self.owns(lease) else [lease.id]), "only its owner gives a job back"
        if not lost:
            self._give_up(lease.id)
            if tries is not None:
                self.retried += 1
                if lease.id in self.lives:
                    self.lives[lease.id].tries = tries
                self._keep_payload(lease.id)

    def on_crashed(self, lease: Taken, lost: list[str]) -> None:
        """A job whose process died was given back, or refused."""
        assert lost == ([] if self.owns(lease) else [lease.id]), "only its owner gives a job back"
        if not lost:
            self._count_crash(lease.id)

    def on_released(self, worker: str, token: str, freed: int) -> None:
        """A claim was taken back."""
        mine = [job_id for job_id, grant in self._live_of(worker) if grant.token == token]
        assert freed == len(mine), f"{freed} jobs were freed, and {mine} were held"
        for job_id in mine:
            self._give_up(job_id)

    def on_recovered(self, worker: str, freed: list[str]) -> None:
        """What a dead worker held was freed."""
        mine = {job_id for job_id, _ in self._live_of(worker)}
        assert mine <= set(freed), f"{freed} were freed, and {mine} were held"
        for job_id in freed:
            assert job_id in mine or not self._is_owned(job_id), f"{job_id} was taken from another"
            self._count_crash(job_id)

    def on_swept(self, freed: int) -> None:
        """What silent workers held was freed: nothing that anybody owns. Which jobs, their next claims tell."""
        assert freed <= sum(not self._is_owned(job_id) for job_id in self.grants), "a job was taken from its owner"

    def on_moved(self, job_id: str, *, misplaced: bool) -> None:
        """An abort has put a job in front of all others; misplaced: a cpu job, where io lanes look."""
        if misplaced:
            self.misplaced.add(job_id)
        if job_id in self.grants:
            self.blurred.add(job_id)

    def check(self, state: QueueState) -> None:
        """Holds after every step."""
        for job_id in state.queue:
            assert job_id in self.lives or job_id in self.ghosts, f"{job_id} has ended and is in the queue"
        for job_id, life in self.lives.items():
            assert job_id in state.queue, f"{job_id} is lost: it is in no queue"
            assert job_id in state.payloads or self._has_expired(life), f"{job_id} is lost: its payload is gone"
            assert self._is_owned(job_id) == (job_id in state.tokens), f"{job_id} is both free and owned"
        for job_id in state.payloads:
            assert job_id in self.lives, f"the payload of {job_id} has stayed"
        for job_id, token in state.tokens.items():
            assert self.grants[job_id].token == token, f"{job_id} belongs to one who does not know"
        assert set(state.cpu) <= set(state.queue), "arq's clients cannot see a cpu job"
        self._check_counters({name: int(value) for name, value in state.stats.items()})

    def _check_counters(self, stats: dict[str, int]) -> None:
        expected = {"enqueued": self.added, "started": self.started, "retried": self.retried}
        assert {name: stats.get(name, 0) for name in expected} == expected
        assert stats.get("succeeded", 0) + stats.get("failed", 0) == self.ended

    def _keep_payload(self, job_id: str) -> None:
        """A payload does not expire under a run that goes on, or before the next try."""
        life = self.lives.get(job_id)
        if life is not None and not self._has_expired(life):
            life.expires = None

    def _has_expired(self, life: Life) -> bool:
        return life.expires is not None and life.expires <= self.now

    def _is_owned(self, job_id: str) -> bool:
        return job_id in self.grants and self.grants[job_id].until > self.now

    def _count_crash(self, job_id: str) -> None:
        self._give_up(job_id)
        if job_id in self.lives:
            self.lives[job_id].crashes += 1

    def _live_of(self, worker: str) -> list[tuple[str, Grant]]:
        return [one for one in self.grants.items() if one[1].worker == worker and one[1].until > self.now]

    def _give_up(self, job_id: str) -> None:
        del self.grants[job_id]
        self.blurred.discard(job_id)
