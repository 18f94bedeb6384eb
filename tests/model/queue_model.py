"""What the scripts must do, as plain Python on plain dicts; its state is compared with Redis' after every step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from monarq.shared.formats.arq.keys import ASKED_MARK, LEASED_MARK
from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.answers import CancelAnswer, Promoted
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode
from tests.model.queue_store import QueueStore
from tests.model.terms import (
    CANCEL_WAIT_S,
    FRONT,
    GIVEN_UP_S,
    LEASE_S,
    LEASES_S,
    LETTER_S,
    NO_RESULT_S,
    PARKED,
    RESULT_S,
    Expiring,
    Job,
    Taken,
    shown,
)


@dataclass(slots=True)
class QueueModel(QueueStore):
    """The queue as the documents describe it."""

    # What anyone may do.

    def pass_time(self, seconds: int) -> None:
        """Time goes on, and what has a time to live ends."""
        self.now += seconds
        for keys in (self.payloads, self.tokens, self.results, self.no_results, self.given_up):
            for name in [name for name, key in keys.items() if key.until <= self.now]:
                del keys[name]
        for ended in [name for name, (_, until) in self.held.items() if until <= self.now]:
            del self.held[ended]
        for ended in [name for name, (_, until) in self.letters.items() if until <= self.now]:
            del self.letters[ended]
        if self.dead and max(self.dead.values()) + LETTER_S <= self.now:
            self.dead.clear()

    def enqueue(self, mode: EnqueueMode, job: Job) -> Enqueued:
        """One job is put in, once."""
        code = self._code_of_taken(mode, job)
        if code is not None:
            return code
        self.payloads[job.id] = Expiring(job.payload, self.now + job.ttl_s if job.ttl_s else math.inf)
        if mode != EnqueueMode.NEW:
            self._forget(job.id)
        self._place(job.id, job.lane_queue, self.now + job.delay_s)
        self.stats["enqueued"] += 1
        return Enqueued.ADDED

    def _code_of_taken(self, mode: EnqueueMode, job: Job) -> Enqueued | None:
        stored = self.payloads.get(job.id)
        if mode == EnqueueMode.REPEATED:
            if stored and stored.value == job.payload:
                return Enqueued.ADDED
            if job.id in self.results or job.id in self.no_results:
                return Enqueued.ENDED
            if not stored and job.id in self.tokens:
                return Enqueued.ENDED
        elif mode == EnqueueMode.NAMED and (job.id in self.tokens or job.id in self.results):
            return Enqueued.EXISTED
        return Enqueued.EXISTED if stored else None

    def cancel(self, job_id: str) -> CancelAnswer:
        """monarq's abort."""
        if job_id not in self.queue:
            return CancelAnswer.UNKNOWN
        self.aborts[job_id] = self.now + ASKED_MARK
        if job_id in self.tokens:
            return CancelAnswer.RUNS
        self._place(job_id, self._lane_of(job_id), FRONT)
        return CancelAnswer.WAITS

    def promote(self, job_id: str) -> Promoted:
        """A deferred job is made due."""
        if job_id not in self.queue:
            return Promoted.UNKNOWN
        if job_id in self.tokens:
            return Promoted.RUNS
        score = self.queue[job_id]
        if (self.cpu[job_id] if score == PARKED else score) <= self.now:
            return Promoted.WAS_DUE
        self._place(job_id, self._lane_of(job_id), self.now)
        return Promoted.DUE

    def purge_first(self, order: Iterable[str], lane_queue: LaneQueue) -> tuple[int, int]:
        """The first of a set is thrown away, if it is due and nobody runs it."""
        first = next(iter(order), None)
        if first is None or (self.cpu if lane_queue == "cpu" else self.queue)[first] > self.now:
            return 0, 0
        if first in self.tokens:
            return 0, 1
        self._forget(first)
        self.payloads.pop(first, None)
        self.no_results[first] = Expiring("1", self.now + NO_RESULT_S)
        self.stats["purged"] += 1
        return 1, 0

    def arq_looks(self, job_id: str) -> bool:
        """What arq's abort() asks before it moves a job."""
        known = job_id in self.payloads or job_id in self.results
        return known and self.queue.get(job_id, FRONT) > self.now

    def arq_moves(self, job_id: str) -> None:
        """The first step of arq's abort(), blind to what has happened since it looked."""
        self.queue[job_id] = FRONT

    def arq_asks(self, job_id: str) -> None:
        """Its second step."""
        self.aborts[job_id] = self.now

    # What workers do.

    def claim(
        self, worker: str, token: str, lane_queue: LaneQueue, limit: int, alone: int | None, order: Iterable[str]
    ) -> list[Taken]:
        """Due jobs are leased; `order` is the set's own, as scores of one second differ by less than a second."""
        if token in self.given_up or worker in self.given_up:
            return []
        source = self.cpu if lane_queue == "cpu" else self.queue
        taken: list[Taken] = []
        for job_id in order:
            if len(taken) >= limit or source[job_id] > self.now:
                break
            if job_id in self.tokens:
                continue
            comes_alone = not self._waits_for_request(source, job_id) and self._crashes_at(source, job_id) == alone
            if not (comes_alone and taken):
                taken += self._take(source, job_id, worker, token, lane_queue)
            if comes_alone:
                break
        if taken:
            mine = self.held.get(worker, ({}, 0))[0]
            self.held[worker] = ({**mine, **{one.id: token for one in taken}}, self.now + LEASES_S)
        self.stats["started"] += len(taken)
        return taken

    def _take(
        self, source: dict[str, float], job_id: str, worker: str, token: str, lane_queue: LaneQueue
    ) -> list[Taken]:
        score = source[job_id]
        if self._waits_for_request(source, job_id):
            source[job_id] = self.now + CANCEL_WAIT_S
            return []
        payload = self.payloads.get(job_id)
        if payload is None and (job_id in self.results or job_id in self.no_results):
            self._forget(job_id)
            return []
        if score % 1 == LEASED_MARK:
            self._note_crash(job_id, "its lease ran out")
        self.tokens[job_id] = Expiring(token, self.now + LEASE_S)
        source[job_id] = self.now + LEASE_S + LEASED_MARK
        value = payload.value if payload else None
        tries, asked_s = self.tries.get(job_id, 0), self.aborts.get(job_id)
        crashes = self._crashes(job_id)
        told = score if score == FRONT else shown(score // 1)
        return [Taken(job_id, worker, token, lane_queue, value, tries, crashes, told, asked_s)]

    def _waits_for_request(self, source: dict[str, float], job_id: str) -> bool:
        return source[job_id] == FRONT and job_id not in self.aborts

    def _crashes_at(self, source: dict[str, float], job_id: str) -> int:
        """How many crashes it will have once it is claimed."""
        return self._crashes(job_id) + (source[job_id] % 1 == LEASED_MARK)

    def renew(self, worker: str, leases: Iterable[Taken]) -> list[str]:
        """Leases go on; gives the ids that are lost."""
        self.signs[worker] = self.now + LEASE_S
        mine, lost = self._owned(worker, leases)
        for lease in mine:
            self.tokens[lease.id].until = self.now + LEASE_S
            if lease.id in self.payloads:
                self.payloads[lease.id].until = math.inf
            end = self.now + LEASE_S + LEASED_MARK
            if lease.lane_queue == "cpu" and lease.id in self.cpu:
                self.cpu[lease.id] = end
            if lease.id in self.queue:
                self.queue[lease.id] = PARKED if lease.lane_queue == "cpu" else end
        if mine and worker in self.held:
            self.held[worker] = (self.held[worker][0], self.now + LEASES_S)
        return lost

    def finish(self, lease: Taken, success: bool, keep: bool, letter: bool) -> list[str]:
        """A run ends for good."""
        mine, lost = self._owned(lease.worker, [lease])
        if not mine:
            return lost
        if keep:
            self.results[lease.id] = Expiring(f"result of {lease.token}", self.now + RESULT_S)
        else:
            self.no_results[lease.id] = Expiring("1", self.now + NO_RESULT_S)
        if letter:
            self._bury(lease)
        self._forget(lease.id)
        self.tokens.pop(lease.id)
        self.payloads.pop(lease.id, None)
        self._drop_held(lease.worker, lease.id)
        self.stats["succeeded" if success else "failed"] += 1
        return lost

    def requeue(self, lease: Taken, lane_queue: LaneQueue, due: float, tries: int | None) -> list[str]:
        """A run gives its job back."""
        mine, lost = self._owned(lease.worker, [lease])
        if mine:
            self._free(lease.id, lane_queue, due)
            self._drop_held(lease.worker, lease.id)
            if tries is not None:
                self.tries[lease.id] = tries
                self.stats["retried"] += 1
                if lease.id in self.payloads:
                    self.payloads[lease.id].until = math.inf
        return lost

    def crash(self, lease: Taken) -> list[str]:
        """The process that ran a job has died, and its worker gives it back."""
        mine, lost = self._owned(lease.worker, [lease])
        if mine:
            self._free_lost(lease.id, lease.token, "killed")
            self._drop_held(lease.worker, lease.id)
        return lost

    def release_claim(self, worker: str, token: str) -> int:
        """A claim whose reply was lost is taken back."""
        self.given_up[token] = Expiring("1", self.now + GIVEN_UP_S)
        freed = 0
        for job_id, held in list(self.held.get(worker, ({}, 0))[0].items()):
            if held == token:
                self._drop_held(worker, job_id)
                if self._owner(job_id) == token:
                    self._put_ahead(job_id)
                    freed += 1
        return freed

    def recover(self, worker: str) -> list[str]:
        """What a dead worker held is freed."""
        self.signs.pop(worker, None)
        self.given_up[worker] = Expiring("1", self.now + GIVEN_UP_S)
        held, _ = self.held.pop(worker, ({}, 0))
        return [job_id for job_id, token in held.items() if self._free_lost(job_id, token, "killed")]

    def sweep(self) -> int:
        """What the leases of silent workers held is freed; a worker is silent once its last renewal is a lease ago."""
        freed = 0
        there = self.payloads.keys() | self.tokens.keys()
        self.aborts = {job_id: asked for job_id, asked in self.aborts.items() if job_id in there}
        for worker in [worker for worker, until in self.signs.items() if until <= self.now]:
            for job_id, token in list(self.held.get(worker, ({}, 0))[0].items()):
                if self._owner(job_id) != token:
                    freed += self._free_lost(job_id, token, "its lease ran out")
                    self._drop_held(worker, job_id)
        return freed

    def _free_lost(self, job_id: str, token: str, what: str) -> bool:
        owner = self._owner(job_id)
        if owner != token:
            score = self._source_of(job_id).get(job_id, 0)
            if owner is not None or score > self.now or score % 1 != LEASED_MARK:
                return False
        self._note_crash(job_id, what)
        self._put_ahead(job_id)
        return True

    def _put_ahead(self, job_id: str) -> None:
        """Before all that waits."""
        scores = self._source_of(job_id).values()
        ahead = min((score // 1 for score in scores if FRONT < score <= self.now), default=self.now)
        self._place(job_id, self._lane_of(job_id), ahead)
        self.tokens.pop(job_id, None)
