"""The producer: puts jobs into queues, one, many or later, and waits for what they return."""

from monarq.producer.client import Producer
from monarq.producer.errors import PartlyEnqueuedError, ProducerClosedError, ProducerMisusedError, RedisRefusedError
from monarq.producer.handle import Handle
from monarq.producer.named import named
from monarq.producer.status import JobStatus
from monarq.producer.sync import SyncHandle, SyncProducer

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
