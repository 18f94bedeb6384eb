"""Jobs that go from one place to another: `queue move` from an arq queue, and letters whose id has a new home.

Both put the job in at its destination, under a mark that stays there until the source is gone, and then drop the
source. So whoever goes on after a transfer that stopped anywhere learns whether the job was put in, however long ago
that was and whatever has become of it.
"""

from __future__ import annotations

from tests.model.native.arq_queue import ArqJob, ArqQueue
from tests.model.native.calls import Discard, Enqueue, Forget, Word
from tests.model.native.producer import Attempt, Submitter
from tests.model.native.surroundings import Surroundings
from tests.model.native.terms import LEASE, home

PAGE = 2


class Mover:
    """One run of `queue move`.

    Attributes:
        has_finished: the source was empty.
    """

    def __init__(self, around: Surroundings, source: ArqQueue, shards: int) -> None:
        self.has_finished = False
        self._around = around
        self._source = source
        self._submitter = Submitter(around, shards)
        self._token = f"mover{next(around.numbers)}"
        self._page: list[tuple[ArqJob, int]] = []
        self._attempt: Attempt | None = None
        self._moved: Attempt | None = None
        self._removed: Attempt | None = None

    def step(self) -> None:
        """Makes the next call."""
        if self._removed is not None:
            self._forget(self._removed)
        elif self._moved is not None:
            self._remove(self._moved)
        elif self._attempt is not None:
            self._put(self._attempt)
        elif self._page:
            self._attempt = self._begun(*self._page.pop(0))
        else:
            self._lease()

    def _lease(self) -> None:
        sent_at = self._around.clock.now
        page = self._around.send_elsewhere(lambda: self._source.lease(self._token, PAGE))
        if page is not None:
            self._page = [(job, sent_at + LEASE) for job in page]
            self.has_finished = not page

    def _begun(self, job: ArqJob, until: int) -> Attempt:
        return self._submitter.attempt(
            Enqueue(
                shard=0,
                call=f"move:arq:queue:{job.job_id}",
                job_id=job.job_id,
                payload=job.payload,
                shards=0,
                again=True,
                until=until,
                due=job.score,
                tries=job.tries,
                crashes=job.crashes,
                marked=True,
            )
        )

    def _put(self, attempt: Attempt) -> None:
        self._submitter.send(attempt)
        if attempt.is_over:
            self._moved = attempt if attempt.word is Word.IN else None
            self._attempt = None

    def _remove(self, attempt: Attempt) -> None:
        removed = self._around.send_elsewhere(lambda: self._source.remove(attempt.call.job_id, self._token))
        if removed is None:
            return
        self._moved = None
        self._removed = attempt if removed else None

    def _forget(self, attempt: Attempt) -> None:
        if self._around.send(Forget(attempt.decided_by, attempt.call.call)) is not None:
            self._removed = None


class LetterTransfer:
    """Revives a dead letter whose id has moved to another shard."""

    def __init__(self, around: Surroundings, source: int, job_id: str, payload: int, shards: int) -> None:
        self.is_over = False
        self._around = around
        self._source = source
        self._payload = payload
        self._call = Enqueue(
            shard=home(job_id, shards),
            call=f"revive:{source}:{job_id}:{payload}",
            job_id=job_id,
            payload=payload,
            shards=shards,
            again=True,
            until=around.clock.now + LEASE,
            marked=True,
        )
        self._is_in = False
        self._is_discarded = False

    def step(self) -> None:
        """Makes the next call."""
        if self._is_discarded:
            self.is_over = self._around.send(Forget(self._call.shard, self._call.call)) is not None
        elif self._is_in:
            discard = Discard(self._source, self._call.job_id, self._payload)
            self._is_discarded = self._around.send(discard) is not None
        else:
            self._put()

    def _put(self) -> None:
        reply = self._around.send(self._call)
        if reply is None:
            return
        self._is_in = reply.word is Word.IN
        self.is_over = not self._is_in
