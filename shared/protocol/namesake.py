"""Namesakes: two queues with the same name in the two formats, one with jobs and one empty; and naming options."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from monarq.shared.protocol.queue_ref import Format, QueueRef

_OPTIONS: Final[Mapping[Format, str]] = {"native": "-q", "arq": "--arq-queue"}
_FORMATS: Final[Mapping[Format, str]] = {"native": "the native format", "arq": "arq's format"}


@dataclass(frozen=True, slots=True)
class Namesake:
    """A queue with jobs that has the same name as an empty one of the other format.

    Attributes:
        queue: the queue.
        jobs: how many jobs wait there.
        meant: the empty queue, which the user named.
    """

    queue: QueueRef
    jobs: int
    meant: QueueRef

    def __str__(self) -> str:
        jobs = "1 job waits" if self.jobs == 1 else f"{self.jobs:,} jobs wait"
        return f"{jobs} in the queue {self.queue.name} in {_FORMATS[self.queue.format]}"


def option_of(queue: QueueRef) -> str:
    """The option that gives `monarq worker` and `monarq enqueue` this queue."""
    return f"{_OPTIONS[queue.format]} {shlex.quote(queue.name)}"
