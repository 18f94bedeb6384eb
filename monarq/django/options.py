"""The OPTIONS of a backend in TASKS: which there are, and what is wrong with those that are given."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from monarq.producer import SyncProducer
from monarq.shared.errors import MonarqError
from monarq.shared.jobs.decorators import job
from monarq.shared.queue import Queue
from monarq.shared.redis.connection import redis_url

NAMES: Final = ("redis", "producer", "job", "lane")
"""``redis``: the URL, by default REDIS_URL. ``producer``: settings of `SyncProducer`. ``job``: options of ``@job`` for
all tasks, such as ``{"timeout": "10m", "retry": 3}``. ``lane``: "thread" or "cpu", where plain functions run."""

LANES: Final = ("thread", "cpu")

_OF_TASKS: Final = {
    "name": "a task's name is its module path",
    "lane": "'lane' is an option beside 'job'",
    "queue": "a task has its own, as in @task(queue_name=...)",
    "renamed_from": "each task has its own name",
}
"""Options of ``@job`` that tasks do not have, and why."""

_OF_OPTIONS: Final = {"url": "give the URL as 'redis', beside 'producer'", "redis": "'redis' is an option beside it"}
"""Settings of `SyncProducer` that are given elsewhere, and where."""


def lane_of(options: Mapping[str, Any]) -> str:
    """Where the backend's plain functions run; by default in threads, as most of them wait for the database."""
    return str(options.get("lane", LANES[0]))


def wrong_options(options: object, queues: set[str]) -> Iterator[str]:
    """What is wrong with the OPTIONS and QUEUES of a backend, in words."""
    if not isinstance(options, Mapping):
        yield f"OPTIONS is {options!r}: give a dict"
        return
    for name in options:
        if name not in NAMES:
            yield f"there is no option {name!r}; there are {', '.join(NAMES)}"
    if lane_of(options) not in LANES:
        yield f"'lane' is {options['lane']!r}: give {' or '.join(map(repr, LANES))}"
    tried: dict[str, Callable[[], object]] = {
        "redis": lambda: redis_url(options.get("redis")),
        "producer": lambda: _try_producer(_settings(options, "producer", _OF_OPTIONS)),
        "job": lambda: _try_job(_settings(options, "job", _OF_TASKS), lane_of(options)),
        **{f"QUEUES, {queue!r}": partial(Queue, queue) for queue in sorted(queues)},
    }
    for name, attempt in tried.items():
        try:
            attempt()
        except (MonarqError, TypeError) as error:
            yield f"{name}: {error}"


def _settings(options: Mapping[str, Any], name: str, elsewhere: Mapping[str, str]) -> dict[str, Any]:
    given = options.get(name, {})
    if not isinstance(given, Mapping):
        raise TypeError(f"it is {given!r}: give a dict")
    for each, reason in elsewhere.items():
        if each in given:
            raise TypeError(f"{each!r} cannot be given here: {reason}")
    return dict(given)


def _try_job(settings: dict[str, Any], lane: str) -> None:
    job(**settings)
    if "memory" in settings and lane != "cpu":
        raise TypeError("'memory' is for plain functions on the cpu lane: give 'lane' as well, as \"cpu\"")


def _try_producer(settings: dict[str, Any]) -> None:
    known = [name for name in inspect.signature(SyncProducer).parameters if name not in _OF_OPTIONS]
    for name in settings:
        if name not in known:
            raise TypeError(f"a producer has no setting {name!r}; there are {', '.join(known)}")
    SyncProducer("redis://localhost", **settings).close()  # it connects when it is first used
