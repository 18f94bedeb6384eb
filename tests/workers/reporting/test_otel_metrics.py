"""Metrics by OpenTelemetry: what producers and workers count by its conventions for messaging."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.metrics import _internal as otel
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from monarq import Producer, RedisUnavailableError, Retry, job
from monarq.shared.tracing.metrics import find_metrics
from tests.support.workers import run_burst

PROCESS = {
    "messaging.system": "monarq",
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
    "messaging.destination.name": "default",
}
SEND = PROCESS | {"messaging.operation.name": "send", "messaging.operation.type": "send"}


@job
async def metered() -> None: ...


@job
async def metered_failure() -> None:
    raise LookupError("as asked")


@job
def metered_cpu() -> None: ...


@job
async def metered_retry(asked: list[int] = []) -> None:  # noqa: B006
    asked.append(1)
    if len(asked) == 1:
        raise Retry(0)


class Measured:
    """The metrics that the program's provider has."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader])

    def of(self, name: str) -> list[tuple[dict[str, Any], Any]]:
        """The points of a metric: attributes, and number or count."""
        data = self._reader.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
        points = [
            point
            for scope in scopes
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]
        return [(dict(point.attributes), getattr(point, "value", None) or point) for point in points]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measured:
    made = Measured()
    # The real setter works once in a process.
    monkeypatch.setattr(otel, "_METER_PROVIDER", made.provider)
    return made


async def test_enqueues_are_counted(redis_url: str, measured: Measured) -> None:
    async with Producer(redis_url) as producer:
        await producer.enqueue(metered)
        await producer.enqueue_many(metered, [()] * 5)
    assert measured.of("messaging.client.sent.messages") == [(SEND | {"monarq.job.name": "metered"}, 6)]


async def test_an_enqueue_that_failed_says_why(measured: Measured) -> None:
    async with Producer("unix:///nowhere/redis.sock", retry_for=0) as producer:
        with pytest.raises(RedisUnavailableError):
            await producer.enqueue(metered)
    [(attributes, count)] = measured.of("messaging.client.sent.messages")
    assert (attributes["error.type"], count) == ("monarq.RedisUnavailableError", 1)


async def test_runs_are_counted_and_timed(redis_url: str, measured: Measured) -> None:
    async with Producer(redis_url) as producer:
        for each in (metered, metered_failure, metered_cpu, metered_retry):
            await producer.enqueue(each)
    await run_burst(redis_url, [metered, metered_failure, metered_cpu, metered_retry])
    consumed = {
        attributes["monarq.job.name"]: count for attributes, count in measured.of("messaging.client.consumed.messages")
    }
    assert consumed == {"metered": 1, "metered_failure": 1, "metered_cpu": 1, "metered_retry": 2}
    timed = measured.of("messaging.process.duration")
    found = sorted(
        (attributes["monarq.job.name"], attributes.get("error.type", ""), point.count) for attributes, point in timed
    )
    assert found == [
        ("metered", "", 1),
        ("metered_cpu", "", 1),
        ("metered_failure", "LookupError", 1),
        ("metered_retry", "", 1),
        ("metered_retry", "monarq.Retry", 1),
    ]
    [(attributes, point)] = [
        (attributes, point) for attributes, point in timed if attributes["monarq.job.name"] == "metered"
    ]
    assert attributes == PROCESS | {"monarq.job.name": "metered"}
    assert point.explicit_bounds[:3] == (0.005, 0.01, 0.025)
    assert 0 <= point.sum < 60, "in seconds"


def test_without_a_meter_provider_there_are_none() -> None:
    assert find_metrics() is None


def test_nothing_is_imported_for_it() -> None:
    program = """
import sys
from monarq.shared.tracing.tracing import sending
with sending("default", "metered"):
    pass
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"
