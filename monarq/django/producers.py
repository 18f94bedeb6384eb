"""The producers of a project's backends: one a process for each of them, whatever threads use it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from monarq.django.framework import task_backends
from monarq.producer import SyncProducer
from monarq.producer.per_process import ProcessProducer
from monarq.producer.sync import yield_to_sandbox

_PRODUCERS: Final[dict[str, ProcessProducer]] = {}
"""By what they are made from: Django makes a backend for each thread."""


def producer(backend: str = "default") -> SyncProducer:
    """The producer of a backend, for jobs of your own: ``producer().enqueue(send, "a@b")``.

    Args:
        backend: its alias in TASKS.

    Raises:
        InvalidTaskBackend: TASKS has no such backend.
        TypeError: it is another kind of backend.
        SettingsError: its OPTIONS have an invalid value.
    """
    found = task_backends[backend]
    made = getattr(found, "producer", None)
    if not isinstance(made, SyncProducer):
        raise TypeError(f"TASKS[{backend!r}] is {type(found).__name__}, no MonarqBackend, and has no producer")
    return made


def shared_producer(options: Mapping[str, Any]) -> ProcessProducer:
    """The producer of these OPTIONS of a backend, one in each process. In a test, a sandbox overrides their Redis."""
    url, settings = options.get("redis"), options.get("producer", {})
    key = repr((url, sorted(settings.items())))
    known = _PRODUCERS.get(key)
    if known is None:
        known = _PRODUCERS.setdefault(key, ProcessProducer(partial(_make, url, settings)))
    return known


def _make(url: str | None, settings: Mapping[str, Any]) -> SyncProducer:
    made = SyncProducer(url, **settings)
    yield_to_sandbox(made, url)
    return made
