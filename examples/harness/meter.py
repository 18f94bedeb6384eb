"""A progress meter and stopwatch for a workload: a bar on a terminal, a line at the end elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

OnPart = Callable[[], None]
"""A function to call after each part."""

REFRESH_S: Final = 0.1
LABEL_WIDTH: Final = 50


class Meter:
    """The progress and the time of one workload.

    Attributes:
        seconds: how long it took; 0 until it has ended.
    """

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self.seconds = 0.0
        self._bar = bar
        self._task = task
        self._shown_at = 0.0

    def on_part(self) -> None:
        """Counts a part. The bar is drawn here, at most every `REFRESH_S`: a thread of rich would slow the workload."""
        self._bar.advance(self._task)
        if time.monotonic() - self._shown_at > REFRESH_S:
            self._bar.refresh()
            self._shown_at = time.monotonic()


@contextmanager
def metered(console: Console, label: str, parts: int) -> Iterator[Meter]:
    """Shows and times the block.

    Args:
        console: where to show it.
        label: what the block does.
        parts: how often `Meter.on_part` will be called.
    """
    columns = (
        TextColumn(f"{{task.description:<{LABEL_WIDTH}}}"),
        BarColumn(10),
        MofNCompleteColumn(),
        TextColumn("{task.elapsed:5.2f} s"),
    )
    with Progress(*columns, console=console, auto_refresh=False, disable=not console.is_terminal) as bar:
        meter = Meter(bar, bar.add_task(label, total=parts))
        bar.refresh()
        started = time.perf_counter()
        yield meter
        meter.seconds = time.perf_counter() - started
    if not console.is_terminal:
        console.print(f"{label}: {parts:,} in {meter.seconds:.2f} s", highlight=False)
