"""The lease table: the leases that a worker holds."""

from __future__ import annotations

from collections.abc import Sequence

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.protocol.lease import Lease


class LeaseTable:
    """The leases that a worker holds: added when claimed, removed when the end of the run is acknowledged."""

    def __init__(self, queues: Sequence[QueueKeys]) -> None:
        self._held: dict[str, dict[bytes, Lease]] = {keys.queue: {} for keys in queues}

    def add(self, lease: Lease) -> None:
        """Adds a lease that this worker has claimed."""
        self._held[lease.queue.queue][lease.raw_id] = lease

    def remove(self, lease: Lease) -> None:
        """Removes a lease that has ended or is lost; a newer one of the same job stays."""
        held = self._held[lease.queue.queue]
        if held.get(lease.raw_id) is lease:
            del held[lease.raw_id]

    def find(self, queue: str, raw_id: bytes) -> Lease | None:
        """The lease of a job; None where it is not held."""
        return self._held[queue].get(raw_id)

    def holds(self, lease: Lease) -> bool:
        """Whether this very lease is held, so that the job's end is not acknowledged yet."""
        return self.find(lease.queue.queue, lease.raw_id) is lease

    def of_queue(self, queue: str) -> list[Lease]:
        """The leases of a queue at this moment. Any thread may call it: copying a dict's values is atomic."""
        return list(self._held[queue].values())

    def __len__(self) -> int:
        return sum(map(len, self._held.values()))
