"""The work of `monarq worker`: runs the supervisor and says what it runs, or looks for a live worker."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from monarq.cli.console import FAILED, say
from monarq.cli.source import told
from monarq.cli.watching import Watcher, reload_on_changes
from monarq.cli.worker_ports import Ports, serving
from monarq.monitor.stats import QueueStats, read_stats
from monarq.shared.connection import shown_url
from monarq.shared.version import VERSION
from monarq.workers.cores import usable_cores
from monarq.workers.log_setup import configure_logging
from monarq.workers.output import never_wait_for_readers
from monarq.workers.recycler import Share
from monarq.workers.spec import Limits, WorkerSpec
from monarq.workers.supervisor import Supervisor
from monarq.workers.supervisor_log import SupervisorLog
from monarq.workers.target import load_target

if TYPE_CHECKING:
    from monarq.workers.control import Ready
    from monarq.workers.worker_process import WorkerProcess


class PoolLog(SupervisorLog):
    """The supervisor's log, with what a person at the terminal wants to know first.

    That a worker begins or ends in order is not told here: each says so itself.
    """

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._is_announced = False

    def started(self, workers: int, spared: int = 0) -> None:
        """See `SupervisorLog`."""
        more = "; -w auto runs one for each core" if spared else ""
        say(f"monarq {VERSION}: {self._spec.target}, {workers} worker{'' if workers == 1 else 's'}{more}")

    def worker_ready(self, worker: WorkerProcess, ready: Ready) -> None:
        """See `SupervisorLog`."""
        if not self._is_announced:
            self._is_announced = True
            say(f"monarq: {', '.join(_serving(ready, self._spec))}; Ctrl-C ends it")

    def worker_left(self, worker: WorkerProcess) -> None:
        """See `SupervisorLog`."""

    def stopped(self, exit_code: int) -> None:
        """See `SupervisorLog`."""
        if not exit_code:  # otherwise it was told why already
            super().stopped(exit_code)

    def cannot_start(self, worker: WorkerProcess) -> None:
        """See `SupervisorLog`."""
        say(f"monarq: {worker.refusal or 'the workers do not start; what they wrote above says why'}")


def run_pool(
    spec: WorkerSpec,
    workers: int | None,
    limits: Limits,
    ports: Ports,
    share: Share,
    *,
    watch: Path | None = None,
    watcher: Watcher | None = None,
) -> int:
    """Runs the workers until they are stopped; gives the exit code.

    Args:
        spec: what each worker runs.
        workers: how many; None for one on each core, and for one alone by arq's settings.
        limits: how long the supervisor waits for what.
        ports: where its health and metrics are served.
        share: what a worker is to do before another takes its place.
        watch: a folder; when the program in it changes, the workers are replaced.
        watcher: tells of these changes.

    Raises:
        SettingsError: a port cannot be had, or the log settings are wrong.
        TargetError: there is nothing at the path of the log settings.
    """
    never_wait_for_readers()
    configure_logging(spec.log)
    supervisor = Supervisor(
        spec,
        workers=workers or usable_cores(),
        one_for_arq=workers is None,
        limits=limits,
        share=share,
        log=PoolLog(spec),
    )
    return asyncio.run(_run_pool(supervisor, watch, watcher, ports))


async def _run_pool(supervisor: Supervisor, watch: Path | None, watcher: Watcher | None, ports: Ports) -> int:
    async with serving(ports, lambda: supervisor.state):
        reloading = asyncio.create_task(reload_on_changes(watch, watcher)) if watch and watcher else None
        try:
            return await supervisor.run()
        finally:
            if reloading is not None:
                reloading.cancel()
                await asyncio.wait([reloading])


def check_workers(spec: WorkerSpec) -> int:
    """Says whether a worker is alive on each queue of the target; gives the exit code, 0 if so, else 1.

    A worker is one of monarq's that renews its record, or whoever wrote arq's health check.

    Raises:
        TargetError: there is no such target.
        RedisUnavailableError: Redis could not be reached.
    """
    loaded = load_target(spec.target or "", spec.redis_url, spec.overrides)
    redis = loaded.source.client()
    try:
        queues = asyncio.run(read_stats(redis, loaded.settings.queues))
    except RedisError as error:
        raise told(error, loaded.source.shown) from error
    for queue in queues:
        say(f"monarq: {_health(queue)}")
    return 0 if all(_is_served(queue) for queue in queues) else FAILED


def _is_served(queue: QueueStats) -> bool:
    return queue.health_check is not None or any(worker.alive for worker in queue.workers)


def _health(queue: QueueStats) -> str:
    alive = sum(worker.alive for worker in queue.workers)
    if alive:
        return f"{queue.queue}: {alive} workers alive"
    if queue.health_check is not None:
        return f"{queue.queue}: {queue.health_check}"
    return f"{queue.queue}: no worker is alive, neither by its record nor by arq's health check"


def _serving(ready: Ready, spec: WorkerSpec) -> list[str]:
    """What is run, as far as it is known here: the target's settings are known to the workers alone."""
    parts = [f"serving {', '.join(ready.queues)}"]
    if ready.redis_url is not None:
        parts.append(f"Redis at {shown_url(ready.redis_url)}")
    if "concurrency" in spec.overrides:
        parts.append(f"{spec.overrides['concurrency']} jobs at once in each")
    return parts
