"""What is the matter with the queues, in sentences: the first thing that the overview says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from monarq.monitor.stats import QueueStats
from monarq.monitor.tallies import Tallies
from monarq.monitor.web.wording import age, number, percent

LATE_S: Final = 30.0
"""A job that is due for so long and not started says that the queue does not keep up."""

FAILING: Final = 0.05
"""The share of the jobs ended lately from which on failures are worth a word."""

FEW: Final = 20
"""Of fewer ended jobs no share is told."""

LAGGING_S: Final = 1.0

Level = Literal["ok", "note", "warn", "bad"]
LEVELS: Final[tuple[Level, ...]] = ("bad", "warn", "note", "ok")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know.

    Attributes:
        level: how bad it is.
        word: the same in a word.
        text: what it is.
        queue: whose; '' for all.
    """

    level: Level
    word: str
    text: str
    queue: str = ""


def find_trouble(
    queues: Sequence[QueueStats], lately: Tallies, paused_ms: Mapping[str, int | None] | None = None
) -> list[Finding]:
    """What is wrong, the worst first; one finding that all is well where nothing is.

    Args:
        queues: the queues.
        lately: what was counted of them in the last minutes.
        paused_ms: since when each is paused.
    """
    found = [finding for queue in queues for finding in _of_queue(queue, (paused_ms or {}).get(queue.queue))]
    if lately.ended >= FEW and lately.failed / lately.ended >= FAILING:
        text = f"{percent(lately.failed / lately.ended)} of the jobs that ended in the last minutes have failed."
        found.append(Finding("warn", "Failing", text))
    if lately.crashed:
        text = f"{number(lately.crashed)} {'run' if lately.crashed == 1 else 'runs'} ended as the worker died."
        found.append(Finding("warn", "Crashes", text))
    return sorted(found, key=lambda finding: LEVELS.index(finding.level)) or [
        Finding("ok", "Healthy", "Jobs are taken as they come, and every worker answers.")
    ]


def _of_queue(queue: QueueStats, paused_ms: int | None) -> list[Finding]:
    alive = [worker for worker in queue.workers if worker.alive]
    gone = len(queue.workers) - len(alive)
    lagging = sum(worker.loop_lag_s > LAGGING_S for worker in alive)
    found = []
    if paused_ms:
        text = f"It gives no jobs until it is resumed; {number(queue.queued)} wait."
        found.append(Finding("note", "Paused", text, queue.queue))
    elif not alive and queue.queued and not queue.health_check:
        found.append(Finding("bad", "No worker", f"{number(queue.queued)} jobs wait and no worker runs.", queue.queue))
    elif queue.oldest_s is not None and queue.oldest_s > LATE_S:
        text = f"The oldest of {number(queue.queued)} ready jobs has waited for {age(queue.oldest_s)}."
        found.append(Finding("warn", "Falling behind", text, queue.queue))
    if gone:
        text = f"{number(gone)} of {number(len(queue.workers))} workers {'has' if gone == 1 else 'have'} fallen silent."
        found.append(Finding("warn", "Worker lost", text, queue.queue))
    if lagging:
        text = (
            f"The event loop of {number(lagging)} {'worker' if lagging == 1 else 'workers'} stands still for seconds."
        )
        found.append(Finding("warn", "Blocked", text, queue.queue))
    return found
