"""One word an idea: what users see calls each thing by the word that was chosen for it, and by no other.

arq's people keep arq's words, in `monarq.arq` and in docs/arq.md; docs/coming-from/ has those of other queues.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Final, get_args

import click
import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

import monarq
from monarq.cli.app import app
from monarq.monitor.jobs.dead_letters import DeadLetter
from monarq.monitor.jobs.job_view import JobView
from monarq.monitor.jobs.listing import JobRow, ListedState, State
from monarq.monitor.jobs.result_view import ResultView
from monarq.monitor.jobs.timeline import EventKind, TimelineEvent
from monarq.monitor.metrics.endpoint import Exporter, read_known
from monarq.monitor.queues.counters import COUNTS
from monarq.monitor.queues.stats import QueueStats
from monarq.monitor.queues.workers import RunningJob, WorkerStats
from monarq.workers.events.listener import Listener

ROOT: Final = Path(__file__).parents[2]

BETTER: Final = {
    "abort": "cancel",
    "aborted": "cancelled",
    "aborts": "cancels",
    "aborting": "cancelling",
    "complete": "succeeded",
    "completed": "succeeded",
    "done": "succeeded",
    "finished": "ended",
    "ready": "queued",
    "status": "state",
    "in_progress": "running",
    "not_found": "unknown",
    "unplaced": "unknown",
}
"""The words that are not used, with those that are."""

OLD_NAMES: Final = re.compile(
    r"\bJobStatus\b|\bJobAbortedError\b|\bjob_aborted\b|\bresult_info\b|\.status\(\)|\.abort\("
    r"|\bmonarq queue (?:list|pause|resume|purge|move|shards)\b|\bmonarq\.monitor\.web\b|--watch-also\b"
    r"|\b(?:ready|done|completed?) jobs?\b|\bjobs? (?:is|are|was|were) (?:ready|done|completed?|aborted)\b"
    r"|state(?:=~?|\" ?: ?)\\*\"[^\"]*\b(?:ready|done|aborted|in_progress|complete)\b"
    r"|`(?:ready|ready:cpu|aborts|aborted|in_progress|complete|not_found)`|\b[Aa]bort"
)
"""What pages of documentation and texts do not say."""

NOT_OURS: Final = re.compile(r"allow_abort_jobs|arq's `?abort|`?abort\(\)`? has moved", re.IGNORECASE)
"""Words of arq's, outside of its own page: settings and calls of its clients."""

NAMES_ALLOWED: Final = {
    "as_completed": "asyncio's name for the same",
    "done": "of Progress: how much of its work a job has behind it",
}


def words_of(name: str) -> list[str]:
    """The words that a name is made of."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def unfit(names: Iterable[str]) -> list[str]:
    """Names with a word that is not used."""
    return sorted(
        name
        for name in set(names)
        if name not in NAMES_ALLOWED and (name in BETTER or any(word in BETTER for word in words_of(name)))
    )


def old_words_in(text: str) -> list[str]:
    """The lines of a text that have an old name."""
    return [line.strip() for line in text.splitlines() if OLD_NAMES.search(NOT_OURS.sub("", line))]


def members_of(value: object) -> Iterator[str]:
    """What users may call or read of a class, and the names of its arguments."""
    if isinstance(value, type):
        if issubclass(value, Enum):
            yield from (each.value for each in value if isinstance(each.value, str))
        if is_dataclass(value):
            yield from (each.name for each in fields(value))
        for name in dir(value):
            if not name.startswith("_") and name not in dir(Exception):
                yield name
                yield from parameters_of(getattr(value, name))
    yield from parameters_of(value)


def parameters_of(value: object) -> list[str]:
    try:
        return list(inspect.signature(value).parameters) if callable(value) else []
    except (TypeError, ValueError):
        return []


def helps_of(command: click.Command, path: str, parent: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """The help text of a command and of all below it."""
    context = click.Context(command, info_name=path.rpartition(" ")[2], parent=parent)
    yield path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from helps_of(below, f"{path} {name}", context)


def test_the_check_finds_old_words() -> None:
    assert unfit(["JobStatus", "abort", "job_completed", "state", "job_id", "readyz"]) == [
        *("JobStatus", "abort", "job_completed"),
    ]
    assert old_words_in('all well\nthe job is done\nmonarq_queue_jobs{state="ready"}\nallow_abort_jobs') == [
        *("the job is done", 'monarq_queue_jobs{state="ready"}'),
    ]


def test_public_names() -> None:
    names = list(monarq.__all__)
    for name in monarq.__all__:
        names += members_of(getattr(monarq, name))
    assert unfit(names) == []


def test_docstrings_of_public_names() -> None:
    found = {}
    for name in monarq.__all__:
        value = getattr(monarq, name)
        texts = [value.__doc__, *(getattr(value, each).__doc__ for each in dir(value) if not each.startswith("_"))]
        if old := [line for text in texts if isinstance(text, str) for line in old_words_in(text)]:
            found[name] = old
    assert found == {}


def test_events() -> None:
    assert unfit(name for name in dir(Listener) if not name.startswith("_")) == []


def test_json() -> None:
    classes = (JobRow, JobView, ResultView, TimelineEvent, DeadLetter, WorkerStats, RunningJob, QueueStats)
    keys = [each.name for each_class in classes for each in fields(each_class)]
    assert unfit([*keys, *COUNTS]) == []
    assert "id" not in keys, "of what? job_id or worker_id"


def test_states() -> None:
    assert unfit([*get_args(State), *get_args(ListedState), *get_args(EventKind)]) == []
    assert set(get_args(State)) == {each.value for each in monarq.JobState}


def test_help_texts() -> None:
    texts = dict(helps_of(app, "monarq"))
    assert {"monarq jobs cancel", "monarq queues list", "monarq worker"} <= texts.keys()
    assert {path: old for path, text in texts.items() if (old := old_words_in(text))} == {}
    options = [word for text in texts.values() for word in re.findall(r"--([a-z-]+)", text)]
    assert unfit(word.replace("-", "_") for word in options if word != "readyz-after") == []


async def test_metrics(redis: Redis) -> None:
    body, _ = await Exporter(lambda: read_known(redis)).scrape("")
    families = list(text_string_to_metric_families(body.decode()))
    labels = {value for each in families for sample in each.samples for value in sample.labels.values()}
    names = {name for each in families for sample in each.samples for name in (sample.name, *sample.labels)}
    assert {"queued", "deferred", "running", "succeeded", "failed", "cancelled"} <= labels
    assert unfit([*labels, *names]) == []
    assert old_words_in("\n".join(each.documentation for each in families)) == []


@pytest.mark.parametrize(
    "path",
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "docker-compose.yml", "Dockerfile")),
        *sorted(path for suffix in ("md", "json", "yml") for path in (ROOT / "docs").rglob(f"*.{suffix}")),
        *sorted((ROOT / "monitor" / "web" / "templates").glob("*.html")),
        *sorted((ROOT / "examples").rglob("*.py")),
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_pages(path: Path) -> None:
    if path != ROOT / "docs" / "arq.md" and path.parent.name != "coming-from":
        assert old_words_in(path.read_text()) == []
