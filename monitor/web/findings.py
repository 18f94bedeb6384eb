"""What is the matter with the queues, in sentences: the first thing that the overview says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from monarq.monitor.stats import QueueStats
from monarq.monitor.web.wording import age, number

LATE_S: Final = 30.0
"""A job that is due for so long and not started says that the queue does not keep up."""

Level = Literal["ok", "note", "warn", "bad"]


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


def find_trouble(queues: Sequence[QueueStats]) -> list[Finding]:
    """What is wrong, the worst first; one finding that all is well where nothing is."""
    found = [finding for queue in queues for finding in _of_queue(queue)]
    order = ("bad", "warn", "note", "ok")
    return sorted(found, key=lambda finding: order.index(finding.level)) or [
        Finding("ok", "Healthy", "Jobs are taken as they come, and every worker answers.")
    ]


def _of_queue(queue: QueueStats) -> list[Finding]:
    alive = [worker for worker in queue.workers if worker.alive]
    gone = len(queue.workers) - len(alive)
    found = []
    if not alive and queue.queued and not queue.health_check:
        found.append(Finding("bad", "No worker", f"{number(queue.queued)} jobs wait and no worker runs.", queue.queue))
    elif queue.oldest_s is not None and queue.oldest_s > LATE_S:
        text = f"The oldest of {number(queue.queued)} ready jobs has waited for {age(queue.oldest_s)}."
        found.append(Finding("warn", "Falling behind", text, queue.queue))
    if gone:
        text = f"{number(gone)} of {number(len(queue.workers))} workers {'has' if gone == 1 else 'have'} fallen silent."
        found.append(Finding("warn", "Worker lost", text, queue.queue))
    return found
