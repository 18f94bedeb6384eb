"""The output for a workload: its name, what each way took, how the times compare, and why.

On a terminal, lines are wrapped with their indent; otherwise they are not wrapped.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.text import Text

from monarq.examples.harness.meter import LABEL_WIDTH
from monarq.examples.harness.reasons import explain, gains
from monarq.examples.harness.workload import Comparison, Outcome, Workload

PLAIN_WAY: Final = "one after another"
POOL_WAY: Final = "with the pool"

INDENT: Final = "  "
TIME_WIDTH: Final = 8


def show_title(console: Console, work: Workload) -> None:
    """Shows the workload's title."""
    jobs = f"{work.jobs:,} {'job' if work.jobs == 1 else 'jobs'}"
    console.print(Text.assemble("\n", (work.title, "bold"), f" ({jobs})"))


def show_plain(console: Console, outcome: Outcome) -> None:
    """Shows what the work took one part after another."""
    console.print(Text(_times(PLAIN_WAY, outcome)))


def show_factor(console: Console, measured: Comparison) -> None:
    """Shows what the work took with the pool, and how many times as fast that is."""
    factor = Text(f"{measured.times_as_fast:,.1f} times as fast", "green" if gains(measured) else "yellow")
    console.print(Text.assemble(_times(POOL_WAY, measured.pool), "    ", factor))


def show_reason(console: Console, measured: Comparison, workers: int) -> None:
    """Shows why the pool gained what it did. If the results differ, says that instead, as times then mean nothing.

    Args:
        console: where it is shown.
        measured: the two ways.
        workers: how many workers the pool has.
    """
    if measured.same:
        show_text(console, explain(measured, workers), INDENT)
    else:
        console.print(Text(f"{INDENT}The two ways came to DIFFERENT or wrong results.", "bold red"))


def show_row(console: Console, measured: Comparison, workers: int) -> None:
    """Shows a finished workload in the same way as during the work."""
    show_title(console, measured.work)
    show_plain(console, measured.plain)
    show_factor(console, measured)
    show_reason(console, measured, workers)


def show_text(console: Console, text: str, indent: str = "") -> None:
    """Shows a text, each of its lines indented."""
    console.print(Text(textwrap.fill(text, console.width, initial_indent=indent, subsequent_indent=indent)))


def summarize(measured: Iterable[Comparison]) -> str:
    """A line that says whether both results are equal and right."""
    wrong = [row.work.title for row in measured if not row.same]
    if wrong:
        return f"The two ways came to DIFFERENT or wrong results: {'; '.join(wrong)}"
    return "Both ways came to the same results, and they are right."


def _times(label: str, outcome: Outcome) -> str:
    return f"{INDENT}{label:<{LABEL_WIDTH}}{seconds(outcome.seconds):>{TIME_WIDTH}}"


def seconds(duration_s: float) -> str:
    """A duration for people: in ms below a tenth of a second."""
    return f"{duration_s * 1000:.0f} ms" if duration_s < 0.1 else f"{duration_s:.2f} s"
