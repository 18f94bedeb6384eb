"""How a queue is called: its format is said where its name does not suggest it."""

from __future__ import annotations

import pytest

from monarq.shared.protocol.queue_ref import DEFAULT_FORMAT, DEFAULT_QUEUE, DEFAULT_QUEUES, QueueRef


@pytest.mark.parametrize(
    ("queue", "label"),
    [
        (QueueRef("mail", "native"), "mail"),
        (QueueRef("mail", "arq"), "mail (arq)"),
        (QueueRef("arq:queue", "arq"), "arq:queue"),
        (QueueRef("arq:queue", "native"), "arq:queue (native)"),
    ],
)
def test_a_queues_label_depends_on_nothing_but_itself(queue: QueueRef, label: str) -> None:
    assert queue.label == str(queue) == f"{queue}" == label


def test_a_queue_is_native_and_called_default_unless_somebody_says_otherwise() -> None:
    assert (DEFAULT_QUEUE, DEFAULT_FORMAT) == DEFAULT_QUEUES[0] == ("default", "native")
