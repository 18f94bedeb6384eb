"""While Redis is away the renewal is retried soon; each outage is reported once, and once more at its end."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
from redis.exceptions import RedisError

from monarq.shared.formats.arq.keys import DEFAULT_QUEUE, QueueKeys
from monarq.workers.leases.renewer import LeaseRenewer
from monarq.workers.leases.table import LeaseTable
from monarq.workers.runs.current_job import WORKER_ID
from tests.support.queues import session_of
from tests.support.slowness import in_time
from tests.support.workers import Recorder

QUEUES = [QueueKeys.of(DEFAULT_QUEUE)]
CALLS = "xxxxxxx..x."
"""Those that Redis fails have an x."""


class FailingRedis:
    """A blocking client whose calls end as `CALLS` says, and well after those."""

    def __init__(self) -> None:
        self.disconnects = 0
        self.is_closed = False
        self.callers: set[str] = set()
        self.connection_pool = self
        self._calls = iter(CALLS)

    def execute_command(self, *_: object) -> list[bytes]:
        self.callers.add(WORKER_ID.get())
        if next(self._calls, ".") == "x":
            raise RedisError("away")
        return []

    def disconnect(self) -> None:
        self.disconnects += 1

    def close(self) -> None:
        self.is_closed = True


class Waits(threading.Event):
    """Notes how long is waited for it, and does not let wait between the calls."""

    def __init__(self) -> None:
        super().__init__()
        self.waits_s: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits_s.append(timeout)
        return super().wait(0 if len(self.waits_s) < len(CALLS) else timeout)


@pytest.mark.parametrize(("lease_s", "longest_s"), [(15.0, 1.0), (1.2, 0.2)])
async def test_it_retries_soon_and_reports_each_outage(
    monkeypatch: pytest.MonkeyPatch, lease_s: float, longest_s: float
) -> None:
    recorder, client, waits = Recorder(), FailingRedis(), Waits()
    renewer = LeaseRenewer(
        sessions=[session_of(*QUEUES, lease_s=lease_s)],
        table=LeaseTable([keys.ref for keys in QUEUES]),
        lease_s=lease_s,
        source=cast("Any", SimpleNamespace(blocking_client=lambda: client)),
        record=lambda: b"{}",
        on_lost=lambda _: None,
        events=recorder,
    )
    monkeypatch.setattr(renewer, "_stopped", waits)
    WORKER_ID.set("w")
    made_s = time.monotonic()
    renewer.start()
    async with in_time(20):
        await recorder.until("redis_back", 2)
        await renewer.stop()
    for call, wait_s in zip(CALLS, waits.waits_s, strict=False):
        assert wait_s <= longest_s if call == "x" else wait_s == lease_s / 3
    assert sorted(recorder.events) == ["lease_renewal_failed"] * 2 + ["redis_back"] * 2
    assert client.disconnects == CALLS.count("x")  # after a failover the name may lead to another server
    renewed_s = renewer.renewed_s
    assert time.monotonic() - renewed_s > made_s
    assert client.is_closed
    assert client.callers == {"w"}  # by which log lines name their worker
