"""The producer: enqueues jobs, one or many, now or for later, and waits for their results."""

from monarq.producer.client import Producer
from monarq.producer.enqueue.job_reference import named
from monarq.producer.results.handle import Handle
from monarq.producer.results.job_info import JobInfo
from monarq.producer.sync import SyncHandle, SyncProducer
from monarq.shared.errors import PartlyEnqueuedError, ProducerClosedError, ProducerMisusedError, RedisRefusedError
from monarq.shared.protocol.job_state import JobState

__all__ = [
    "Handle",
    "JobInfo",
    "JobState",
    "PartlyEnqueuedError",
    "Producer",
    "ProducerClosedError",
    "ProducerMisusedError",
    "RedisRefusedError",
    "SyncHandle",
    "SyncProducer",
    "named",
]
