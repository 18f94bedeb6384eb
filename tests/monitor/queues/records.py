"""Records as workers keep them."""

from __future__ import annotations

from typing import Any

import msgspec

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.shared.formats.arq.workers.renew import renew
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
    "done": 10,
    "failed": 2,
    "retried": 1,
    "draining": False,
}


def tell(url: str, queue: str, worker_id: str, record: bytes | dict[str, Any], lease_ms: int = 15_000) -> None:
    """What a worker does every few seconds."""
    data = record if isinstance(record, bytes) else msgspec.json.encode(record)
    client = UrlSource(url).blocking_client()
    renew(client, QueueKeys.of(queue), worker_id, lease_ms, data, [])
    client.close()
