"""Implements `monarq worker`: runs the supervisor, and prints what it runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from monarq.cli.terminal.console import say
from monarq.cli.worker.ports import Ports, serving
from monarq.cli.worker.reload import Watcher, reload_on_changes
from monarq.shared.redis.connection import redacted_url
from monarq.shared.version import VERSION
from monarq.workers.config.spec import SupervisorLimits, WorkerSpec
from monarq.workers.reporting.log_setup import configure_logging
from monarq.workers.supervisor.recycler import RecycleLimits
from monarq.workers.supervisor.supervisor import Supervisor
from monarq.workers.supervisor.supervisor_log import LoggedWorker, SupervisorLog
from monarq.workers.system.cores import usable_cores
from monarq.workers.system.output import make_output_nonblocking

if TYPE_CHECKING:
    from monarq.workers.control.messages import Ready


class PoolLog(SupervisorLog):
    """The supervisor's log, with start messages for the user at the terminal.

    It is silent about workers that start or stop normally, since each logs that itself.
    """

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._is_announced = False
        self._workers = ""

    def started(self, workers: int, spared: int = 0) -> None:
        """See `SupervisorLog`."""
        more = " (-w auto runs one for each core)" if spared else ""
        self._workers = f"{workers} worker{'' if workers == 1 else 's'}{more}"

    def worker_ready(self, worker: LoggedWorker, ready: Ready) -> None:
        """See `SupervisorLog`."""
        if not self._is_announced:
            self._is_announced = True
            say(f"monarq: {', '.join((self._workers, *_serving(ready, self._spec)))}; Ctrl-C ends it")

    def worker_ended(self, worker: LoggedWorker) -> None:
        """See `SupervisorLog`."""
        if worker.failed:
            super().worker_ended(worker)

    def stopped(self, exit_code: int) -> None:
        """See `SupervisorLog`."""
        if not exit_code:  # otherwise the reason was printed already
            super().stopped(exit_code)

    def cannot_start(self, worker: LoggedWorker) -> None:
        """See `SupervisorLog`."""
        say(f"monarq: {worker.start_error or 'the workers do not start; see their messages above'}")


def run_pool(
    spec: WorkerSpec,
    workers: int | None,
    limits: SupervisorLimits,
    ports: Ports,
    recycle_limits: RecycleLimits,
    *,
    reload: Path | None = None,
    watcher: Watcher | None = None,
) -> int:
    """Runs the workers until they are stopped; returns the exit code.

    Args:
        spec: what each worker runs.
        workers: how many; None for one per core, or a single one with arq's settings.
        limits: the supervisor's time limits.
        ports: the ports of health and metrics.
        recycle_limits: the limits at which a worker is replaced.
        reload: a folder; when the program in it changes, the workers are replaced.
        watcher: reports these changes.

    Raises:
        SettingsError: it cannot listen on a port, or the log settings are wrong.
        TargetError: there is nothing at the path of the log settings.
    """
    make_output_nonblocking()
    configure_logging(spec.log)
    supervisor = Supervisor(
        spec,
        workers=workers or usable_cores(),
        auto_size=workers is None,
        limits=limits,
        recycle_limits=recycle_limits,
        log=PoolLog(spec),
    )
    return asyncio.run(_run_pool(supervisor, spec, reload, watcher, ports))


async def _run_pool(
    supervisor: Supervisor, spec: WorkerSpec, reload: Path | None, watcher: Watcher | None, ports: Ports
) -> int:
    async with serving(ports, lambda: supervisor.state) as served:
        # Before the first line of a worker. How many there are may depend on what the first one imports.
        say(f"monarq {VERSION}: {spec.target}")
        for urls in served:
            say(f"monarq: serving {urls}")
        reloading = asyncio.create_task(reload_on_changes(reload, watcher)) if reload and watcher else None
        try:
            return await supervisor.run()
        finally:
            if reloading is not None:
                reloading.cancel()
                await asyncio.wait([reloading])


def _serving(ready: Ready, spec: WorkerSpec) -> list[str]:
    """What the pool serves, as far as this process knows: only the workers know the target's settings."""
    parts = [f"serving {', '.join(map(str, ready.queues))}"]
    if ready.redis_url is not None:
        parts.append(f"Redis at {redacted_url(ready.redis_url)}")
    if "concurrency" in spec.overrides:
        parts.append(f"{spec.overrides['concurrency']} jobs at once in each worker")
    return parts
