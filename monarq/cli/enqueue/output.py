"""What `monarq enqueue` shows while it works: results on stdout, and bars on stderr where that is a terminal."""

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
    """Writes lines to stdout and keeps the bar below them.

    Attributes:
        enqueued: jobs that are in.
        ended: jobs whose end was seen, the failed among them.
        failed: jobs that failed.
    """

    def __init__(self, *, shows_bar: bool, waits: bool, total_bytes: int | None) -> None:
        """Shows nothing yet.

        Args:
            shows_bar: whether a bar is wanted, where stderr is a terminal.
            waits: whether the ends of jobs are waited for; then the bar tells of these.
            total_bytes: how much is to be read, where that is known; else the bar tells of it.
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
        """Writes lines to stdout, at once: whoever reads them in a pipe is waiting."""
        if sys.stdout.isatty():
            lines = list(map(printable, lines))
        if self._bar.rich is not None and sys.stdout.isatty():
            # What is written past a bar on the same terminal would tear it.
            for line in lines:
                self._bar.rich.console.print(line, soft_wrap=True)
            return
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()

    def tell(self, line: str) -> None:
        """Says a line on stderr, above the bar."""
        self._bar.say(line)

    def note_enqueued(self, count: int, bytes_read: int) -> None:
        """So many more jobs are in, and so much is read by now."""
        self.enqueued += count
        if self._waits:
            self._show(self.ended, self.enqueued)
        else:
            self._show(bytes_read, self._total_bytes)

    def note_ended(self, job_id: str, *, success: bool) -> None:
        """One more job has ended."""
        if self._jobs is not None:
            self._jobs.remove(job_id)
        self.ended += 1
        self.failed += not success
        self._show(self.ended, self.enqueued)

    @property
    def shows_jobs(self) -> bool:
        """Whether anybody sees how far single jobs are."""
        return self._waits and self._jobs is not None

    def note_progress(self, job_id: str, progress: JobProgress) -> None:
        """A job has told how far it is."""
        if self._jobs is not None:
            self._jobs.update(job_id, progress)

    def summarize(self) -> None:
        """Says on stderr what was done."""
        took = f"in {time.monotonic() - self._started_s:.1f} s"
        if not self._waits:
            say(f"monarq: {self.enqueued:,} jobs enqueued {took}")
        else:
            say(f"monarq: of {self.enqueued:,} jobs {self.ended:,} have ended and {self.failed:,} failed {took}")

    def _show(self, completed: int, total: int | None) -> None:
        shown = f"{self.enqueued:,} in"
        if self._waits:
            shown += f", {self.ended:,} ended, {self.failed:,} failed"
        self._bar.update(completed, total=total, shown=shown)


def _text_columns() -> Iterable[ProgressColumn]:
    from rich.progress import BarColumn, TextColumn

    return BarColumn(bar_width=None), TextColumn("{task.fields[shown]}", markup=False)
