"""The Prometheus metrics of a pool that its supervisor knows itself, in addition to those read from Redis.

Imported only if metrics are served, since it needs prometheus_client.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final, get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monarq.workers.supervisor.pool_state import Phase, PoolState

PHASES: Final[tuple[Phase, ...]] = get_args(Phase)


class PoolCollector(Collector):
    """Collects the state of a pool."""

    def __init__(self, pool: PoolState) -> None:
        self._pool = pool

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        phases = Counter(worker.phase for worker in self._pool.workers)
        workers = GaugeMetricFamily("monarq_pool_workers", "Worker processes of this pool.", labels=["phase"])
        for phase in PHASES:
            workers.add_metric([phase], phases[phase])
        yield workers
        restarts = CounterMetricFamily(
            "monarq_pool_restarts", "Workers of this pool that died or were killed, and were replaced."
        )
        restarts.add_metric([], self._pool.restarts)
        yield restarts
        draining = GaugeMetricFamily("monarq_pool_draining", "Whether this pool was told to stop.")
        draining.add_metric([], self._pool.draining)
        yield draining
