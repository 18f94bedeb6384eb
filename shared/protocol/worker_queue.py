"""The interface of a queue for workers, which each format implements.

A worker opens one `WorkerSession` for each format of its queues; a session has a `WorkerQueue` for each queue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from redis.asyncio import Redis

from monarq.shared.lane import LaneQueue
from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.acks import Crash, Finish, Requeue
from monarq.shared.protocol.lease import Claimed, Lease
from monarq.shared.protocol.queue_ref import Format, QueueRef

BATCH: Final = 1000
"""The most jobs that one call ends, returns or reports on."""

KEEP_REPORT: Final = b""
"""In place of a progress report: keep the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTerms:
    """What a queue needs to know about a worker; it does not change while the worker runs.

    Attributes:
        worker_id: the worker's name in Redis.
        lease_s: seconds for which claimed jobs belong to the worker unless their lease is renewed.
        max_payload: bytes; a larger payload is not returned.
        last_chance: a job with this many crashes is claimed alone; None for no such rule.
        max_dead: how many dead letters a queue keeps.
        lanes: the lanes of jobs by name, except those of the event loop; for display.
    """

    worker_id: str
    lease_s: float
    max_payload: int
    last_chance: int | None
    max_dead: int
    lanes: Mapping[str, str]


class WorkerQueue(Protocol):
    """One queue, as one worker uses it.

    Every method may be called again after a failure. Each raises RedisError or OSError if a call failed. Those that end
    runs return the raw ids of jobs that no longer belonged to the worker, which were not changed.
    """

    @property
    def ref(self) -> QueueRef:
        """The queue."""
        ...

    @property
    def key(self) -> str:
        """A key on the queue's server, or on that of its first shard if it has several."""
        ...

    @property
    def keeps_calls(self) -> bool:
        """Whether its results also contain the job's arguments, id and queue, as arq's do."""
        ...

    async def claim(self, redis: Redis, lane_queue: LaneQueue, limit: int) -> Claimed:
        """Leases at most `limit` due jobs of a lane queue to the worker, and sets when their leases end.

        If the reply of an earlier claim was lost, or came so late that its leases had ended, the jobs of that claim are
        first released or returned. With a `limit` of 0, this is all that happens.
        """
        ...

    async def release_unconfirmed(self, redis: Redis) -> None:
        """Releases jobs that claims without a reply may have taken; called after the last claim."""
        ...

    async def wait(self, redis: Redis, lane_queue: LaneQueue, wait_s: float) -> bool:
        """Waits until there may be work for this lane queue, at most `wait_s`; returns whether it was woken."""
        ...

    async def pass_on_wake_up(self, redis: Redis, lane_queue: LaneQueue) -> None:
        """Wakes another worker, as this one cannot use the wake-up that it received."""
        ...

    async def finish(self, redis: Redis, finished: Sequence[Finish]) -> list[bytes]:
        """Ends jobs, with their results and dead letters."""
        ...

    async def requeue(self, redis: Redis, requeued: Sequence[Requeue]) -> list[bytes]:
        """Returns jobs to the queue, to be run later or at once."""
        ...

    async def requeue_crashed(self, redis: Redis, crashes: Sequence[Crash]) -> list[bytes]:
        """Returns jobs whose process has died, and counts a crash for each."""
        ...

    async def report_progress(self, redis: Redis, reports: Sequence[tuple[Lease, bytes]], keep_ms: int) -> list[bytes]:
        """Reports the progress of running jobs; `KEEP_REPORT` keeps the last one of a job for another `keep_ms`."""
        ...

    async def register_names(self, redis: Redis, names: Sequence[str]) -> int:
        """Registers the names of any number of jobs that the worker knows; returns how many of them were awaited."""
        ...

    async def has_work(self, redis: Redis, apart_from: Iterable[bytes]) -> bool:
        """Whether a job waits or is deferred, apart from these, in a queue that is not paused."""
        ...

    def is_cancel_of(self, asked_ms: float, payload: Payload) -> bool:
        """Whether a cancellation request is for this job, and not for an earlier one with the same id.

        Args:
            asked_ms: when it was made, from a claim.
            payload: the job's payload.
        """
        ...


class WorkerSession(Protocol):
    """A worker's queues of one format, and its own state in Redis."""

    @property
    def format(self) -> Format:
        """The format of its queues."""
        ...

    @property
    def queues(self) -> Sequence[WorkerQueue]:
        """The queues."""
        ...

    def poll_s(self, wanted_s: float, lane_queues: int) -> float:
        """The interval at which a claimer polls one of its queues without being woken.

        Args:
            wanted_s: the configured interval.
            lane_queues: how many lane queues of a queue are polled.
        """
        ...

    async def run(self, redis: Redis) -> None:
        """Runs the background work of the session until cancelled; Redis errors do not end it."""
        ...

    def renew(self, redis: Any, record: bytes, on_lost: Callable[[list[Lease]], None]) -> None:
        """Keeps the worker and all its leases alive, and updates when they end.

        The lease thread calls it every third of a lease, and again soon after a failure.

        Args:
            redis: a blocking client.
            record: the worker's record for monitors.
            on_lost: called in this thread with lost leases as soon as they are known, so that a later failure does not
                delay it.
        """
        ...

    async def find_cancels(self, redis: Redis, running: Sequence[tuple[Lease, Payload]]) -> list[Lease]:
        """Those of these running jobs whose cancellation was requested."""
        ...

    async def sweep(self, redis: Redis) -> None:
        """Returns the jobs of silent workers to their queues."""
        ...

    async def refuse_wake_ups(self, redis: Redis) -> None:
        """Stops receiving wake-ups; called after the last claim."""
        ...

    async def deregister(self, redis: Redis) -> None:
        """Removes the worker from the lists; jobs that it still holds stay listed until they are recovered."""
        ...


class OpenSession(Protocol):
    """The type of each format's `open_session`, which opens a worker's session."""

    def __call__(
        self,
        queues: Sequence[str],
        terms: WorkerTerms,
        leases_of: Callable[[QueueRef], list[Lease]],
        on_lost: Callable[[list[Lease]], None],
    ) -> WorkerSession:
        """Opens the session. It must be called on the event loop on which the session is used.

        Args:
            queues: the names of the queues.
            terms: what the queues need to know about the worker.
            leases_of: returns the leases that the worker currently holds in a queue; callable from any thread.
            on_lost: called on the event loop with leases that a call other than `renew` found to be lost.
        """
        ...
