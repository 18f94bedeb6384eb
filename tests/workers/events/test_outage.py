"""Redis outages of a loop: each is reported once at its start and at its end, with longer and longer waits between."""

from __future__ import annotations

from monarq.shared.redis.backoff import FIRST_S
from monarq.workers.events.outage import Outage
from tests.support.workers import Recorder


async def test_each_outage_is_reported_once_and_begins_with_a_short_wait() -> None:
    recorder = Recorder()
    outage = Outage(recorder, "looking")
    outage.passed()
    for _ in range(2):
        waits_s = [outage.failed(OSError()) for _ in range(3)]
        assert waits_s[0] <= FIRST_S < waits_s[-1]
        outage.passed()
        outage.passed()
    assert recorder.events == ["redis_lost", "redis_back"] * 2
