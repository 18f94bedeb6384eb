"""Queues that a command names but nobody has used: a misspelled name must not look like an empty queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.choice.monitors import known_queues, monitor_queue
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.similar_names import suggestion
from monarq.shared.text.printable import printable

MOST_NAMED: Final = 10
"""How many known queues a message lists."""


async def explain_missing(redis: Redis, queues: Sequence[QueueRef]) -> dict[QueueRef, str]:
    """The queues that do not exist, each with a sentence that says so and names others.

    If there is no queue at all, the default queue counts as existing, since lists show it then.

    Raises:
        RedisError: Redis did not answer.
    """
    unused = [queue for queue in queues if not await monitor_queue(queue).was_used(redis)]
    known = await known_queues(redis) if unused else []
    labels = [each.label for each in known]
    return {
        queue: f"unknown queue {printable(queue.label)}: it has no jobs, and no worker serves it"
        f"{_others(queue.label, labels)}"
        for queue in unused
        if queue not in known
    }


def _others(label: str, known: Sequence[str]) -> str:
    if near := suggestion(label, known, form=printable):
        return near
    more = f" and {len(known) - MOST_NAMED:,} more" if len(known) > MOST_NAMED else ""
    return f"; known queues: {', '.join(map(printable, known[:MOST_NAMED]))}{more}"
