"""The lease table: the leases that a worker holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import QueueRef


class LeaseTable:
    """The leases that a worker holds: added when claimed, removed when the end of the run is acknowledged."""

    def __init__(self, queues: Iterable[QueueRef]) -> None:
        self._held: dict[QueueRef, dict[bytes, Lease]] = {queue: {} for queue in queues}

    def add(self, lease: Lease) -> None:
        """Adds a lease that this worker has claimed."""
        self._held[lease.queue][lease.raw_id] = lease

    def add_all(self, leases: Iterable[Lease]) -> None:
        """Adds the leases of a claim."""
        for lease in leases:
            self._held[lease.queue][lease.raw_id] = lease

    def remove(self, lease: Lease) -> None:
        """Removes a lease that has ended or is lost; a newer lease of the same job stays."""
        self.remove_all(lease.queue, (lease,))

    def remove_all(self, queue: QueueRef, leases: Iterable[Lease]) -> None:
        """Removes leases of a queue, as `remove` does."""
        held = self._held[queue]
        for lease in leases:
            if held.get(lease.raw_id) is lease:
                del held[lease.raw_id]

    def find(self, queue: QueueRef, raw_id: bytes) -> Lease | None:
        """The lease of a job; None if it is not held."""
        return self._held[queue].get(raw_id)

    def holds(self, lease: Lease) -> bool:
        """Whether this very lease is held, so that the job's end is not yet acknowledged."""
        return self._held[lease.queue].get(lease.raw_id) is lease

    def by_id(self, queue: QueueRef) -> Mapping[bytes, Lease]:
        """A live view of the leases of a queue, by raw id."""
        return self._held[queue]

    def of_queue(self, queue: QueueRef) -> list[Lease]:
        """A copy of the leases of a queue. Any thread may call it: copying a dict's values is atomic."""
        return list(self._held[queue].values())

    def __len__(self) -> int:
        return sum(map(len, self._held.values()))
