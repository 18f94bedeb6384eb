"""Renews a worker's record and all its leases of one queue. See renew.lua.

Blocking, because it runs in a thread that a blocked event loop cannot stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.protocol.lease import Lease
from monarq.shared.redis.replies import as_ids
from monarq.shared.redis.scripts import Argument, check_batch

_SCRIPT = ArqScript.load("workers/renew")

BATCH = 2000
"""The most leases of one call."""


def renew(
    redis: Any, keys: QueueKeys, worker: str, lease_ms: int, record: bytes, leases: Sequence[Lease]
) -> list[bytes]:
    """Renews the leases, at most `BATCH`; returns the raw ids of those that are lost.

    Args:
        redis: a blocking client.
        keys: the queue's keys.
        worker: the worker's id.
        lease_ms: ms from now after which the leases expire.
        record: the worker's JSON record; b'' to leave it.
        leases: the leases to renew.

    Raises:
        ValueError: there are more than `BATCH`.
        RedisError: the call failed; repeat it.
    """
    check_batch(leases, BATCH)
    arguments: list[Argument] = [worker, lease_ms, record]
    for lease in leases:
        arguments += (lease.raw_id, lease.token, lease.lane_queue)
    return as_ids(_SCRIPT.run_on_sync(redis, keys, arguments))
