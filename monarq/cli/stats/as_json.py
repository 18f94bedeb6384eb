"""The JSON of `monarq stats --json`. Other programs rely on the names in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from monarq.monitor.health.overview import Overview
from monarq.monitor.health.queue_health import assess_health
from monarq.monitor.queues.counters import COUNTS, Counters, Histogram
from monarq.monitor.queues.stats import QueueStats
from monarq.shared.protocol.counters import FIELDS
from monarq.shared.text.json_lines import json_line

JOB_COUNTS: Final = tuple(name for name in COUNTS if name != "lost")
"""Lost leases are not counted by job name."""

FAILURE_FIELDS: Final = ("job_id", "name", "error", "error_type", "tries", "crashes", "worker", "died_ms")


def to_json(queues: Sequence[Overview], window_s: int | None) -> bytes:
    """One object, on one line."""
    document = {"verdict": assess_health(queues), "window_s": window_s, "queues": [_queue(queue) for queue in queues]}
    return json_line(document).encode()


def _queue(queue: Overview) -> dict[str, Any]:
    stats = {each.name: getattr(queue.stats, each.name) for each in fields(QueueStats)}
    return stats | {
        "enqueued_per_s": queue.enqueued_per_s,
        "wait": _quantiles(queue.window.wait),
        "run": _quantiles(queue.window.run),
        "arq": queue.arq,
        "unknown_jobs": queue.unknown_jobs,
        "jobs": [_job(name, counters) for name, counters in sorted(queue.jobs.items())],
        "series": [
            {"start_s": step.start_s, "length_s": step.length_s, **_counts(step.counters, FIELDS)}
            for step in queue.rates
        ],
        "failures": [{name: getattr(letter, name) for name in FAILURE_FIELDS} for letter in queue.failures],
    }


def _job(name: str, counters: Counters) -> dict[str, Any]:
    counts = _counts(counters, JOB_COUNTS)
    return {"name": name, **counts, "wait": _quantiles(counters.wait), "run": _quantiles(counters.run)}


def _counts(counters: Counters, names: Sequence[str]) -> dict[str, int]:
    return {name: getattr(counters, name) for name in names}


def _quantiles(times: Histogram) -> dict[str, float | None]:
    return {f"p{q}_s": times.quantile(q / 100) for q in (50, 95, 99)}
