"""Checks a target: can it be imported, which jobs does it have, and which queues does it serve?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from monarq.cli.doctor.finding import Finding
from monarq.shared.errors import MonarqError
from monarq.shared.protocol.namesake import option_of
from monarq.targets import load_target
from monarq.workers.config.named_settings import project_settings
from monarq.workers.jobs.registry import register
from monarq.workers.process.target_loader import LoadedTarget

SECTION: Final = "target"
MOST_NAMES: Final = 12


def check_target(
    target: str, url: str | None, overrides: Mapping[str, Any]
) -> tuple[LoadedTarget | None, Sequence[str], list[Finding]]:
    """Imports a target, as a worker does.

    Returns:
        The target, or None if it cannot be loaded; the names of its jobs; and the findings.
    """
    try:
        loaded = load_target(target, url, overrides, project_settings())
        jobs = sorted(register(loaded.functions, loaded.settings))
    except MonarqError as error:
        return None, (), [Finding(SECTION, target, "cannot be loaded", "problem", str(error))]
    names = ", ".join(jobs[:MOST_NAMES]) + (f" and {len(jobs) - MOST_NAMES} more" if len(jobs) > MOST_NAMES else "")
    queues = ", ".join(queue.label for queue in loaded.settings.queues)
    findings = [
        Finding(SECTION, "jobs", f"{len(jobs)}: {names}"),
        Finding(SECTION, "queues", queues),
        *_unserved(loaded),
    ]
    return loaded, jobs, findings


def _unserved(loaded: LoadedTarget) -> Iterator[Finding]:
    unserved = loaded.unserved_jobs()
    if unserved:
        jobs = "; ".join(f"{queue} ({', '.join(names)})" for queue, names in unserved.items())
        options = " ".join(map(option_of, (*loaded.settings.queues, *unserved)))
        found = f"the worker does not serve the queues of some of its jobs: {jobs}"
        yield Finding(SECTION, "unserved queues", found, "warning", f"to serve all: {options}")
