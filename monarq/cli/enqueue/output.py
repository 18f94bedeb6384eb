"""The output of `monarq enqueue`: results on stdout, and progress bars on stderr if that is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from monarq.cli.enqueue.job_bars import JobBars
from monarq.cli.terminal.console import say
from monarq.cli.terminal.progress import ProgressBar
from monarq.shared.payloads.progress import Progress as JobProgress
from monarq.shared.text.printable import printable

if TYPE_CHECKING:
    from rich.progress import ProgressColumn


class Output:
    """Writes lines to stdout, and shows bars below them.

    Attributes:
        enqueued: jobs that have been enqueued.
        ended: jobs that have ended, including the failed ones.
        failed: jobs that failed.
    """

    def __init__(self, *, shows_bar: bool, waits: bool, total_bytes: int | None) -> None:
        """Shows nothing yet.

        Args:
            shows_bar: whether to show a bar if stderr is a terminal.
            waits: whether the command waits for jobs to end; then the bar shows how many have ended.
            total_bytes: the size of the input, which the bar shows otherwise; None if unknown.
        """
        self.enqueued = 0
        self.ended = 0
        self.failed = 0
        self._waits = waits
        self._total_bytes = total_bytes
        self._started_s = time.monotonic()
        self._bar = ProgressBar(_text_columns, is_wanted=shows_bar, shown="")
        self._jobs = JobBars(self._bar.rich) if self._bar.rich is not None else None

    def __enter__(self) -> Self:
        self._bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.__exit__(kind, error, trace)

    def write(self, lines: Iterable[str]) -> None:
        """Writes lines to stdout and flushes it, since the reader of a pipe may be waiting for them."""
        if sys.stdout.isatty():
            lines = list(map(printable, lines))
        if self._bar.rich is not None and sys.stdout.isatty():
            # Writing to the bar's terminal directly would garble the bar.
            for line in lines:
                self._bar.rich.console.print(line, soft_wrap=True)
            return
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()

    def say(self, line: str) -> None:
        """Writes a line to stderr, above the bar."""
        self._bar.say(line)

    def note_enqueued(self, count: int, bytes_read: int) -> None:
        """Counts enqueued jobs; `bytes_read` is the total so far."""
        self.enqueued += count
        if self._waits:
            self._show(self.ended, self.enqueued)
        else:
            self._show(bytes_read, self._total_bytes)

    def note_ended(self, job_id: str, *, success: bool) -> None:
        """Counts a job that has ended."""
        if self._jobs is not None:
            self._jobs.remove(job_id)
        self.ended += 1
        self.failed += not success
        self._show(self.ended, self.enqueued)

    @property
    def shows_jobs(self) -> bool:
        """Whether the progress of single jobs is shown."""
        return self._waits and self._jobs is not None

    def note_progress(self, job_id: str, progress: JobProgress) -> None:
        """Shows the progress that a job has reported."""
        if self._jobs is not None:
            self._jobs.update(job_id, progress)

    def summarize(self) -> None:
        """Writes to stderr how many jobs were enqueued, ended and failed."""
        took = f"in {time.monotonic() - self._started_s:.1f} s"
        if not self._waits:
            say(f"monarq: {self.enqueued:,} jobs enqueued {took}")
        else:
            say(f"monarq: of {self.enqueued:,} jobs, {self.ended:,} ended and {self.failed:,} failed {took}")

    def _show(self, completed: int, total: int | None) -> None:
        shown = f"{self.enqueued:,} enqueued"
        if self._waits:
            shown += f", {self.ended:,} ended, {self.failed:,} failed"
        self._bar.update(completed, total=total, shown=shown)


def _text_columns() -> Iterable[ProgressColumn]:
    from rich.progress import BarColumn, TextColumn

    return BarColumn(bar_width=None), TextColumn("{task.fields[shown]}", markup=False)
