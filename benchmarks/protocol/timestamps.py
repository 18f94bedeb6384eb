"""The timestamps: a file in memory in which producers and jobs of any process record when things happened.

It is independent of the queue, so that all peers are measured by the same clock and at the same cost: one write of 8
bytes. Every job has a number, and a row of four 64-bit cells: enqueued, started, ended (ns of the monotonic clock, 0
for not yet) and the process that ran it. `peers/bullmq.js` writes the same rows in Node.
"""

from __future__ import annotations

import mmap
import os
import time
from pathlib import Path
from typing import Final

CELLS: Final = 4
ENQUEUED, STARTED, ENDED, PROCESS = range(CELLS)
VARIABLE: Final = "MONARQ_BENCH_TIMESTAMPS"
"""The environment variable with the path of the timestamps."""


class Timestamps:
    """The rows of a pool's jobs.

    Args:
        path: the file, which must exist.
    """

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._cells = memoryview(mmap.mmap(file.fileno(), 0)).cast("q")
        self.rows = len(self._cells) // CELLS

    @classmethod
    def create(cls, path: Path, rows: int) -> Timestamps:
        """Creates an empty file with this many rows; only used rows take memory."""
        with path.open("wb") as file:
            file.truncate(rows * CELLS * 8)
        return cls(path)

    @classmethod
    def of_environment(cls) -> Timestamps:
        """The timestamps of this run."""
        return cls(Path(os.environ[VARIABLE]))

    def mark(self, number: int, cell: int) -> None:
        """Records the current time."""
        self._cells[CELLS * number + cell] = time.monotonic_ns()

    def mark_process(self, number: int) -> None:
        """Records this process."""
        self._cells[CELLS * number + PROCESS] = os.getpid()

    def column(self, cell: int, first: int, count: int) -> list[int]:
        """A column of cells of `count` jobs from number `first` on."""
        return self._cells[CELLS * first + cell : CELLS * (first + count) : CELLS].tolist()

    def ended_until(self, at: int, end: int) -> int:
        """The first number from `at` to `end` whose job has not ended; `end` if all have."""
        cells = self._cells
        while at < end and cells[CELLS * at + ENDED]:
            at += 1
        return at
