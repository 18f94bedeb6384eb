"""What a worker says to its queues, whatever their format: the contract that each format implements.

A worker opens one `WorkerSession` for each format that its queues have; a session has a `WorkerQueue` for each queue.
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
"""The most jobs that one call ends, gives back or reports on."""

KEEP_REPORT: Final = b""
"""In place of a report of a job's progress: keep the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTerms:
    """What a queue has to know of a worker; it stays the same from its start to its end.

    Attributes:
        worker_id: the worker's name in Redis.
        lease_s: seconds for which claimed jobs are the worker's, unless their lease is renewed.
        max_payload: bytes; a larger payload is not handed over.
        last_chance: a job with so many crashes comes as the only one of its claim; None for no such rule.
        max_dead: how many dead letters a queue keeps.
        lanes: the lanes of jobs by name, where they are not the event loop's; for people.
    """

    worker_id: str
    lease_s: float
    max_payload: int
    last_chance: int | None
    max_dead: int
    lanes: Mapping[str, str]


class WorkerQueue(Protocol):
    """One queue, as one worker uses it.

    Every method may be called again after a failure. Each raises RedisError or OSError where a call failed. Those that
    end runs return the raw ids of jobs that were not the worker's any more: nothing of theirs was changed.
    """

    @property
    def ref(self) -> QueueRef:
        """The queue."""
        ...

    @property
    def key(self) -> str:
        """A key that is on the queue's server; on that of its first shard where it has several."""
        ...

    @property
    def keeps_calls(self) -> bool:
        """Whether its results hold the job's arguments, id and queue as well, as arq's do."""
        ...

    async def claim(self, redis: Redis, lane_queue: LaneQueue, limit: int) -> Claimed:
        """Leases at most `limit` due jobs of a lane queue to the worker, and sets the ends of their leases.

        Where the reply of an earlier claim was lost, or came so late that its leases had ended, what that claim took is
        released or handed over first: where `limit` is 0 as well, which asks for nothing else.
        """
        ...

    async def release_unconfirmed(self, redis: Redis) -> None:
        """Releases what claims without a reply may have taken; called once no claim will come."""
        ...

    async def wait(self, redis: Redis, lane_queue: LaneQueue, wait_s: float) -> bool:
        """Waits until there may be work for this lane queue, at the longest `wait_s`; whether it was woken."""
        ...

    async def pass_on_wake_up(self, redis: Redis, lane_queue: LaneQueue) -> None:
        """Wakes another worker, as this one cannot use the wake-up that it got."""
        ...

    async def finish(self, redis: Redis, finished: Sequence[Finish]) -> list[bytes]:
        """Ends jobs for good, with their results and dead letters."""
        ...

    async def requeue(self, redis: Redis, requeued: Sequence[Requeue]) -> list[bytes]:
        """Gives jobs back, to be run later or at once."""
        ...

    async def requeue_crashed(self, redis: Redis, crashes: Sequence[Crash]) -> list[bytes]:
        """Gives jobs back whose process has died, and counts a crash for each."""
        ...

    async def report_progress(self, redis: Redis, reports: Sequence[tuple[Lease, bytes]], keep_ms: int) -> list[bytes]:
        """Reports the progress of running jobs; `KEEP_REPORT` keeps the last one of a job for another `keep_ms`."""
        ...

    async def register_names(self, redis: Redis, names: Sequence[str]) -> int:
        """Registers the names of jobs that the worker knows, however many; returns how many waited for that."""
        ...

    async def has_work(self, redis: Redis, apart_from: Iterable[bytes]) -> bool:
        """Whether a job waits or is deferred, apart from these, in a queue that is not paused."""
        ...

    def is_cancel_of(self, asked_ms: float, payload: Payload) -> bool:
        """Whether a request for a cancellation is for this job, and not for an earlier one of its id.

        Args:
            asked_ms: when it was made, from a claim.
            payload: the job's payload.
        """
        ...


class WorkerSession(Protocol):
    """A worker's queues of one format, and what it tells Redis of itself."""

    @property
    def format(self) -> Format:
        """The format of its queues."""
        ...

    @property
    def queues(self) -> Sequence[WorkerQueue]:
        """The queues."""
        ...

    def poll_s(self, wanted_s: float, lane_queues: int) -> float:
        """How often a claimer looks into one of its queues without being woken.

        Args:
            wanted_s: how often it is to.
            lane_queues: how many lane queues of a queue are looked at.
        """
        ...

    async def run(self, redis: Redis) -> None:
        """Does what must be done beside the jobs, until cancelled; no error of Redis ends it."""
        ...

    def renew(self, redis: Any, record: bytes, on_lost: Callable[[list[Lease]], None]) -> None:
        """Keeps the worker and all its leases alive, and sets their ends anew.

        The lease thread calls it each third of a lease, and soon again where it failed.

        Args:
            redis: a blocking client.
            record: the worker's record, as monitors read it.
            on_lost: called in this thread with leases that are lost, as soon as that is known: a failure of what
                follows does not hold that back.
        """
        ...

    async def find_cancels(self, redis: Redis, running: Sequence[tuple[Lease, Payload]]) -> list[Lease]:
        """Which of these running jobs somebody wants cancelled."""
        ...

    async def sweep(self, redis: Redis) -> None:
        """Puts the jobs of silent workers back."""
        ...

    async def refuse_wake_ups(self, redis: Redis) -> None:
        """Leaves wake-ups to others; called once no claim will come."""
        ...

    async def deregister(self, redis: Redis) -> None:
        """Takes the worker off the lists; what it still holds stays listed until it is recovered."""
        ...


class OpenSession(Protocol):
    """Opens a worker's session: what each format's `open_session` is."""

    def __call__(
        self,
        queues: Sequence[str],
        terms: WorkerTerms,
        leases_of: Callable[[QueueRef], list[Lease]],
        on_lost: Callable[[list[Lease]], None],
    ) -> WorkerSession:
        """Opens the session; called on the event loop on which it is used.

        Args:
            queues: the names of the queues.
            terms: what they have to know of the worker.
            leases_of: the leases that the worker holds of a queue at this moment; any thread may call it.
            on_lost: called on the event loop with leases that are lost, where a call other than `renew` finds that.
        """
        ...
