"""The leases that a worker holds."""

from __future__ import annotations

from collections.abc import Sequence

from monarq.shared.commands.jobs.claim import Lease
from monarq.shared.redis.keys import QueueKeys


class LeaseTable:
    """The leases that a worker holds: put in when claimed, taken out when the end of the run is acknowledged."""

    def __init__(self, queues: Sequence[QueueKeys]) -> None:
        self._held: dict[str, dict[bytes, Lease]] = {keys.queue: {} for keys in queues}

    def add(self, lease: Lease) -> None:
        """The lease is this worker's now."""
        self._held[lease.queue.queue][lease.raw_id] = lease

    def drop(self, lease: Lease) -> None:
        """The lease is over, or lost; a newer one of the same job stays."""
        held = self._held[lease.queue.queue]
        if held.get(lease.raw_id) is lease:
            del held[lease.raw_id]

    def find(self, queue: str, raw_id: bytes) -> Lease | None:
        """The lease of a job, where it is held."""
        return self._held[queue].get(raw_id)

    def holds(self, lease: Lease) -> bool:
        """Whether this very lease is held: the job's end is not acknowledged yet."""
        return self.find(lease.queue.queue, lease.raw_id) is lease

    def of(self, queue: str) -> list[Lease]:
        """The leases of a queue at this moment; safe to call from any thread, as copying a dict is one step."""
        return list(self._held[queue].values())

    def __len__(self) -> int:
        return sum(map(len, self._held.values()))
