"""A progress meter and stopwatch for one way to do a workload: on a terminal, a bar that disappears when it is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from monarq.examples.harness.effort import Effort, EffortMeter

OnPart = Callable[[], None]
"""A function to call after each part."""

REFRESH_S: Final = 0.1
LABEL_WIDTH: Final = 20


class Meter:
    """The progress and the effort of one way.

    Attributes:
        effort: what it took; set when it has ended.
    """

    effort: Effort

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar = bar
        self._task = task
        self._shown_at = 0.0

    def on_part(self) -> None:
        """Counts a part. The bar is drawn here, at most every `REFRESH_S`: rich's thread would slow down the work."""
        self._bar.advance(self._task)
        if time.monotonic() - self._shown_at > REFRESH_S:
            self._bar.refresh()
            self._shown_at = time.monotonic()


@contextmanager
def metered(console: Console, label: str, parts: int) -> Iterator[Meter]:
    """Shows and measures the block.

    Args:
        console: where to show it; nothing is shown if it is not a terminal.
        label: which way it is.
        parts: how often `Meter.on_part` will be called.
    """
    columns = (
        TextColumn(f"  {{task.description:<{LABEL_WIDTH}}}"),
        BarColumn(20),
        MofNCompleteColumn(),
        TextColumn("{task.elapsed:5.1f} s"),
    )
    with Progress(
        *columns, console=console, auto_refresh=False, transient=True, disable=not console.is_terminal
    ) as bar:
        meter = Meter(bar, bar.add_task(label, total=parts))
        bar.refresh()
        started = EffortMeter()
        yield meter
        meter.effort = started.stop()
