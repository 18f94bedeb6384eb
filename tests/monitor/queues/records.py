"""Records as workers keep them."""

from __future__ import annotations

from typing import Any

import msgspec

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.workers.renew import renew
from monarq.shared.formats.native.workers.fleet import beat_fleet_sync
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.connection import UrlSource

RECORD = {
    "id": "host:7:abc",
    "host": "host",
    "pid": 7,
    "version": "1.2.3",
    "python": "3.11",
    "started_ms": 0,
    "queues": ["arq:queue", "other"],
    "concurrency": 50,
    "running": 3,
    "succeeded": 10,
    "failed": 2,
    "retried": 1,
    "draining": False,
}


def tell(
    url: str, queue: str | QueueRef, worker_id: str, record: bytes | dict[str, Any], lease_ms: int = 15_000
) -> None:
    """What a worker does every few seconds. Its record names the queue where that is native."""
    ref = queue if isinstance(queue, QueueRef) else QueueRef(queue, "arq")
    if ref.format == "native":
        named = {"queues": [ref.name], "native_queues": [ref.name]}
        beat(url, worker_id, {**record, **named} if isinstance(record, dict) else record, lease_ms)
        return
    client = UrlSource(url).blocking_client()
    renew(client, QueueKeys.of(ref.name), worker_id, lease_ms, _encoded(record), [])
    client.close()


def beat(url: str, worker_id: str, record: bytes | dict[str, Any], lease_ms: int = 15_000) -> None:
    """What a worker of native queues does, whatever its record says."""
    client = UrlSource(url).blocking_client()
    beat_fleet_sync(client, worker_id, lease_ms, _encoded(record))
    client.close()


def _encoded(record: bytes | dict[str, Any]) -> bytes:
    return record if isinstance(record, bytes) else msgspec.json.encode(record)
