"""The messages on the control channel between the supervisor and a worker process; one JSON object a line.

The supervisor begins with `Start`; the worker answers with `Ready` or `Refused`, gives a `Beat` each second from its
event loop, and says `Ended` when everything is handed back. The channel is private, so what is secret may travel on it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from monarq.workers.config.spec import WorkerSpec
from monarq.workers.control.heartbeat import Pulse

EndReason = Literal["drained", "burst"]


class Start(msgspec.Struct, tag="start", frozen=True):
    """Supervisor to worker, first of all.

    Attributes:
        spec: what to run.
        sys_path: the supervisor's import path, which is to be the worker's.
        python_path: the PYTHONPATH that the worker's own children should see; None for none.
    """

    spec: WorkerSpec
    sys_path: list[str]
    python_path: str | None


class Drain(msgspec.Struct, tag="drain", frozen=True):
    """Supervisor to worker, beside SIGTERM, whose handler a job may have replaced: end your jobs, and then end."""


class HandBack(msgspec.Struct, tag="hand_back", frozen=True):
    """Supervisor to worker: give the running jobs back now."""


class Rest(msgspec.Struct, tag="rest", frozen=True):
    """Supervisor to worker: take no new job; those that run may go on for as long as they need."""


class Repair(msgspec.Struct, tag="repair", frozen=True):
    """Supervisor to worker, where the supervisor has no URL of the Redis: give back what a dead worker held.

    Attributes:
        dead: what it said when it was ready.
        what: what happened to it, in a few words.
    """

    dead: Ready
    what: str


class Ready(msgspec.Struct, tag="ready", frozen=True):
    """Worker to supervisor: it takes jobs from now on.

    Attributes:
        worker_id: its id in Redis.
        queues: what it serves.
        lease_s: how long its jobs stay its own without a renewal.
        grace_s: how long it lets jobs run on when it is to stop.
        redis_url: where its jobs are; None where its Redis has no URL.
        one_process: whether its pool must have no other worker.
    """

    worker_id: str
    queues: list[str]
    lease_s: float
    grace_s: float
    redis_url: str | None = None
    one_process: bool = False

    def __repr__(self) -> str:
        return f"Ready({self.worker_id})"  # the URL may hold a password


class Refused(msgspec.Struct, tag="refused", frozen=True):
    """Worker to supervisor: it cannot start; the message is for the user."""

    message: str


class Beat(msgspec.Struct, tag="beat", frozen=True):
    """Worker to supervisor: its event loop turns.

    Attributes:
        pulse: how it stands.
    """

    pulse: Pulse = Pulse()


class Ended(msgspec.Struct, tag="ended", frozen=True):
    """Worker to supervisor: every job has ended or is handed back, and the process is about to exit.

    Attributes:
        reason: why it ends.
        cut_short: whether runs were stopped before their end: what they have started must not be at work any longer.
        failed: whether what it does after its last job, the user's hook, has raised.
    """

    reason: EndReason
    cut_short: bool = False
    failed: bool = False


ToWorker = Start | Drain | HandBack | Rest | Repair
FromWorker = Ready | Refused | Beat | Ended
