"""Everything that can happen to a few jobs, two workers and their clients, in any order; made by Hypothesis.

Each rule does one thing to the real queue and to the model, compares the replies, and tells the ledger of promises.
After each the whole of Redis is compared with the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeVar

import redis as blocking_redis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.answers import CancelAnswer, Promoted
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode
from tests.model.model_state import state_of
from tests.model.promises import Promises
from tests.model.queue_model import QueueModel
from tests.model.real_queue import RealQueue
from tests.model.terms import DELAY_S, PAYLOAD_S, Job, Taken
from tests.support.queue_state import QueueState

T = TypeVar("T")

IDS: Final = st.sampled_from(["a", "b"])
WORKERS: Final = st.sampled_from(["w1", "w2"])
LANE_QUEUES: Final = st.sampled_from(["io", "io", "cpu"])
BACK: Final = st.sampled_from([0, 0, 0, 1, 1, 2, 4])
"""How far back among the leases, claims or enqueues that there were: the older, the likelier stale."""


class QueueMachine(RuleBasedStateMachine):
    """The real scripts, the model and the promises, side by side."""

    client: blocking_redis.Redis

    def __init__(self) -> None:
        super().__init__()
        self.real = RealQueue(self.client)
        self.model = QueueModel()
        self.promises = Promises()
        self.seen = QueueState()
        self.leases: list[Taken] = []
        self.claims: list[tuple[str, str]] = []
        self.given_up: list[tuple[str, str]] = []
        self.enqueues: list[tuple[EnqueueMode, Job]] = []
        self.arq_aborts: list[str] = []
        self.arq_moved: list[str] = []
        self.deaths = {"w1": 0, "w2": 0}

    # Clients.

    @initialize(lane_queue=LANE_QUEUES)
    def begin(self, lane_queue: LaneQueue) -> None:
        for job_id in ("a", "b"):
            self._enqueue(EnqueueMode.NAMED, Job(job_id, job_id, lane_queue))
        self.is_as_promised()
        self.leases += self._claim(self._id("w1"), lane_queue, 1, None)

    @rule(job_id=IDS, lane_queue=LANE_QUEUES, delayed=st.booleans(), expires=st.booleans())
    def enqueue(self, job_id: str, lane_queue: LaneQueue, delayed: bool, expires: bool) -> None:
        payload = f"{job_id}{len(self.enqueues)}"
        self._enqueue(EnqueueMode.NAMED, Job(job_id, payload, lane_queue, DELAY_S * delayed, PAYLOAD_S * expires))

    @precondition(lambda self: len(self.enqueues) < 6)
    @rule(lane_queue=LANE_QUEUES)
    def enqueue_new(self, lane_queue: LaneQueue) -> None:
        name = f"n{len(self.enqueues)}"
        self._enqueue(EnqueueMode.NEW, Job(name, name, lane_queue))

    @precondition(lambda self: self.enqueues)
    @rule(back=BACK)
    def enqueue_again(self, back: int) -> None:
        self._enqueue(EnqueueMode.REPEATED, _pick(self.enqueues, back)[1])

    def _enqueue(self, mode: EnqueueMode, job: Job) -> None:
        before = self.model.stats["enqueued"]
        code = self.real.enqueue(mode, job)
        self._same(code, self.model.enqueue(mode, job))
        if mode != EnqueueMode.REPEATED:
            self.enqueues.append((mode, job))
        if self.model.stats["enqueued"] > before:
            assert code is Enqueued.ADDED
            self.promises.on_added(job)

    @rule(job_id=IDS)
    def cancel(self, job_id: str) -> None:
        answer = self.real.cancel(job_id)
        self._same(answer, self.model.cancel(job_id))
        assert (answer is CancelAnswer.UNKNOWN) == (job_id not in self.seen.queue)
        if answer is CancelAnswer.WAITS:
            self.promises.on_moved(job_id, misplaced=False)

    @rule(job_id=IDS)
    def promote(self, job_id: str) -> None:
        answer = self.real.promote(job_id)
        self._same(answer, self.model.promote(job_id))
        assert (answer is Promoted.UNKNOWN) == (job_id not in self.seen.queue)

    @precondition(lambda self: len(self.enqueues) > 3)
    @rule(lane_queue=LANE_QUEUES)
    def purge_first(self, lane_queue: LaneQueue) -> None:
        order = list(self.seen.cpu if lane_queue == "cpu" else self.seen.queue)
        answer = self.real.purge_first(lane_queue)
        self._same(answer, self.model.purge_first(order, lane_queue))
        if answer == (1, 0):
            self.promises.on_purged(order[0])

    @rule(job_id=IDS)
    def arq_abort_looks(self, job_id: str) -> None:
        (self.arq_aborts if self.model.arq_looks(job_id) else self.arq_moved).append(job_id)

    @precondition(lambda self: self.arq_aborts)
    @rule()
    def arq_abort_moves(self) -> None:
        job_id = self.arq_aborts.pop(0)
        self.real.arq_moves(job_id)
        self.model.arq_moves(job_id)
        self.promises.ghosts.add(job_id)
        self.promises.on_moved(job_id, misplaced=job_id in self.seen.cpu)
        self.arq_moved.append(job_id)

    @precondition(lambda self: self.arq_moved)
    @rule()
    def arq_abort_asks(self) -> None:
        job_id = self.arq_moved.pop(0)
        self.real.arq_asks(job_id)
        self.model.arq_asks(job_id)

    @precondition(lambda self: self.leases)
    @rule(back=BACK)
    def arq_abort_crosses_finish(self, back: int) -> None:
        """It looked while the job ran, and puts its id back into the queue after the job's end."""
        lease = _pick(self.leases, back)
        was_seen = self.model.arq_looks(lease.id)
        self.finish(back=back, success=True, keep=True, buried=False)
        if was_seen:
            self.arq_aborts.insert(0, lease.id)
            self.arq_abort_moves()

    # Workers.

    @rule(worker=WORKERS, lane_queue=LANE_QUEUES, limit=st.sampled_from([1, 10]), alone=st.sampled_from([None, 1, 2]))
    def claim(self, worker: str, lane_queue: LaneQueue, limit: int, alone: int | None) -> None:
        taken = self._claim(self._id(worker), lane_queue, limit, alone)
        assert len(taken) <= 1 or alone not in [lease.crashes for lease in taken]
        self.leases += taken

    @rule(worker=WORKERS, lane_queue=LANE_QUEUES)
    def claim_without_reply(self, worker: str, lane_queue: LaneQueue) -> None:
        self._claim(self._id(worker), lane_queue, 10, None)

    @precondition(lambda self: self.given_up)
    @rule(back=BACK, lane_queue=LANE_QUEUES)
    def claim_comes_late(self, back: int, lane_queue: LaneQueue) -> None:
        worker, token = _pick(self.given_up, back)
        assert self._call_claim(worker, token, lane_queue, 10, None) == []

    def _id(self, worker: str) -> str:
        """A worker that died is followed by another of a new name."""
        return f"{worker}.{self.deaths[worker]}"

    @rule(worker=WORKERS, lane_queue=LANE_QUEUES)
    def claim_in_a_pause(self, worker: str, lane_queue: LaneQueue) -> None:
        self.real.pause()
        taken = self.real.claim(worker, "of a pause", lane_queue, 10, None)
        self.real.resume()
        assert taken == [], f"a paused queue gave {taken}"
        self._check_unchanged()

    def _claim(self, worker: str, lane_queue: LaneQueue, limit: int, alone: int | None) -> list[Taken]:
        token = f"t{len(self.claims)}"
        self.claims.append((worker, token))
        return self._call_claim(worker, token, lane_queue, limit, alone)

    def _call_claim(self, worker: str, token: str, lane_queue: LaneQueue, limit: int, alone: int | None) -> list[Taken]:
        order = list(self.seen.cpu if lane_queue == "cpu" else self.seen.queue)
        taken = self.real.claim(worker, token, lane_queue, limit, alone)
        self._same(taken, self.model.claim(worker, token, lane_queue, limit, alone, order))
        for lease in taken:
            self.promises.on_claimed(lease)
        return taken

    @precondition(lambda self: self.claims)
    @rule(back=BACK)
    def release_claim(self, back: int) -> None:
        worker, token = _pick(self.claims, back)
        freed = self.real.release_claim(worker, token)
        self._same(freed, self.model.release_claim(worker, token))
        self.promises.on_released(worker, token, freed)
        self.given_up.append((worker, token))

    @precondition(lambda self: self.leases)
    @rule(worker=WORKERS)
    def renew(self, worker: str) -> None:
        newest = {lease.id: lease for lease in self.leases if lease.worker == self._id(worker)}
        self._renew(self._id(worker), list(newest.values()))

    @precondition(lambda self: self.leases)
    @rule(back=BACK)
    def renew_old(self, back: int) -> None:
        lease = _pick(self.leases, back)
        self._renew(lease.worker, [lease])

    def _renew(self, worker: str, leases: list[Taken]) -> None:
        lost = self.real.renew(worker, leases)
        self._same(lost, self.model.renew(worker, leases))
        self.promises.on_renewed(leases, lost)
        if len(lost) == len(leases):
            self._check_unchanged()

    @precondition(lambda self: self.leases)
    @rule(back=BACK, success=st.booleans(), keep=st.booleans(), buried=st.booleans())
    def finish(self, back: int, success: bool, keep: bool, buried: bool) -> None:
        lease = _pick(self.leases, back)
        letter = buried and not success
        lost = self.real.finish(lease, success, keep, letter)
        self._same(lost, self.model.finish(lease, success, keep, letter))
        self.promises.on_finished(lease, lost)
        if lost:
            self._check_unchanged()

    @precondition(lambda self: self.leases)
    @rule(back=BACK, lane_queue=LANE_QUEUES, delayed=st.booleans())
    def retry(self, back: int, lane_queue: LaneQueue, delayed: bool) -> None:
        lease = _pick(self.leases, back)
        self._requeue(lease, lane_queue, self.model.now + DELAY_S * delayed, lease.tries + 1)

    @precondition(lambda self: self.leases)
    @rule(back=BACK, lane_queue=LANE_QUEUES)
    def hand_back(self, back: int, lane_queue: LaneQueue) -> None:
        lease = _pick(self.leases, back)
        self._requeue(lease, lane_queue, lease.score, None)

    @precondition(lambda self: self.leases)
    @rule(back=BACK)
    def crash(self, back: int) -> None:
        lease = _pick(self.leases, back)
        lost = self.real.crash(lease)
        self._same(lost, self.model.crash(lease))
        self.promises.on_crashed(lease, lost)
        if lost:
            self._check_unchanged()

    def _requeue(self, lease: Taken, lane_queue: LaneQueue, due: float, tries: int | None) -> None:
        lost = self.real.requeue(lease, lane_queue, due, tries)
        self._same(lost, self.model.requeue(lease, lane_queue, due, tries))
        self.promises.on_requeued(lease, tries, lost)
        if lost:
            self._check_unchanged()

    @rule(worker=WORKERS)
    def recover(self, worker: str) -> None:
        name = self._id(worker)
        freed = sorted(self.real.recover(name))
        self._same(freed, sorted(self.model.recover(name)))
        self.promises.on_recovered(name, freed)
        self.deaths[worker] += 1
        self.given_up.append((name, f"late{len(self.given_up)}"))

    @precondition(lambda self: self.model.aborts or any(until <= self.model.now for until in self.model.signs.values()))
    @rule()
    def sweep(self) -> None:
        freed = self.real.sweep()
        self._same(freed, self.model.sweep())
        self.promises.on_swept(freed)

    @rule(seconds=st.sampled_from([40, 120, 400]))
    def pass_time(self, seconds: int) -> None:
        self.real.pass_time(seconds)
        self.model.pass_time(seconds)
        self.promises.now += seconds

    # What holds.

    @invariant()
    def is_as_promised(self) -> None:
        state = self.real.state()
        expected = state_of(self.model)
        assert state == expected, f"Redis (first) is not as the model\n{state.difference(expected)}"
        self.promises.check(state)
        self.seen = state

    def _same(self, real: object, model: object) -> None:
        assert real == model, f"{real!r} was replied, and the model says {model!r}"

    def _check_unchanged(self) -> None:
        """A stale call may do no more than tidy up what its own worker holds."""
        state = self.real.state()
        alike = replace(state, leases={}) == replace(self.seen, leases={})
        assert alike, state.difference(self.seen)


def _pick(known: Sequence[T], back: int) -> T:
    return known[-1 - back % len(known)]
