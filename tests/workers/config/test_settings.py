"""The settings of a worker: each invalid value is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from monarq.shared.errors import MonarqError
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.queue import Queue
from monarq.workers.config.settings import WorkerSettings


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"max_crashes": -1}, "max_crashes"),
        ({"cpu_memory_bytes": 0}, "cpu_memory_bytes"),
        ({"lease_s": 0.1}, "lease_s is 0.1; it must be 0.2 or more"),
        ({"poll_s": 0}, "poll_s is 0; it must be 0.001 or more"),
        ({"grace_s": -1}, "grace_s"),
        ({"keep_dead_s": None}, "keep_dead_s is None; it must be 0.001 or more"),
        ({"queues": ()}, r"queues is \(\): give a list with at least one queue"),
        ({"queues": "mail"}, "queues is 'mail': give a list"),
        ({"queues": [Queue("mail"), None]}, "queues: None is not a queue: give names or instances of monarq.Queue"),
        ({"queues": [QueueRef("a~1", "native")]}, "the name of a native queue must not contain"),
        ({"queues": (QueueRef("", "arq"),)}, "a queue's name must not be empty"),
        ({"queues": (QueueRef("a\nb", "arq"),)}, "control characters"),
    ],
)
def test_an_invalid_value_is_named(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(MonarqError, match=text):
        WorkerSettings(**settings)


def test_queues_are_named_by_text_or_as_values_and_each_is_served_once() -> None:
    settings = WorkerSettings(queues=["a", Queue("a"), Queue("a", format="arq"), QueueRef("a", "native"), "a"])  # type: ignore[arg-type]
    assert settings.queues == (QueueRef("a", "native"), QueueRef("a", "arq"))


def test_arq_may_have_names_of_queues_that_monarq_refuses() -> None:
    assert WorkerSettings(queues=(QueueRef("a\nb", "arq"),), any_queue_name=True).queues == (QueueRef("a\nb", "arq"),)


def test_names_that_only_arq_may_have_are_none_of_native_queues() -> None:
    with pytest.raises(MonarqError, match="control characters"):
        WorkerSettings(queues=(QueueRef("a\nb", "native"),), any_queue_name=True)
