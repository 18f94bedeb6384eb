"""The parts of a worker that an application object brings along, besides its jobs and settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from monarq.shared.protocol.queue_ref import DEFAULT_FORMAT, DEFAULT_QUEUE, QueueRef

_DEFAULT: Final = QueueRef(DEFAULT_QUEUE, DEFAULT_FORMAT)


@dataclass(frozen=True, slots=True)
class AppParts:
    """What an application adds to a worker; the defaults are those of a worker without one.

    Attributes:
        queue: the queue of jobs that a job enqueues and that name none.
    """

    queue: QueueRef = _DEFAULT
