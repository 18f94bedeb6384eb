"""Leases like those of workers, made without a claim."""

from __future__ import annotations

import math

from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.lease import Lease
from tests.support.queue_state import to_bytes

QUEUE = QueueKeys.of(DEFAULT_QUEUE)


def lease_of(
    job_id: str,
    keys: QueueKeys = QUEUE,
    *,
    token: str = "t",
    lane_queue: LaneQueue = "io",
    payload: bytes | None = b"",
    ends_s: float = math.inf,
) -> Lease:
    """A lease of a job's first try, whether or not it exists in Redis."""
    return Lease(keys.ref, to_bytes(job_id), job_id, token, lane_queue, payload, 0, 0, "", 0, None, 0, ends_s=ends_s)
