"""The life of the queue that jobs are moved from: producers, a worker, and those who steer it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.model.native.calls import Word
from tests.model.native.source_queue import SourceJob, SourceQueue
from tests.model.native.surroundings import Surroundings
from tests.model.native.terms import REPEAT_FOR

CHOSEN_IDS = ("A", "moved1")


@dataclass(slots=True)
class _Sent:
    """An enqueue whose outcome is unknown."""

    job: SourceJob
    at: int


class SourceLife:
    """All that happens at the source beside the move. Its worker is one that no network lies before."""

    def __init__(self, around: Surroundings, source: SourceQueue) -> None:
        self._around = around
        self._source = source
        self._unknown: list[_Sent] = []
        self._running: SourceJob | None = None

    def step(self) -> None:
        """Something happens."""
        luck = self._around.random.random()
        if luck < 0.5:
            self._enqueue()
        elif luck < 0.65:
            self._cancel_one()
        elif luck < 0.75:
            self._source.resume()
        else:
            self.work()

    def work(self) -> bool:
        """The worker takes a job, or ends the one that it runs; whether it had anything to do."""
        if self._running is None:
            self._running = self._source.claim()
            return self._running is not None
        if self._source.end(self._running):
            self._around.checks.ended_elsewhere(self._running.payload)
        self._running = None
        return True

    def _enqueue(self) -> None:
        around = self._around
        if self._unknown and around.chance(0.6):
            self.repeat()
            return
        number = next(around.numbers)
        job_id = around.random.choice(CHOSEN_IDS) if around.chance(0.3) else f"new{number}"
        job = SourceJob(job_id, number, around.clock.now)
        self._send(_Sent(job, around.clock.now), again=False)

    def repeat(self) -> None:
        """Its producer repeats an enqueue whose outcome is unknown."""
        if self._unknown:
            self._send(self._unknown.pop(0), again=True)

    def _send(self, sent: _Sent, *, again: bool) -> None:
        """Its call comes at once or never: what comes late is the promise of arq's format."""
        around = self._around
        if sent.at + REPEAT_FOR < around.clock.now:
            return
        luck = around.random.random()
        if luck < 0.1:
            self._unknown.append(sent)
            return
        before = self._source.waiting()
        word = self._source.put(sent.job, again=again)
        if word is Word.IN and before.get(sent.job.job_id) != sent.job.payload:
            around.checks.put_elsewhere(sent.job.payload, around.clock.now)
        if luck < 0.5:
            self._unknown.append(sent)

    def _cancel_one(self) -> None:
        waiting = sorted(self._source.waiting())
        if waiting:
            self._source.cancel(self._around.random.choice(waiting))
