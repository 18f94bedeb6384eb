"""The messages on the control channel between the supervisor and a worker process; one JSON object per line.

The supervisor begins with `Start`. The worker says what it is `Importing`, answers `Ready` or `StartFailed`, sends a
`Heartbeat` every second from its event loop, and `Exiting` when it has handed everything back. The channel is private,
so messages may hold secrets.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from monarq.shared.protocol.queue_ref import QueueRef
from monarq.workers.config.spec import WorkerSpec
from monarq.workers.control.heartbeat import Heartbeat

ExitReason = Literal["drained", "burst"]

CANNOT_START: Final = 2
"""Exit code of a worker and its supervisor when the settings are wrong or Redis is unreachable."""


class Start(msgspec.Struct, tag="start", frozen=True):
    """Supervisor to worker, the first message.

    Attributes:
        spec: what to run.
        sys_path: the supervisor's import path, which the worker adopts.
        python_path: the PYTHONPATH that the worker's own children should see; None for none.
    """

    spec: WorkerSpec
    sys_path: list[str]
    python_path: str | None


class Drain(msgspec.Struct, tag="drain", frozen=True):
    """Supervisor to worker, besides SIGTERM, whose handler a job may have replaced: finish your jobs, then exit."""


class HandBack(msgspec.Struct, tag="hand_back", frozen=True):
    """Supervisor to worker: hand the running jobs back now, then exit."""


class StopClaiming(msgspec.Struct, tag="stop_claiming", frozen=True):
    """Supervisor to worker: claim no more jobs; running jobs may take as long as they need."""


class Recover(msgspec.Struct, tag="recover", frozen=True):
    """Supervisor to worker, if only workers can reach the Redis: put a dead worker's jobs back into their queues.

    Attributes:
        dead: the dead worker's `Ready`.
        reason: what happened to it, in a few words.
    """

    dead: Ready
    reason: str


class Ready(msgspec.Struct, tag="ready", frozen=True):
    """Worker to supervisor: it is about to claim jobs.

    Attributes:
        worker_id: its id in Redis.
        queues: the queues that it serves.
        lease_s: how long it keeps its jobs without a renewal.
        grace_s: how long its running jobs may continue once it must stop.
        redis_url: the Redis of its jobs; None if that has no URL.
        one_process: whether its pool must have only one worker.
    """

    worker_id: str
    queues: list[QueueRef]
    lease_s: float
    grace_s: float
    redis_url: str | None = None
    one_process: bool = False

    def __repr__(self) -> str:
        return f"Ready({self.worker_id})"  # the URL may hold a password


class Importing(msgspec.Struct, tag="importing", frozen=True):
    """Worker to supervisor: the module of the program that it is importing. Not a heartbeat: the import may hang.

    Attributes:
        place: the module, its file and line.
    """

    place: str


class StartFailed(msgspec.Struct, tag="start_failed", frozen=True):
    """Worker to supervisor: it cannot start; the message is for the user."""

    message: str


class Exiting(msgspec.Struct, tag="exiting", frozen=True):
    """Worker to supervisor: every job has ended or was handed back, and the process is about to exit.

    Attributes:
        reason: why it exits.
        interrupted_runs: whether runs were stopped early; then processes that they started must end too.
        failed: whether a lifespan or hook of the user raised after the last job.
    """

    reason: ExitReason
    interrupted_runs: bool = False
    failed: bool = False


ToWorker = Start | Drain | HandBack | StopClaiming | Recover
FromWorker = Ready | Importing | StartFailed | Heartbeat | Exiting
