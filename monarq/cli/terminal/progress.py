"""How far a retry or deletion of dead letters has come: a bar where stderr is a terminal, and a line at the end."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

from monarq.cli.terminal.console import open_console, say
from monarq.shared.text.printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress


class Tally:
    """Counts, shows, and says at the end what was done: also where it ends early.

    Attributes:
        done: with how many letters it was done.
        refused: with how many it could not be done.
    """

    def __init__(self, total: int, *, done: str, undone: str) -> None:
        """Shows nothing yet.

        Args:
            total: how many letters there are.
            done: what they are when it is done.
            undone: what a job that was refused was not.
        """
        self.done = 0
        self.refused = 0
        self._total = total
        self._done_words = done
        self._undone_words = undone
        self._bar = _open_bar(total) if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        counted = "1 job is" if self.done == 1 else f"{self.done:,} jobs are"
        left = self._total - self.done - self.refused
        parts = [f"{counted} {self._done_words}", f"{self.refused:,} refused" if self.refused else ""]
        say(f"monarq: {', '.join([*filter(None, parts), *([f'{left:,} left as they were'] if left > 0 else [])])}")

    def add(self, count: int) -> None:
        """It is done with so many more."""
        self.done += count
        self._show()

    def refuse(self, job_id: str, why: str) -> None:
        """It could not be done with this one."""
        self.refused += 1
        line = f"monarq: {printable(job_id)} is not {self._undone_words}: {why}"
        if self._bar is not None:
            self._bar.console.print(line, soft_wrap=True)
        else:
            say(line)
        self._show()

    def _show(self) -> None:
        if self._bar is not None:
            for task in self._bar.task_ids:
                self._bar.update(task, completed=self.done + self.refused)


def _open_bar(total: int) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    bar = Progress(
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=open_console(sys.stderr),
        expand=True,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        refresh_per_second=5,
    )
    bar.add_task("", total=total)
    return bar
