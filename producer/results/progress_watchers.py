"""Who watches the progress of which job: the listener's memory, without any I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from monarq.shared.commands.jobs.progress import split_reports
from monarq.shared.payloads.progress import Progress
from monarq.shared.payloads.progress_codec import decode_progress
from monarq.shared.redis.keys import QueueKeys


class Watch:
    """Somebody who watches one job.

    Attributes:
        keys: the keys of the job's queue.
        job_id: the job's id.
        raw_id: the same as Redis tells it.
    """

    __slots__ = ("_last", "_on_progress", "job_id", "keys", "raw_id")

    def __init__(self, keys: QueueKeys, job_id: str, on_progress: Callable[[Progress], None]) -> None:
        self.keys = keys
        self.job_id = job_id
        self.raw_id = job_id.encode()
        self._on_progress = on_progress
        self._last: Progress | None = None

    def tell(self, progress: Progress | None) -> None:
        """Passes a report on, unless it has been seen or is older than one that was: it may come by two ways."""
        if progress is None or (self._last is not None and progress.at <= self._last.at):
            return
        self._last = progress
        self._on_progress(progress)


class QueueWatches:
    """All those who watch jobs of one queue.

    Attributes:
        keys: the queue's keys.
        heard: whether the queue's channel is being heard, so that no report is missed.
    """

    def __init__(self, keys: QueueKeys) -> None:
        self.keys = keys
        self.heard = False
        self._watching: dict[bytes, list[Watch]] = {}
        self._due: dict[Watch, None] = {}

    def __len__(self) -> int:
        return len(self._watching)

    def add(self, watch: Watch) -> None:
        """One more watches; what its job told before is due to be looked at once no newer report can be missed."""
        self._watching.setdefault(watch.raw_id, []).append(watch)
        if self.heard:
            self._due[watch] = None

    def leave(self, watch: Watch) -> None:
        """Somebody watches no more."""
        watching = self._watching[watch.raw_id]
        watching.remove(watch)
        self._due.pop(watch, None)
        if not watching:
            del self._watching[watch.raw_id]

    def tell(self, message: bytes) -> None:
        """Jobs have told how far they are."""
        for raw_id, report in split_reports(message):
            watching = self._watching.get(raw_id)
            if watching is not None:
                progress = decode_progress(report)
                for watch in list(watching):
                    watch.tell(progress)

    def of(self, raw_ids: Iterable[bytes]) -> list[Watch]:
        """Those who watch these jobs."""
        return [watch for raw_id in raw_ids for watch in self._watching.get(raw_id, ())]

    def make_all_due(self) -> None:
        """Every job that is watched is due to be looked at."""
        self._due |= {watch: None for watching in self._watching.values() for watch in watching}

    def take_due(self, limit: int) -> Sequence[Watch]:
        """The next to look at, at most so many."""
        taken = list(islice(self._due, limit))
        for watch in taken:
            del self._due[watch]
        return taken
