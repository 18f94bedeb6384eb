"""The state of a pool and its workers as known to the supervisor, for health checks and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from monarq.workers.control.heartbeat import Heartbeat
from monarq.workers.control.messages import Ready

if TYPE_CHECKING:
    from monarq.workers.supervisor.worker_handle import WorkerHandle

Phase = Literal["starting", "ready", "ending"]


@dataclass(frozen=True, slots=True)
class WorkerState:
    """The state of one worker process.

    Attributes:
        index: the number of its slot.
        pid: its process id.
        phase: whether it is starting, takes jobs, or is stopping.
        ready: its `Ready`; None until received. It may hold a password.
        silent_s: seconds since its last message.
        heartbeat: its last heartbeat.
        restarts: how often the worker of its slot ended unexpectedly or was killed.
    """

    index: int
    pid: int
    phase: Phase
    ready: Ready | None
    silent_s: float
    heartbeat: Heartbeat
    restarts: int

    @classmethod
    def of(cls, worker: WorkerHandle) -> WorkerState:
        """The state of a worker process, as far as its supervisor can tell."""
        if worker.ready is None:
            phase: Phase = "starting"
        else:
            phase = "ready" if worker.is_serving else "ending"
        return cls(worker.index, worker.pid, phase, worker.ready, worker.silent_s, worker.heartbeat, worker.restarts)


@dataclass(frozen=True, slots=True)
class PoolState:
    """The state of a pool.

    Attributes:
        draining: whether the pool was told to stop.
        workers: its workers, by their slots.
        restarts: how many workers ended unexpectedly or were killed, and were replaced.
    """

    draining: bool
    workers: tuple[WorkerState, ...]
    restarts: int = 0
