"""What only producers raise; the rest of the tree is in monarq.shared.errors."""

from __future__ import annotations

from collections.abc import Sequence

from monarq.shared.errors import EnqueueUnknownError, MonarqError


class ProducerClosedError(MonarqError):
    """The producer was closed, before the call or while it waited."""

    def __init__(self) -> None:
        super().__init__("the producer is closed: make a new one, and close it when nothing waits for results any more")


class ProducerMisusedError(MonarqError, RuntimeError):
    """The producer was used where it cannot work: on another event loop, or in a forked child process."""


class RedisRefusedError(MonarqError):
    """Redis refused a command, and would again, or has for as long as was waited: the message says what to do.

    Nothing was changed.
    """


class PartlyEnqueuedError(EnqueueUnknownError):
    """`enqueue_many` came to an end with some jobs in the queue and others not; the cause says why.

    Attributes:
        job_ids: ids of the jobs of which nobody can tell.
        positions: where these stand among the arguments, counted from 0.
        enqueued: ids of the jobs that are in the queue, in the order of the arguments.
        total: how many jobs were to be enqueued.
    """

    def __init__(
        self, cause: BaseException, enqueued: Sequence[str], unknown: Sequence[tuple[int, str]], total: int
    ) -> None:
        self.job_ids = [job_id for _, job_id in unknown]
        self.positions = [position for position, _ in unknown]
        self.enqueued = list(enqueued)
        self.total = total
        absent = total - len(self.enqueued) - len(unknown)
        MonarqError.__init__(
            self,
            f"of {total:,} jobs {len(self.enqueued):,} are in the queue (.enqueued), {len(unknown):,} are unknown"
            f" (.job_ids, .positions), and {absent:,} are not in it: {cause}",
        )
