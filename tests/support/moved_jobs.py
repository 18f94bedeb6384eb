"""Jobs that a transfer has taken."""

from __future__ import annotations

from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.transfer import Marks, MovedJob
from monarq.shared.protocol.transfer_notes import mark_of


def moved_jobs(*ids: str) -> list[MovedJob]:
    """Ordinary jobs with these ids, due since 1970."""
    return [MovedJob(each.encode(), b"payload", "io", 2.0) for each in ids]


def marks_of(source: QueueRef, *ids: str) -> Marks:
    """The marks of these jobs, found just now, without expiry."""
    return Marks(2**52, tuple(mark_of(source, job) for job in moved_jobs(*ids)))
