"""How a pool of workers stands, as its supervisor knows without asking: values for health checks and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from monarq.workers.control.heartbeat import Pulse
from monarq.workers.control.messages import Ready

if TYPE_CHECKING:
    from monarq.workers.supervisor.worker_handle import WorkerProcess

Phase = Literal["starting", "ready", "ending"]


@dataclass(frozen=True, slots=True)
class WorkerState:
    """One worker process.

    Attributes:
        index: its place in the pool.
        pid: its process id.
        phase: whether it takes jobs.
        ready: what it said when it was ready; None before. It may hold a password.
        silent_s: seconds since it was last heard of.
        pulse: how it stood then.
        restarts: how often the worker of its place has ended by itself or was killed.
    """

    index: int
    pid: int
    phase: Phase
    ready: Ready | None
    silent_s: float
    pulse: Pulse
    restarts: int

    @classmethod
    def of(cls, worker: WorkerProcess) -> WorkerState:
        """How a worker process stands, as far as its supervisor can tell."""
        if worker.ready is None:
            phase: Phase = "starting"
        else:
            phase = "ready" if worker.is_serving else "ending"
        return cls(worker.index, worker.pid, phase, worker.ready, worker.silent_s, worker.pulse, worker.restarts)


@dataclass(frozen=True, slots=True)
class PoolState:
    """All of them.

    Attributes:
        draining: whether the pool was told to stop.
        workers: by their place.
        restarts: how many workers have ended by themselves or were killed, and were replaced.
    """

    draining: bool
    workers: tuple[WorkerState, ...]
    restarts: int = 0
