"""Progress watchers of a queue: which callbacks get the reports of which jobs. Bookkeeping only, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from monarq.shared.payloads.progress import Progress
from monarq.shared.payloads.progress_codec import decode_progress
from monarq.shared.protocol.producer_queue import ProducerQueue


class ProgressWatcher:
    """A callback that gets the progress reports of one job.

    Attributes:
        queue: the job's queue.
        job_id: the job's id.
        raw_id: the job's id as bytes, as Redis sends it.
    """

    __slots__ = ("_last", "_on_progress", "job_id", "queue", "raw_id")

    def __init__(self, queue: ProducerQueue, job_id: str, on_progress: Callable[[Progress], None]) -> None:
        self.queue = queue
        self.job_id = job_id
        self.raw_id = job_id.encode()
        self._on_progress = on_progress
        self._last: Progress | None = None

    def notify(self, progress: Progress | None) -> None:
        """Passes a report on, unless it or a newer one was passed on before: a report may arrive in two ways."""
        if progress is None or (self._last is not None and progress.at <= self._last.at):
            return
        self._last = progress
        self._on_progress(progress)


class ProgressWatchers:
    """All progress watchers of one queue.

    Attributes:
        queue: the queue.
        subscribed: whether the queue's channel is subscribed to, so that no report is missed.
    """

    def __init__(self, queue: ProducerQueue) -> None:
        self.queue = queue
        self.subscribed = False
        self._by_job: dict[bytes, list[ProgressWatcher]] = {}
        self._due: dict[ProgressWatcher, None] = {}

    def __len__(self) -> int:
        return len(self._by_job)

    def __contains__(self, raw_id: object) -> bool:
        """Whether the job of this id is watched."""
        return raw_id in self._by_job

    def add(self, watcher: ProgressWatcher) -> None:
        """Adds a watcher. Its job's last report is due to be fetched once no newer one can be missed."""
        self._by_job.setdefault(watcher.raw_id, []).append(watcher)
        if self.subscribed:
            self._due[watcher] = None

    def remove(self, watcher: ProgressWatcher) -> None:
        """Removes a watcher."""
        watchers = self._by_job[watcher.raw_id]
        watchers.remove(watcher)
        self._due.pop(watcher, None)
        if not watchers:
            del self._by_job[watcher.raw_id]

    def dispatch(self, message: bytes) -> None:
        """Notifies the watchers of the jobs whose reports are in a message of the queue's channel."""
        for raw_id, report in self.queue.split_reports(message):
            watchers = self._by_job.get(raw_id)
            if watchers is not None:
                progress = decode_progress(report)
                for watcher in list(watchers):
                    watcher.notify(progress)

    def of_jobs(self, raw_ids: Iterable[bytes]) -> list[ProgressWatcher]:
        """The watchers of these jobs."""
        return [watcher for raw_id in raw_ids for watcher in self._by_job.get(raw_id, ())]

    def mark_all_due(self) -> None:
        """Marks the last report of every watched job as due to be fetched."""
        self._due |= {watcher: None for watchers in self._by_job.values() for watcher in watchers}

    def take_due(self, limit: int) -> Sequence[ProgressWatcher]:
        """Takes up to `limit` watchers for whose jobs the last report is due to be fetched."""
        taken = list(islice(self._due, limit))
        for watcher in taken:
            del self._due[watcher]
        return taken
