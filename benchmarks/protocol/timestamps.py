"""The timestamps: a file in memory on which producers and jobs of any process write when things happened.

It belongs to no queue, so that all peers are measured by the same clock and at the same cost: one write of 8 bytes.
Every job has a number, and a row of four 64-bit cells: enqueued, started, ended (ns of the monotonic clock, 0 for not
yet) and the process that ran it. `peers/bullmq` writes the same rows from Node.
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
"""The environment variable that has the path of the timestamps."""


class Timestamps:
    """The rows of one pool's jobs.

    Args:
        path: the file; it must be there.
    """

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._cells = memoryview(mmap.mmap(file.fileno(), 0)).cast("q")
        self.rows = len(self._cells) // CELLS

    @classmethod
    def create(cls, path: Path, rows: int) -> Timestamps:
        """Makes an empty file of so many rows; only rows that are used take memory."""
        with path.open("wb") as file:
            file.truncate(rows * CELLS * 8)
        return cls(path)

    @classmethod
    def of_environment(cls) -> Timestamps:
        """Those of this run."""
        return cls(Path(os.environ[VARIABLE]))

    def mark(self, number: int, cell: int) -> None:
        """It happened now."""
        self._cells[CELLS * number + cell] = time.monotonic_ns()

    def mark_process(self, number: int) -> None:
        """It happens in this process."""
        self._cells[CELLS * number + PROCESS] = os.getpid()

    def column(self, cell: int, first: int, count: int) -> list[int]:
        """One cell of `count` jobs from number `first` on."""
        return self._cells[CELLS * first + cell : CELLS * (first + count) : CELLS].tolist()

    def ended_until(self, at: int, end: int) -> int:
        """The first number from `at` to `end` whose job has not ended; `end` if all have."""
        cells = self._cells
        while at < end and cells[CELLS * at + ENDED]:
            at += 1
        return at
