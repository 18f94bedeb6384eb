"""Progress bars on stderr, and the count of jobs that a command has acted on.

A bar is shown only if stderr is a terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from monarq.cli.terminal.console import open_console, say
from monarq.shared.text.printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


class ProgressBar:
    """A bar at the bottom of the terminal, for the length of a `with` block.

    Attributes:
        rich: rich's bars; None if none are shown.
    """

    def __init__(
        self,
        make_columns: Callable[[], Iterable[ProgressColumn]],
        *,
        total: float | None = None,
        is_wanted: bool = True,
        **fields: Any,
    ) -> None:
        """Shows nothing yet.

        Args:
            make_columns: returns the columns; called only if a bar is shown, since rich takes a while to import.
            total: the value of a full bar; None if unknown.
            is_wanted: whether to show a bar if stderr is a terminal.
            fields: more values that the columns show.
        """
        self.rich = open_bar(make_columns(), total, **fields) if is_wanted and sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self.rich is not None:
            self.rich.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.rich is not None:
            self.rich.stop()

    def update(self, completed: float, **changes: Any) -> None:
        """Moves the bar, and changes its total or fields."""
        if self.rich is not None:
            self.rich.update(self.rich.task_ids[0], completed=completed, **changes)

    def say(self, line: str) -> None:
        """Writes a line to stderr, above the bar."""
        if self.rich is not None:
            self.rich.console.print(printable(line), soft_wrap=True)
        else:
            say(line)


def open_bar(columns: Iterable[ProgressColumn], total: float | None, **fields: Any) -> Progress:
    """Rich's progress display on stderr with one bar, which is removed at its end."""
    from rich.progress import Progress

    bar = Progress(
        *columns,
        console=open_console(sys.stderr),
        expand=True,
        transient=True,
        # rich would otherwise redirect stdout to stderr.
        redirect_stdout=False,
        redirect_stderr=False,
        refresh_per_second=5,
    )
    bar.add_task("", total=total, **fields)
    return bar


class ActionProgress:
    """Counts the jobs that a command has acted on, shows a bar meanwhile, and prints the count at the end.

    It also prints the count if the command is interrupted.

    Attributes:
        done: jobs that were acted on.
        refused: jobs that could not be acted on.
    """

    def __init__(self, total: int, *, done_words: str, undone_words: str) -> None:
        """Shows nothing yet.

        Args:
            total: how many jobs there are.
            done_words: the state of most jobs that were acted on, such as `back in the queue`.
            undone_words: the action as a participle, such as `retried`, for messages about refused jobs.
        """
        self.done = 0
        self.refused = 0
        self._total = total
        self._done_words = done_words
        self._done_otherwise: dict[str, int] = {}
        self._undone_words = undone_words
        self._bar = ProgressBar(count_columns, total=total)

    def __enter__(self) -> Self:
        self._bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.__exit__(kind, error, trace)
        counts = {self._done_words: self.done - sum(self._done_otherwise.values())}
        if (self._done_otherwise or self.refused) and not counts[self._done_words]:
            counts = {}
        counts |= self._done_otherwise
        refused = [f"{_counted(self.refused)} refused"] if self.refused else []
        done = [f"{_counted(count)} {'is' if count == 1 else 'are'} {words}" for words, count in counts.items()]
        left = self._total - self.done - self.refused
        say(f"monarq: {', '.join([*refused, *done, *([f'{left:,} left as they were'] if left > 0 else [])])}")

    def add_done(self, count: int, words: str | None = None) -> None:
        """Counts jobs that were acted on.

        Args:
            count: how many.
            words: their state. Default: `done_words`.
        """
        self.done += count
        if words is not None:
            self._done_otherwise[words] = self._done_otherwise.get(words, 0) + count
        self._bar.update(self.done + self.refused)

    def add_refused(self, job_id: str, reason: str) -> None:
        """Counts a job that could not be acted on, and prints why."""
        self.refused += 1
        self._bar.say(f"monarq: {printable(job_id)} not {self._undone_words}: {reason}")
        self._bar.update(self.done + self.refused)


def _counted(count: int) -> str:
    return f"{count:,} {'job' if count == 1 else 'jobs'}"


def count_columns() -> Iterable[ProgressColumn]:
    """A bar, the count and the total, and the remaining time."""
    from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn

    return BarColumn(bar_width=None), MofNCompleteColumn(), TimeRemainingColumn()
