"""The dead letters page: the list with its filters, and retrying and deleting one letter or all that match a filter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from redis.asyncio import Redis

from monarq.monitor.jobs.dead_letters import (
    DeadLetter,
    DeadLetterFilter,
    count_dead_letters,
    find_dead_letters,
    read_dead_letters,
)
from monarq.monitor.web.base.page_request import PageRequest, Value, link
from monarq.monitor.web.base.rendering import View
from monarq.monitor.web.pages.queue_choice import chosen_queue, named_queue, need_format
from monarq.shared.formats.choice.monitors import known_queues, monitor_queue
from monarq.shared.protocol.answers import Revived
from monarq.shared.protocol.dead_letters import BATCH
from monarq.shared.protocol.monitor_queue import MonitorQueue
from monarq.shared.protocol.queue_ref import QueueRef

SHOWN: Final = 100
LOOKED_AT: Final = 2_000
"""The most dead letters of a queue that are examined to fill a list; `monarq dead` has no such limit."""

FILTERS: Final = ("queue", "format", "name", "error", "newer", "older")
SPANS_S: Final = {"10m": 600.0, "1h": 3600.0, "6h": 21_600.0, "1d": 86_400.0, "3d": 259_200.0}

Act = Callable[[Redis, MonitorQueue, Sequence[bytes]], Awaitable[list[bool]]]
"""Retries or deletes dead letters, or the first of them; returns, for each, whether it did."""


async def show_list(redis: Redis, request: PageRequest) -> View:
    """The newest dead letters that match the filters."""
    queues = await known_queues(redis)
    chosen = await _chosen_queues(redis, queues, request)
    letters, cut = await _find(redis, chosen, request)
    counts = {queue: await count_dead_letters(redis, queue) for queue in queues}
    return View(
        "dead",
        "Dead letters",
        {
            "letters": letters,
            "cut": cut,
            "looked_at": LOOKED_AT,
            "names": list(dict.fromkeys(queue.name for queue in queues)),
            "asks_format": need_format(queues),
            "total": sum(counts.values()),
            "filters": _filters(request),
            "spans": tuple(SPANS_S),
        },
    )


async def confirm(redis: Redis, request: PageRequest) -> View:
    """Asks whether to retry or delete all dead letters that the filters match."""
    act = request.one_of("act", "retry", "delete")
    found = await _choose(redis, request)
    count = sum(map(len, found.values()))
    return View(
        "dead_confirm", f"{act.title()} dead letters", {"act": act, "count": count, "filters": _filters(request)}
    )


async def retry(redis: Redis, request: PageRequest) -> str:
    """Puts one job back into its queue, or all that the filters match."""
    return await _act(redis, request, _revive, "retried")


async def delete(redis: Redis, request: PageRequest) -> str:
    """Deletes one dead letter, or all that the filters match."""
    return await _act(redis, request, _discard, "deleted")


async def _act(redis: Redis, request: PageRequest, act: Act, done: str) -> str:
    count = left = 0
    for ref, raw_ids in (await _choose(redis, request)).items():
        queue, at = monitor_queue(ref), 0
        while at < len(raw_ids):
            answers = await act(redis, queue, raw_ids[at : at + BATCH])
            count, left, at = count + sum(answers), left + answers.count(False), at + len(answers)
    filters = {} if "id" in request.fields else _filters(request)
    if not count and not left:
        return link("/dead", filters | {"did": "nothing"})
    return link("/dead", filters | {"did": done, "n": count, "left": left or None})


async def _revive(redis: Redis, queue: MonitorQueue, raw_ids: Sequence[bytes]) -> list[bool]:
    return [answer is Revived.BACK for answer in await queue.revive(redis, raw_ids)]


async def _discard(redis: Redis, queue: MonitorQueue, raw_ids: Sequence[bytes]) -> list[bool]:
    await queue.discard(redis, raw_ids)
    return [True] * len(raw_ids)


async def _choose(redis: Redis, request: PageRequest) -> dict[QueueRef, list[bytes]]:
    """The chosen dead letters by queue, oldest first; all are listed before the first is changed."""
    if "id" in request.fields:
        letters = await read_dead_letters(redis, await named_queue(redis, request), [request.raw("id")])
        return {letter.ref: [letter.raw_id] for letter in letters}
    queues, chosen = await _chosen_queues(redis, await known_queues(redis), request), _filter(request)
    return {
        queue: [letter.raw_id async for letter in find_dead_letters(redis, queue, chosen)][::-1] for queue in queues
    }


async def _find(redis: Redis, queues: Sequence[QueueRef], request: PageRequest) -> tuple[list[DeadLetter], bool]:
    """The newest dead letters that match, and whether there may be more."""
    chosen, found, cut = _filter(request), list[DeadLetter](), False
    for queue in queues:
        of_queue = looked_at = 0
        async for letter in find_dead_letters(
            redis, queue, DeadLetterFilter(older_s=chosen.older_s, newer_s=chosen.newer_s)
        ):
            if of_queue == SHOWN or looked_at == LOOKED_AT:
                cut = True
                break
            looked_at += 1
            if chosen.matches(letter):
                of_queue += 1
                found.append(letter)
    found.sort(key=lambda letter: -letter.died_ms)
    return found[:SHOWN], cut or len(found) > SHOWN


async def _chosen_queues(redis: Redis, known: Sequence[QueueRef], request: PageRequest) -> Sequence[QueueRef]:
    chosen = await chosen_queue(redis, request)
    return known if chosen is None else [chosen]


def _filter(request: PageRequest) -> DeadLetterFilter:
    return DeadLetterFilter(
        name=request.text("name") or None,
        error=request.text("error") or None,
        newer_s=SPANS_S.get(request.text("newer")),
        older_s=SPANS_S.get(request.text("older")),
    )


def _filters(request: PageRequest) -> dict[str, Value]:
    given = {name: request.raw(name) for name in FILTERS if request.text(name)}
    if "queue" not in given:
        given.pop("format", None)
    return dict(given)
