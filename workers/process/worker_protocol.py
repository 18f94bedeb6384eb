"""What a worker process asks of its worker: what runs the jobs, as process.py sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from monarq.workers.config.spec import WorkerSpec

if TYPE_CHECKING:  # put off: a worker starts to listen before it imports redis
    from monarq.shared.redis.connection import RedisSource
    from monarq.workers.config.settings import WorkerSettings
    from monarq.workers.control.heartbeat import Heartbeat


class RunnableWorker(Protocol):
    """What runs the jobs; `monarq.workers.process.worker.Worker` is one."""

    @property
    def worker_id(self) -> str:
        """Its name in Redis."""
        ...

    @property
    def settings(self) -> WorkerSettings:
        """What it goes by."""
        ...

    @property
    def source(self) -> RedisSource:
        """Where its jobs are."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether every job has ended or is handed back."""
        ...

    async def run(self) -> None:
        """Runs jobs until told to stop, or until a burst is done."""
        ...

    def stop_claiming(self) -> None:
        """Takes no new job, and lives on."""
        ...

    def drain(self) -> None:
        """Takes no new job, and ends."""
        ...

    def hand_back(self) -> None:
        """Gives the running jobs back."""
        ...

    def heartbeat(self) -> Heartbeat:
        """Its state, compared with the last time."""
        ...

    @property
    def cut_short(self) -> bool:
        """Whether it has stopped runs before their end."""
        ...


Build = Callable[[WorkerSpec, Callable[[], None]], RunnableWorker]
"""Makes the worker of a spec, which is to call the function once it takes jobs."""
