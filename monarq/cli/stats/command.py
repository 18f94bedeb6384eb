"""`monarq stats`: shows the state of queues and their workers, once or every second."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import click

from monarq.cli.command_line.arguments import parse_duration
from monarq.cli.command_line.help import SectionedCommand
from monarq.cli.command_line.options import verbose_option
from monarq.cli.command_line.queue_names import QueueNames, queue_names_option
from monarq.cli.command_line.redis_source import open_source, redis_option

SECTIONS: Final = {
    "Verdict": """
The first line says how the queues are, and why; of several verdicts the worst:
  no worker        none runs at all, or jobs are queued where that none serves
  unknown jobs     jobs wait whose names no worker of their queue knows
  failing          5 % or more of the jobs of the last 5 minutes failed, or runs lost their worker
  falling behind   jobs are queued for 30 s, or for 5 s while more come in than end
  loop blocked     a job keeps an event loop from going on for more than a second
  worker lost      a worker has fallen silent
  paused           the queue gives out no jobs
  catching up      jobs are queued for 30 s, and the backlog shrinks
  healthy          none of this
""",
    "Examples": """
monarq stats --watch
monarq stats --window 1h
monarq stats -q emails --json | jq '.queues[0].queued'
""",
    "JSON": """
{"verdict": {state, reason, queue, format}, "window_s", "queues": [...]}, of which each has
  queue, format                                  "arq" or "native"
  queued, deferred, running, dead                at this moment
  queued_cpu                                     those of queued that wait for a cpu lane
  paused, oldest_s                               and the age of the oldest queued job, or null
  enqueued, succeeded, failed, cancelled, retried       since the first job
  handed_back, crashed, lost                     the same, of runs that did not reach their end
  enqueued_per_s, jobs_per_s                     in and out, over the last five seconds
  wait, run                                      {p50_s, p95_s, p99_s} in the window, or null
  jobs: [{name, enqueued, started, succeeded, failed, cancelled, retried,
          handed_back, dead, crashed, wait, run}]                        in the window
  series: [{start_s, length_s, enqueued, started, succeeded, failed, ...}]    of the last 5 minutes
  failures: [{job_id, name, error, error_type, tries, crashes, worker, died_ms}]   newest first
  health_check                                   arq's line, or null
  arq: {j_complete, j_failed, j_retried, j_ongoing, queued}    the same as numbers, or null
  unknown_jobs                                   names of jobs that wait and no worker knows
  workers: [{worker_id, host, pid, version, concurrency, running,
             cpu_places, cpu_running, uptime_s,
             succeeded, failed, cancelled, retried, draining, alive, queues,
             cpu_percent, memory_bytes, loop_lag_s, restarts, abandoned_threads,
             running_jobs}]
""",
}


@click.command(cls=SectionedCommand, sections=SECTIONS)
@queue_names_option("A queue to show; may be repeated. Default: every queue that was used lately.")
@click.option(
    "--window",
    metavar="TIME",
    default="15m",
    show_default=True,
    help="Over how long jobs are counted by their names: 15m, 1h, 1d, in whole minutes up to a day, or all.",
)
@redis_option
@click.option("--json", is_flag=True, help="Print one JSON object; with --watch, one a line and second.")
@click.option("--watch", is_flag=True, help="Refresh it every second, until Ctrl-C.")
@click.option("--no-color", is_flag=True, help="Use no colours; the environment's NO_COLOR says the same.")
@verbose_option
def stats(queues: QueueNames, window: str, redis: str | None, json: bool, watch: bool, no_color: bool) -> int:
    """Show whether the queues are well: what waits, runs, ended and failed, and the workers."""
    import asyncio

    from monarq.cli.stats.actions import StatsOptions, show_once, watch_stats

    options = StatsOptions(queues, parse_window(window), as_json=json, no_color=no_color)
    with open_source(redis) as source:
        if not watch:
            return asyncio.run(show_once(source, options))
        with suppress(KeyboardInterrupt, asyncio.CancelledError):  # a watch ends so
            asyncio.run(watch_stats(source, options))
    return 0


def parse_window(text: str) -> int | None:
    """Seconds, in whole minutes; None for "all".

    Raises:
        click.BadParameter: it is none, less than a minute, or more than a day.
    """
    if text == "all":
        return None
    try:
        seconds = parse_duration(text)
    except click.BadParameter:
        seconds = 0
    if not 60 <= seconds <= 86_400 or seconds % 60:
        raise click.BadParameter(
            f"{text!r} is not a window: give whole minutes up to a day, such as 15m or 1h, or all",
            param_hint="--window",
        )
    return int(seconds)
