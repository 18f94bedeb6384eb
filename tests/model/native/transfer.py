"""Jobs that go from one place to another: `queues move` from an arq queue, and letters whose id has a new home.

Both put the job in at its destination, under a mark that stays there until the source is gone, and then drop the
source. So whoever goes on after a transfer that stopped anywhere learns whether the job was put in, however long ago
that was and whatever has become of it.
"""

from __future__ import annotations

from dataclasses import replace

from tests.model.native.calls import Cancel, Discard, Enqueue, Forget, Revive, Word
from tests.model.native.guards import Guard
from tests.model.native.producer import Attempt, Submitter
from tests.model.native.source_queue import SourceJob, SourceQueue
from tests.model.native.surroundings import Surroundings
from tests.model.native.terms import LEASE, home

PAGE = 2


class Mover:
    """One run of `queues move`.

    Attributes:
        has_finished: it found nothing more, and has let the source go.
    """

    def __init__(self, around: Surroundings, source: SourceQueue, shards: int) -> None:
        self.has_finished = False
        self._around = around
        self._source = source
        self._submitter = Submitter(around, shards)
        self._run = f"run{next(around.numbers)}"
        self._has_begun = False
        self._page: list[tuple[SourceJob, int]] = []
        self._job: SourceJob | None = None
        self._attempt: Attempt | None = None
        self._arrived: Attempt | None = None
        self._asked: Attempt | None = None
        self._dropped: Attempt | None = None
        self._half: set[int] = set()

    def step(self) -> None:
        """Makes the next call."""
        if self._dropped is not None:
            self._forget(self._dropped)
        elif self._asked is not None:
            self._tell_of_cancellation(self._asked)
        elif self._arrived is not None:
            self._drop(self._arrived)
        elif self._attempt is not None:
            self._put(self._attempt)
        elif self._page:
            self._begin_job(*self._page.pop(0))
        elif self._has_begun:
            self._take()
        else:
            self._has_begun = self._around.send_elsewhere(lambda: self._source.begin(self._run) or True) is True

    def _take(self) -> None:
        sent_at = self._around.clock.now
        replied = self._around.send_elsewhere(lambda: (self._source.take(self._run, PAGE),))
        if replied is None:
            return
        page = replied[0]
        if page is None:
            self.has_finished = True
        elif page:
            self._page = [(job, sent_at + LEASE) for job in page]
        elif self._half:
            self.has_finished = True  # what is left in both is for the next run
        else:
            self.has_finished = self._around.send_elsewhere(lambda: self._source.close(self._run) or True) is True

    def _begin_job(self, job: SourceJob, until: int) -> None:
        self._job = job
        self._attempt = self._submitter.attempt(
            Enqueue(
                shard=0,
                call=f"move:arq:queue:{job.job_id}:{job.payload}",
                job_id=job.job_id,
                payload=job.payload,
                shards=0,
                again=True,
                until=until,
                due=job.score,
                tries=job.tries,
                crashes=job.crashes,
                marked=True,
                cancelled=job.cancelled,
            )
        )

    def _put(self, attempt: Attempt) -> None:
        self._submitter.send(attempt)
        if not attempt.is_over:
            return
        self._attempt = None
        if attempt.word is Word.IN:
            self._half.add(attempt.call.payload)
            self._arrived = attempt
            # An earlier run may have put it in before its cancellation was asked for.
            self._asked = attempt if attempt.call.cancelled else None

    def _tell_of_cancellation(self, attempt: Attempt) -> None:
        if self._around.send(Cancel(attempt.decided_by, attempt.call.job_id)) is not None:
            self._asked = None

    def _drop(self, attempt: Attempt) -> None:
        job = self._job
        assert job is not None
        replied = self._around.send_elsewhere(lambda: (self._source_drops(job),))
        if replied is None:
            return
        if replied[0] is Word.ASKED:
            self._job, self._asked = replace(job, cancelled=True), attempt
            return
        self._arrived = None
        self._dropped = attempt if replied[0] is Word.DONE else None
        if replied[0] is Word.DONE:
            self._half.discard(job.payload)

    def _source_drops(self, job: SourceJob) -> Word | None:
        was_asked = self._source.is_asked(job.job_id)
        word = self._source.drop(self._run, job)
        if word is Word.DONE:
            self._around.checks.left_elsewhere(job.payload, cancelled=was_asked)
        return word

    def _forget(self, attempt: Attempt) -> None:
        if self._around.send(Forget(attempt.decided_by, attempt.call.call)) is not None:
            self._dropped = None


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
        self._may_leave = not around.is_on(Guard.LETTER_ASKS)
        self._is_in = False
        self._is_discarded = False

    def step(self) -> None:
        """Makes the next call."""
        if not self._may_leave:
            self._ask()
        elif self._is_discarded:
            self.is_over = self._around.send(Forget(self._call.shard, self._call.call)) is not None
        elif self._is_in:
            discard = Discard(self._source, self._call.job_id, self._payload)
            self._is_discarded = self._around.send(discard) is not None
        else:
            self._put()

    def _ask(self) -> None:
        """From then on none of its id comes to the source: it takes that from nobody who believes in fewer shards."""
        reply = self._around.send(Revive(self._source, self._call.job_id, self._call.shards, only_asks=True))
        if reply is not None:
            self._may_leave = reply.word is Word.IN
            self.is_over = not self._may_leave

    def _put(self) -> None:
        reply = self._around.send(self._call)
        if reply is None:
            return
        self._is_in = reply.word is Word.IN
        self.is_over = not self._is_in
