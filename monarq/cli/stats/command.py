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
The first line says how the queues are doing and why. If several apply, it is the worst of:
  no worker        no worker runs, or jobs are queued where no worker serves them
  unknown jobs     jobs are queued whose names no worker of their queue knows
  failing          5 % or more of the jobs of the last 5 minutes failed, or runs lost their worker
  falling behind   jobs have been queued for 30 s, or for 5 s while more come in than end
  loop blocked     a job blocks an event loop for more than a second
  worker lost      a worker has stopped sending heartbeats
  paused           the queue is paused
  catching up      jobs have been queued for 30 s, but the backlog shrinks
  healthy          none of these
""",
    "Examples": """
monarq stats --watch
monarq stats --window 1h
monarq stats -q emails --json | jq '.queues[0].queued'
""",
    "JSON": """
{"verdict": {state, reason, queue, format}, "window_s", "queues": [...]}; each queue has
  queue, format                                  "arq" or "native"
  queued, deferred, running, dead                at this moment
  queued_cpu                                     the queued jobs that wait for a cpu lane
  paused, oldest_s                               oldest_s: age of the oldest queued job, or null
  enqueued, succeeded, failed, cancelled, retried       since the first job
  handed_back, crashed, lost                     the same, for runs that did not finish
  enqueued_per_s, jobs_per_s                     jobs in and out, over the last five seconds
  wait, run                                      {p50_s, p95_s, p99_s} in the window, or null
  jobs: [{name, enqueued, started, succeeded, failed, cancelled, retried,
          handed_back, dead, crashed, wait, run}]                        in the window
  series: [{start_s, length_s, enqueued, started, succeeded, failed, ...}]    of the last 5 minutes
  failures: [{job_id, name, error, error_type, tries, crashes, worker, died_ms}]   newest first
  health_check                                   the text of arq's health check, or null
  arq: {j_complete, j_failed, j_retried, j_ongoing, queued}    the same as numbers, or null
  unknown_jobs                                   names of waiting jobs that no worker knows
  workers: [{worker_id, host, pid, version, concurrency, running,
             cpu_places, cpu_running, uptime_s,
             succeeded, failed, cancelled, retried, draining, alive, queues,
             cpu_percent, memory_bytes, loop_lag_s, restarts, abandoned_threads,
             running_jobs}]
""",
}


@click.command(cls=SectionedCommand, sections=SECTIONS)
@queue_names_option("A queue to show; may be repeated. Default: every recently used queue.")
@click.option(
    "--window",
    metavar="TIME",
    default="15m",
    show_default=True,
    help="Count jobs by name over this period: whole minutes up to a day, such as 15m, 1h or 1d, or all.",
)
@redis_option
@click.option("--json", is_flag=True, help="Print one JSON object; with --watch, one line every second.")
@click.option("--watch", is_flag=True, help="Refresh every second until Ctrl-C.")
@click.option("--no-color", is_flag=True, help="Use no colours; so does $NO_COLOR.")
@verbose_option
def stats(queues: QueueNames, window: str, redis: str | None, json: bool, watch: bool, no_color: bool) -> int:
    """Show the health of the queues: waiting, running, ended and failed jobs, and workers."""
    import asyncio

    from monarq.cli.stats.actions import StatsOptions, show_once, watch_stats

    options = StatsOptions(queues, parse_window(window), as_json=json, no_color=no_color)
    with open_source(redis) as source:
        if not watch:
            return asyncio.run(show_once(source, options))
        with suppress(KeyboardInterrupt, asyncio.CancelledError):  # the normal end of a watch
            asyncio.run(watch_stats(source, options))
    return 0


def parse_window(text: str) -> int | None:
    """Seconds, in whole minutes; None for "all".

    Raises:
        click.BadParameter: it is not a window, or is less than a minute or more than a day.
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
