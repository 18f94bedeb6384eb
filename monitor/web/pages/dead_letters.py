"""Dead letters: the list with its filters, and retry and delete of one or of all that a filter means."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from redis.asyncio import Redis

from monarq.monitor.jobs.dead_letters import DeadLetter, Wanted, count_letters, find_letters, read_letters
from monarq.monitor.queues.stats import known_queues
from monarq.monitor.web.base.page_request import Asked, Value, link
from monarq.monitor.web.base.rendering import View
from monarq.shared.commands.dead import discard as discarding
from monarq.shared.commands.dead import revive as reviving
from monarq.shared.commands.dead.discard import discard
from monarq.shared.commands.dead.revive import Revived, revive
from monarq.shared.redis.keys import QueueKeys

SHOWN: Final = 100
LOOKED_AT: Final = 2_000
"""The most letters of a queue that are looked at to fill a list; a rarer filter is for `monarq dead`."""

FILTERS: Final = ("queue", "name", "error", "newer", "older")
SPANS_S: Final = {"10m": 600.0, "1h": 3600.0, "6h": 21_600.0, "1d": 86_400.0, "3d": 259_200.0}

Act = Callable[[Redis, QueueKeys, Sequence[bytes]], Awaitable[list[bool]]]
"""Does something with letters, or with the first of them; says of each whether it was done."""


async def show_list(redis: Redis, asked: Asked) -> View:
    """The newest letters that fit."""
    queues = await known_queues(redis)
    letters, cut = await _find(redis, _meant(queues, asked), asked)
    counts = {queue: await count_letters(redis, queue) for queue in queues}
    return View(
        "dead",
        "Dead letters",
        {
            "letters": letters,
            "cut": cut,
            "looked_at": LOOKED_AT,
            "queues": queues,
            "total": sum(counts.values()),
            "filters": _filters(asked),
            "spans": tuple(SPANS_S),
        },
    )


async def confirm(redis: Redis, asked: Asked) -> View:
    """Asks whether all letters that a filter means are meant."""
    act = asked.one_of("act", "retry", "delete")
    found = await _choose(redis, asked)
    count = sum(map(len, found.values()))
    return View("dead_confirm", f"{act.title()} dead letters", {"act": act, "count": count, "filters": _filters(asked)})


async def retry(redis: Redis, asked: Asked) -> str:
    """Puts one job back, or all that the filter means."""
    return await _work(redis, asked, _revive, "retried")


async def delete(redis: Redis, asked: Asked) -> str:
    """Throws one letter away, or all that the filter means."""
    return await _work(redis, asked, _discard, "deleted")


async def _work(redis: Redis, asked: Asked, act: Act, done: str) -> str:
    count = left = 0
    for queue, raw_ids in (await _choose(redis, asked)).items():
        keys, at = QueueKeys.of(queue), 0
        while at < len(raw_ids):
            answers = await act(redis, keys, raw_ids[at : at + min(reviving.BATCH, discarding.BATCH)])
            count, left, at = count + sum(answers), left + answers.count(False), at + len(answers)
    filters = {} if "id" in asked.fields else _filters(asked)
    if not count and not left:
        return link("/dead", filters | {"did": "nothing"})
    return link("/dead", filters | {"did": done, "n": count, "left": left or None})


async def _revive(redis: Redis, keys: QueueKeys, raw_ids: Sequence[bytes]) -> list[bool]:
    return [answer is Revived.BACK for answer in await revive(redis, keys, raw_ids)]


async def _discard(redis: Redis, keys: QueueKeys, raw_ids: Sequence[bytes]) -> list[bool]:
    await discard(redis, keys, raw_ids)
    return [True] * len(raw_ids)


async def _choose(redis: Redis, asked: Asked) -> dict[str, list[bytes]]:
    """Which letters are meant, by queue, the longest dead first; all are taken down before the first is touched."""
    if "id" in asked.fields:
        letters = await read_letters(redis, asked.text("queue"), [asked.raw("id")])
        return {letter.queue: [letter.raw_id] for letter in letters}
    queues, wanted = _meant(await known_queues(redis), asked), _wanted(asked)
    return {queue: [letter.raw_id async for letter in find_letters(redis, queue, wanted)][::-1] for queue in queues}


async def _find(redis: Redis, queues: Sequence[str], asked: Asked) -> tuple[list[DeadLetter], bool]:
    """The newest letters that fit, and whether there may be more."""
    wanted, found, cut = _wanted(asked), list[DeadLetter](), False
    for queue in queues:
        of_queue = looked_at = 0
        async for letter in find_letters(redis, queue, Wanted(older_s=wanted.older_s, newer_s=wanted.newer_s)):
            if of_queue == SHOWN or looked_at == LOOKED_AT:
                cut = True
                break
            looked_at += 1
            if wanted.admits(letter):
                of_queue += 1
                found.append(letter)
    found.sort(key=lambda letter: -letter.died_ms)
    return found[:SHOWN], cut or len(found) > SHOWN


def _meant(queues: Sequence[str], asked: Asked) -> Sequence[str]:
    return [asked.text("queue")] if asked.text("queue") else queues


def _wanted(asked: Asked) -> Wanted:
    return Wanted(
        name=asked.text("name") or None,
        error=asked.text("error") or None,
        newer_s=SPANS_S.get(asked.text("newer")),
        older_s=SPANS_S.get(asked.text("older")),
    )


def _filters(asked: Asked) -> dict[str, Value]:
    return {name: asked.raw(name) for name in FILTERS if asked.text(name)}
