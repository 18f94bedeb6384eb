"""The OPTIONS of a backend in TASKS: which there are, and what is wrong with those that are given."""

from __future__ import annotations

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


def lane_of(options: Mapping[str, Any]) -> str:
    """Where the backend's plain functions run; by default in threads, as most of them wait for the database."""
    return str(options.get("lane", LANES[0]))


def wrong_options(options: Mapping[str, Any], queues: set[str]) -> Iterator[str]:
    """What is wrong with the OPTIONS and QUEUES of a backend, in words."""
    for name in options:
        if name not in NAMES:
            yield f"there is no option {name!r}; there are {', '.join(NAMES)}"
    if lane_of(options) not in LANES:
        yield f"'lane' is {options['lane']!r}: give {' or '.join(map(repr, LANES))}"
    tried: dict[str, Callable[[], object]] = {
        "redis": lambda: redis_url(options.get("redis")),
        "producer": lambda: _try_producer(options.get("producer", {})),
        "job": lambda: job(**options.get("job", {})),
        **{f"QUEUES, {queue!r}": partial(Queue, queue) for queue in sorted(queues)},
    }
    for name, attempt in tried.items():
        try:
            attempt()
        except (MonarqError, TypeError) as error:
            yield f"{name}: {error}"


def _try_producer(settings: Mapping[str, Any]) -> None:
    SyncProducer(**{"url": "redis://localhost", **settings}).close()  # it connects when it is first used
