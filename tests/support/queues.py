"""Queues of arq's format by name, and in the form that parts of a worker get."""

from __future__ import annotations

from typing import Any, Final

from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.formats.arq.worker_queue import ArqWorkerQueue
from monarq.shared.formats.arq.worker_session import ArqWorkerSession
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.worker_queue import WorkerQueue, WorkerTerms
from monarq.workers.leases.table import LeaseTable
from tests.support.leases import QUEUE

ARQ_QUEUE: Final = QueueRef(DEFAULT_QUEUE, "arq")
"""Arq's default queue."""

NATIVE_QUEUE: Final = QueueRef("default", "native")
"""The default queue."""


BOTH_FORMATS: Final = (ARQ_QUEUE, QueueRef("mail", "native"))
"""A queue of each format, for tests of common behaviour."""


def arq_queue(name: str) -> QueueRef:
    """A queue in arq's format."""
    return QueueRef(name, "arq")


def terms_of(worker_id: str = "w", **changes: Any) -> WorkerTerms:
    """The terms of a worker."""
    terms: dict[str, Any] = {"lease_s": 60.0, "max_payload": 1000, "last_chance": None, "max_dead": 10, "lanes": {}}
    return WorkerTerms(worker_id=worker_id, **{**terms, **changes})


def queue_of(keys: QueueKeys = QUEUE, worker_id: str = "w", **changes: Any) -> WorkerQueue:
    """A queue, as used by a worker."""
    return ArqWorkerQueue(keys.queue, terms_of(worker_id, **changes))


def queues_of(*all_keys: QueueKeys, worker_id: str = "w") -> dict[QueueRef, WorkerQueue]:
    """A worker's queues; by default the default queue alone."""
    return {keys.ref: queue_of(keys, worker_id) for keys in all_keys or (QUEUE,)}


def session_of(
    *all_keys: QueueKeys, worker_id: str = "w", table: LeaseTable | None = None, **changes: Any
) -> ArqWorkerSession:
    """A worker's session with these queues; by default it holds no lease."""
    leases_of = (table or LeaseTable(keys.ref for keys in all_keys)).of_queue
    names = [keys.queue for keys in all_keys]
    return ArqWorkerSession(names, terms_of(worker_id, **changes), leases_of, lambda _: None)
