"""What a worker has done so far, counted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class RunCounters:
    """Runs by how they ended, and `started`, which is all of them.

    `complete` returned, `failed` for good, `retried` and `crashed` run again. `abandoned_threads` are those of thread
    jobs that have passed their timeout, or were cancelled, and still go on.
    """

    started: int = 0
    complete: int = 0
    failed: int = 0
    retried: int = 0
    crashed: int = 0
    handed_back: int = 0
    lost: int = 0
    abandoned_threads: int = 0
