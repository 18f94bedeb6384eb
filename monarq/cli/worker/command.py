"""`monarq worker`: runs the jobs of a target, by default in a process for each core."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from monarq.cli.command_line.arguments import parse_duration, parse_hang_timeout, parse_workers
from monarq.cli.command_line.help import SectionedCommand
from monarq.cli.command_line.options import make_verbose_option, version_option
from monarq.cli.command_line.queue_names import served_queues_options
from monarq.cli.command_line.redis_source import EMBEDDED, open_url, redis_option
from monarq.cli.terminal.console import Reporter
from monarq.cli.worker.limits import limit_options

LOADERS: Final = ("monarq.targets:APP", "monarq.targets:ARQ")
"""What loads targets that are no modules of jobs, by its path: the worker process imports it."""

SETTINGS: Final = {
    "queues": "queues",
    "concurrency": "concurrency",
    "threads": "threads",
    "burst": "burst",
    "max_burst_jobs": "max_burst_jobs",
    "timeout": "timeout_s",
    "max_tries": "max_tries",
    "grace": "grace_s",
    "lease": "lease_s",
    "poll": "poll_s",
    "allow_pickle": "allow_pickle",
    "max_payload": "max_payload",
    "max_result": "max_result",
    "max_error_text": "max_error_text",
    "keep_result": "keep_result_s",
    "max_crashes": "max_crashes",
    "keep_unknown": "keep_unknown_s",
    "keep_dead": "keep_dead_s",
    "max_dead": "max_dead",
    "cpu_memory": "cpu_memory_bytes",
    "max_jobs_per_child": "cpu_jobs_per_child",
    "redis_wait": "redis_wait_s",
}
"""Option -> the worker's setting that it is given as, see `monarq.workers.process.target_loader.override`."""

_FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)

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
@click.argument("target")
@click.option(
    "-w",
    "--workers",
    type=parse_workers,
    metavar="N|auto",
    help="Worker processes; auto: one for each core that can be used here. Default: auto, but 1 for arq's settings.",
)
@click.option(
    "-c",
    "--concurrency",
    type=click.IntRange(1),
    metavar="N",
    help="Jobs at once in each. Default: the target's, else 100.",
)
@served_queues_options(
    "A native queue to serve; several take turns, whatever their order. Default: default,"
    " unless --arq-queue names one; with arq's settings theirs."
)
@redis_option
@click.option(
    "--redis-wait",
    type=parse_duration,
    metavar="DURATION",
    help="How long to wait at the start for a Redis that does not answer; 0 not at all. Default: for ever.",
)
@click.option("--burst/--no-burst", default=None, help="End once no job is left.")
@click.option("--max-burst-jobs", type=click.IntRange(0), metavar="N", help="With --burst: end after so many jobs.")
@click.option(
    "--timeout", type=parse_duration, metavar="DURATION", help="How long a job may run. Default: the target's, else 5m."
)
@click.option(
    "--max-tries", type=click.IntRange(1), metavar="N", help="How often a job is tried. Default: the target's, else 5."
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    metavar="N",
    help="Thread jobs at once in each. Default: the target's, else 32.",
)
@click.option(
    "--grace",
    type=parse_duration,
    metavar="DURATION",
    help="How long running jobs may go on when it is stopped. Then they are handed back. Default: 20s.",
)
@click.option(
    "--lease",
    type=parse_duration,
    metavar="DURATION",
    help="After how long without a sign of life a worker's jobs are run by another. Default: 15s.",
)
@click.option(
    "--hang-timeout",
    type=parse_hang_timeout,
    default="30s",
    show_default=True,
    metavar="DURATION",
    help="A worker whose event loop stands still for so long, 1.5s at least, is replaced, and its stacks are logged.",
)
@limit_options
@click.option(
    "--poll",
    type=parse_duration,
    metavar="DURATION",
    help="How often to look for jobs of clients that wake no worker, as arq's. Default: the target's, else 0.5s.",
)
@click.option(
    "--allow-pickle",
    is_flag=True,
    default=None,
    help="Read pickled jobs, as arq's clients write them: only where all who can write to this Redis are trusted.",
)
@click.option("--check", is_flag=True, help="Only look whether a worker is alive on each queue: exit code 0, else 1.")
@click.option(
    "--reload",
    type=_FOLDER,
    metavar="DIR",
    help="Replace the workers when a Python file in this folder changes. Needs the extra watch.",
)
@click.option("--watch", type=_FOLDER, hidden=True)  # arq's spelling of --reload
@click.option(
    "--reload-also",
    multiple=True,
    metavar="ENDING",
    help="With --reload: files that end so count as well, such as .toml; may be repeated.",
)
@click.option(
    "--health-port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Serve /livez and /readyz of the whole pool here; 0 takes any free port. Needs the extra web.",
)
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Serve /metrics for Prometheus here; may be the health port. Needs the extra web.",
)
@click.option(
    "--bind",
    default="127.0.0.1",
    show_default=True,
    metavar="HOST",
    help="Where these ports listen; in a container 0.0.0.0.",
)
@click.option(
    "--livez-after",
    type=parse_duration,
    metavar="DURATION",
    help="/livez fails when an event loop stands still for so long. Default: twice the hang timeout.",
)
@click.option(
    "--readyz-after",
    type=parse_duration,
    default="30s",
    show_default=True,
    metavar="DURATION",
    help="/readyz fails when a job is due, a place is free, and nothing was claimed for so long.",
)
@click.option("--custom-log-dict", metavar="PATH", help="Dotted path of a dict for logging.config, instead of -v.")
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Of the log."
)
@make_verbose_option("Log every job, and show the traceback of an error.")
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

    TARGET is a module with @job functions (examples.jobs) or with an App, an App by its name (shop:app), or a
    settings class or dict as arq has them (app.WorkerSettings, app:WorkerSettings). A first SIGTERM or Ctrl-C lets
    running jobs end, a second hands them back; SIGHUP replaces the workers one by one, without dropping a job.
    """
    from monarq.cli.worker.pool import run_pool
    from monarq.cli.worker.ports import Ports
    from monarq.cli.worker.reload import find_watcher
    from monarq.workers.config.spec import SupervisorLimits, WorkerSpec
    from monarq.workers.supervisor.health import HealthLimits
    from monarq.workers.supervisor.recycler import RecycleLimits

    overrides = {
        SETTINGS[name]: list(value) if name == "queues" else value
        for name, value in given.items()
        if value is not None and value != ()
    }
    if redis == EMBEDDED:
        overrides["preflight_warnings"] = False  # it is announced already
    with open_url(redis) as url:
        spec = WorkerSpec(
            target,
            url,
            overrides,
            verbosity=int(reporter.verbose),
            log_format=log_format,
            custom_log_dict=custom_log_dict,
            loaders=LOADERS,
        )
        if check:
            from monarq.cli.worker.check import check_workers  # imported late: a supervisor needs no Redis to start

            return check_workers(spec)
        health = HealthLimits(live_s=livez_after or 2 * hang_timeout, claim_s=readyz_after)
        ports = Ports(health_port, metrics_port, bind, health)
        recycle_limits = RecycleLimits(max_jobs_per_worker, max_memory_per_worker, max_abandoned_threads)
        folder = reload or watch
        watcher = find_watcher(reload_also) if folder else None
        limits = SupervisorLimits(hang_timeout_s=hang_timeout)
        return run_pool(spec, workers, limits, ports, recycle_limits, reload=folder, watcher=watcher)
