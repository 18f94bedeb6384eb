"""The metrics of a pool and the phases of its workers, from handles in every state."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from monarq.shared.queue import to_ref
from monarq.workers.control.heartbeat import Heartbeat
from monarq.workers.control.messages import Ready
from monarq.workers.supervisor.pool_metrics import PoolCollector
from monarq.workers.supervisor.pool_state import PoolState, WorkerState

READY = Ready("w1", [to_ref("a")], 15.0, 20.0)


def state(*, ready: Ready | None = READY, is_serving: bool = True) -> WorkerState:
    handle = SimpleNamespace(
        index=0, pid=7, ready=ready, silent_s=0.5, heartbeat=Heartbeat(running=2), restarts=1, is_serving=is_serving
    )
    return WorkerState.of(cast("Any", handle))


@pytest.mark.parametrize(
    ("ready", "is_serving", "phase"),
    [(None, False, "starting"), (READY, True, "ready"), (READY, False, "ending")],
)
def test_phase(ready: Ready | None, is_serving: bool, phase: str) -> None:
    found = state(ready=ready, is_serving=is_serving)
    assert found == WorkerState(0, 7, cast("Any", phase), ready, 0.5, Heartbeat(running=2), 1)


def test_metrics() -> None:
    registry = CollectorRegistry()
    workers = (state(), state(), state(ready=None), state(is_serving=False))
    registry.register(PoolCollector(PoolState(True, workers, restarts=5)))
    phases = {
        phase: registry.get_sample_value("monarq_pool_workers", {"phase": phase})
        for phase in ("starting", "ready", "ending")
    }
    assert phases == {"starting": 1, "ready": 2, "ending": 1}
    assert registry.get_sample_value("monarq_pool_restarts_total") == 5
    assert registry.get_sample_value("monarq_pool_draining") == 1
