"""`monarq worker`: runs the jobs of a target, by default in one process per core."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from monarq.cli.command_line.help import SectionedCommand
from monarq.cli.command_line.options import make_verbose_option, version_option
from monarq.cli.command_line.redis_source import is_embedded, open_url, redis_option
from monarq.cli.command_line.variables import unknown_variables
from monarq.cli.terminal.console import Reporter, say
from monarq.cli.worker.options import FOLDER, served_queues_options, split_settings, worker_options

LOADERS: Final = ("monarq.targets:APP", "monarq.targets:ARQ")
"""The paths of the functions that load targets other than modules of jobs; the worker process imports them."""

SECTIONS: Final = {
    "Examples": """
monarq worker examples.jobs
monarq worker examples.jobs --redis embedded -w 1 -v
monarq worker app.WorkerSettings --burst
monarq worker app.jobs -q high -q low -w 4 -c 200
monarq worker app.jobs -q mail --arq-queue arq:queue
"""
}


@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("target", envvar="MONARQ_WORKER_TARGET")
@served_queues_options
@redis_option
@worker_options
@click.option("--check", is_flag=True, help="Only check that each queue has a live worker: exit code 0, else 1.")
@click.option("--watch", type=FOLDER, hidden=True)  # arq's spelling of --reload
@make_verbose_option("Log every job, and show the traceback of errors.")
@version_option
@click.pass_obj
def worker(
    reporter: Reporter,
    /,
    target: str,
    workers: int | None,
    redis: str | None,
    check: bool,
    reload: Path | None,
    watch: Path | None,
    reload_also: tuple[str, ...],
    custom_log_dict: str | None,
    log_format: str,
    hang_timeout: float,
    max_jobs_per_worker: int | None,
    max_memory_per_worker: int | None,
    max_abandoned_threads: int,
    health_port: int | None,
    metrics_port: int | None,
    bind: str,
    livez_after: float | None,
    readyz_after: float,
    **given: Any,
) -> int:
    """Run the jobs of TARGET until Ctrl-C or SIGTERM.

    TARGET is a module with @job functions (examples.jobs) or with an App, an App in a module (shop:app), or a settings
    class or dict as in arq (app.WorkerSettings, app:WorkerSettings). The first SIGTERM or Ctrl-C lets running jobs
    finish, a second one returns them to their queues. SIGHUP replaces the workers one by one without losing a job.
    """
    from monarq.cli.worker.pool import run_pool
    from monarq.cli.worker.ports import Ports
    from monarq.cli.worker.reload import find_watcher
    from monarq.workers.config.spec import SupervisorLimits, WorkerSpec
    from monarq.workers.supervisor.health import HealthLimits
    from monarq.workers.supervisor.recycler import RecycleLimits

    overrides, project = split_settings(given)
    if is_embedded(redis):
        overrides["preflight_warnings"] = False  # they have been printed already
    with open_url(redis) as url:
        spec = WorkerSpec(
            target,
            url,
            overrides,
            project,
            verbosity=int(reporter.verbose),
            log_format=log_format,
            custom_log_dict=custom_log_dict,
            loaders=LOADERS,
        )
        if check:
            from monarq.cli.worker.check import (
                check_workers,
            )  # imported late: a supervisor starts without a Redis client

            return check_workers(spec)
        for name, advice in unknown_variables().items():
            say(f"monarq: warning: the environment variable {name} belongs to no setting; {advice}")
        health = HealthLimits(live_s=livez_after or 2 * hang_timeout, claim_s=readyz_after)
        ports = Ports(health_port, metrics_port, bind, health)
        recycle_limits = RecycleLimits(max_jobs_per_worker, max_memory_per_worker, max_abandoned_threads)
        folder = reload or watch
        watcher = find_watcher(reload_also) if folder else None
        limits = SupervisorLimits(hang_timeout_s=hang_timeout)
        return run_pool(spec, workers, limits, ports, recycle_limits, reload=folder, watcher=watcher)
