"""The producer: puts jobs into queues, one, many or later, and waits for what they return."""

from monarq.producer.client import Producer
from monarq.producer.enqueue.job_reference import named
from monarq.producer.results.handle import Handle
from monarq.producer.results.status import JobStatus
from monarq.producer.sync import SyncHandle, SyncProducer
from monarq.shared.errors import PartlyEnqueuedError, ProducerClosedError, ProducerMisusedError, RedisRefusedError

__all__ = [
    "Handle",
    "JobStatus",
    "PartlyEnqueuedError",
    "Producer",
    "ProducerClosedError",
    "ProducerMisusedError",
    "RedisRefusedError",
    "SyncHandle",
    "SyncProducer",
    "named",
]
