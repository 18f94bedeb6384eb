"""Finds jobs that wait in a queue of the other format with the same name as an empty one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.keys import QUEUES
from monarq.shared.formats.arq.keys import waiting_keys as arq_waiting_keys
from monarq.shared.formats.native.keys import waiting_keys as native_waiting_keys
from monarq.shared.protocol.namesake import Namesake
from monarq.shared.protocol.queue_ref import ARQ_PREFIX, DEFAULT_QUEUES, FORMATS, Format, QueueRef
from monarq.shared.redis.servers import is_cluster

_WAITING_KEYS: Final[Mapping[Format, Callable[[str], tuple[str, ...]]]] = {
    "native": native_waiting_keys,
    "arq": arq_waiting_keys,
}


async def find_namesakes(redis: Redis, queues: Iterable[QueueRef]) -> list[Namesake]:
    """The queues of the other format in which jobs wait, if none waits in the given queues with the same names.

    The default queues of both formats count as namesakes too. It takes one round trip, and a second one if there is a
    queue with that name in arq's format. The key of such a queue is its bare name, which may belong to another program
    or be denied to this user, so it is read only if monarq has seen the queue, or if it begins with ``arq:``, as all of
    arq's other keys do.

    Args:
        redis: the client.
        queues: the queues that the user named; none of them is in the result.

    Raises:
        RedisError: Redis did not answer.
    """
    given = [] if is_cluster(redis) else list(dict.fromkeys(queues))  # a cluster has queues of only one format
    pairs = [(queue, other) for queue in given for other in _others(queue) if other not in given]
    asked = list(dict.fromkeys(queue for pair in pairs for queue in pair))
    unsure = [queue for queue in asked if _may_be_foreign(queue) and queue not in given]
    waiting, listed = await _count(redis, [queue for queue in asked if queue not in unsure], unsure)
    if listed:
        waiting |= (await _count(redis, listed, []))[0]
    return [
        Namesake(other, waiting[other], queue) for queue, other in pairs if waiting.get(other) and not waiting[queue]
    ]


async def _count(
    redis: Redis, queues: Sequence[QueueRef], unsure: Sequence[QueueRef]
) -> tuple[dict[QueueRef, int], list[QueueRef]]:
    """How many jobs wait in each of the first queues, and which of the others, in arq's format, are known."""
    keys = {queue: _WAITING_KEYS[queue.format](queue.name) for queue in queues}
    calls: Any = redis.pipeline(transaction=False)
    for queue in queues:
        for key in keys[queue]:
            calls.zcard(key)
    for queue in unsure:
        calls.zscore(QUEUES, queue.name)
    replies = iter(await calls.execute(raise_on_error=False) if queues else ())
    waiting = {queue: sum(_number(next(replies)) for _ in keys[queue]) for queue in queues}
    return waiting, [queue for queue in unsure if isinstance(next(replies), float)]


def _others(queue: QueueRef) -> list[QueueRef]:
    same_name = [QueueRef(queue.name, each) for each in FORMATS if each != queue.format]
    return [*same_name, *(each for each in DEFAULT_QUEUES if queue in DEFAULT_QUEUES and each != queue)]


def _may_be_foreign(queue: QueueRef) -> bool:
    """Whether the key of the queue may be another program's."""
    return queue.format == "arq" and not queue.name.startswith(ARQ_PREFIX)


def _number(reply: object) -> int:
    return reply if isinstance(reply, int) else 0
