"""The sessions of workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from monarq.shared.formats.arq.worker_session import ArqWorkerSession
from monarq.shared.formats.native.sharded.worker_session import ShardedWorkerSession
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import Format, QueueRef
from monarq.shared.protocol.worker_queue import OpenSession, WorkerSession, WorkerTerms

_OPENERS: Final[Mapping[Format, OpenSession]] = {"native": ShardedWorkerSession, "arq": ArqWorkerSession}


def open_sessions(
    queues: Iterable[QueueRef],
    terms: WorkerTerms,
    leases_of: Callable[[QueueRef], list[Lease]],
    on_lost: Callable[[list[Lease]], None],
) -> list[WorkerSession]:
    """Opens a worker's sessions, one for each format that its queues have; see `OpenSession`."""
    names: dict[Format, list[str]] = {}
    for queue in queues:
        names.setdefault(queue.format, []).append(queue.name)
    return [_OPENERS[each](of_format, terms, leases_of, on_lost) for each, of_format in names.items()]
