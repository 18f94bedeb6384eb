"""The progress bars of single jobs, which `monarq enqueue --wait` shows on a terminal while there is room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monarq.shared.payloads.progress import Progress
from monarq.shared.text.printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

MAX_BARS: Final = 12
"""The most bars at once."""

RESERVED_LINES: Final = 4
"""Lines of the terminal that are kept free of bars."""

ID_LENGTH: Final = 8
"""Characters of a job's id that are shown: enough to tell the jobs on a screen apart."""


class JobBars:
    """A bar for each job that reports progress, from its first report to its end.

    Args:
        bars: the progress display; its tasks have a field `shown`.
    """

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def update(self, job_id: str, progress: Progress) -> None:
        """Shows a progress report. If there is no room for a bar, a later report shows it once there is."""
        shown = self._cut(describe(job_id, progress))
        total = progress.total if progress.total and progress.total > 0 else None
        if job_id not in self._tasks:
            if len(self._tasks) >= min(MAX_BARS, self._bars.console.height - RESERVED_LINES):
                return
            self._tasks[job_id] = self._bars.add_task("", total=total, shown=shown)
        self._bars.update(self._tasks[job_id], completed=progress.done, total=total, shown=shown)

    def remove(self, job_id: str) -> None:
        """Removes the bar of a job that has ended."""
        task = self._tasks.pop(job_id, None)
        if task is not None:
            self._bars.remove_task(task)

    def _cut(self, line: str) -> str:
        """The line, cut to leave room for the bar."""
        from rich.text import Text

        text = Text(line)
        text.truncate(self._bars.console.width * 2 // 3, overflow="ellipsis")
        return text.plain


def describe(job_id: str, progress: Progress) -> str:
    """A job's progress in one line."""
    amount = f"{progress.done:,.10g}" + ("" if progress.total is None else f"/{progress.total:,.10g}")
    line = " ".join((job_id[:ID_LENGTH], amount, progress.message))
    return printable(" ".join(line.split()))
