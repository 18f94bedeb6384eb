"""Implements `monarq dead`: finds the selected dead letters, and shows, retries or deletes them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from redis.asyncio import Redis

from monarq.cli.command_line.queue_names import QueueNames
from monarq.cli.command_line.redis_source import open_client
from monarq.cli.dead.view import as_json_line, render_letter, render_list
from monarq.cli.terminal.console import FAILED, open_console, say, write_out
from monarq.cli.terminal.progress import ActionProgress
from monarq.monitor.admin.rate_limiter import RateLimiter
from monarq.monitor.jobs.dead_letters import (
    DeadLetter,
    DeadLetterFilter,
    count_dead_letters,
    find_dead_letters,
    read_dead_letters,
    read_payload,
)
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.protocol.answers import Revived
from monarq.shared.protocol.dead_letters import BATCH
from monarq.shared.protocol.monitor_queue import MonitorQueue
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.connection import UrlSource
from monarq.shared.redis.replies import text
from monarq.shared.text.printable import printable

REFUSAL_REASONS: Final = {
    Revived.NO_LETTER: "it has no dead letter",
    Revived.ALIVE: "a job with this id is queued or running, or has ended since",
    Revived.NO_PAYLOAD: "its payload is gone",
}

Action = Callable[[Redis, MonitorQueue, Sequence[bytes]], Awaitable[list[str | None]]]
"""Acts on the letters with these ids, or on the first of them; returns, for each, why it was refused, or None."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The letters that a command acts on.

    Attributes:
        queues: where to look; all known queues if no name is given.
        ids: the jobs' ids; if empty, `wanted` selects the letters.
        wanted: the filter.
    """

    queues: QueueNames = field(default_factory=QueueNames)
    ids: tuple[str, ...] = ()
    wanted: DeadLetterFilter = field(default_factory=DeadLetterFilter)

    @property
    def raw_ids(self) -> list[bytes]:
        """The ids as Redis holds them, including those that are not UTF-8."""
        return [job_id.encode("utf-8", "surrogateescape") for job_id in self.ids]


async def list_letters(source: UrlSource, selection: Selection, limit: int, *, as_json: bool) -> int:
    """Prints the selected letters up to the limit; returns the exit code, 1 if a queue is unknown.

    Raises:
        RedisError: Redis did not answer.
    """
    async with open_client(source) as redis:
        queues, code = await selection.queues.find_there(redis)
        letters = []
        async for letter in _letters_in(redis, queues, selection.wanted):
            letters.append(letter)
            if len(letters) > limit:
                break
        if queues and not letters:
            await _say_none_found(redis, queues, selection)
    shown = letters[:limit]
    if as_json:
        write_out("".join(as_json_line(letter) for letter in shown))
    elif shown:
        console = open_console(sys.stdout)
        console.print(render_list(shown, queues, width=console.width))
    if len(letters) > limit:
        say(f"monarq: there are more than these {limit:,}; raise --limit to see them")
    return code


async def show_letters(source: UrlSource, selection: Selection, *, with_payload: bool, as_json: bool) -> int:
    """Prints all details of the letters with these ids; returns the exit code, 1 if an id has none.

    Raises:
        RedisError: Redis did not answer.
    """
    missing = 0
    console = open_console(sys.stdout)
    async with open_client(source) as redis:
        queues, code = await selection.queues.find_there(redis)
        for raw_id in selection.raw_ids if queues else ():
            letters = [letter for queue in queues for letter in await read_dead_letters(redis, queue, [raw_id])]
            missing += _warn_if_missing(letters, raw_id, queues)
            for letter in letters:
                payload = [await read_payload(redis, letter)] if with_payload else []
                if as_json:
                    write_out(as_json_line(letter, *payload))
                else:
                    console.print(render_letter(letter, *payload), soft_wrap=True)
    return FAILED if missing else code


async def retry_letters(source: UrlSource, selection: Selection, per_s: float | None) -> int:
    """Puts jobs back into their queues, oldest first; returns the exit code, 1 if one was refused.

    Args:
        source: the Redis.
        selection: which letters.
        per_s: how many a second; None for all at once.

    Raises:
        RedisError: Redis did not answer.
    """
    return await _apply(
        source,
        selection,
        _revive,
        RateLimiter(per_s, BATCH),
        done_words="back in the queue",
        undone_words="retried",
    )


async def delete_letters(source: UrlSource, selection: Selection) -> int:
    """Deletes letters; returns the exit code, 1 if an id has none.

    Raises:
        RedisError: Redis did not answer.
    """
    return await _apply(
        source, selection, _discard, RateLimiter(None, BATCH), done_words="deleted", undone_words="deleted"
    )


async def _apply(
    source: UrlSource, selection: Selection, action: Action, limiter: RateLimiter, *, done_words: str, undone_words: str
) -> int:
    async with open_client(source) as redis:
        queues, code = await selection.queues.find_there(redis)
        if not queues:
            return code
        chosen, missing = await _select(redis, queues, selection)
        total = len(missing) + sum(map(len, chosen.values()))
        if not total:
            await _say_none_found(redis, queues, selection)
            return code
        with ActionProgress(total, done_words=done_words, undone_words=undone_words) as progress:
            for raw_id in missing:
                progress.add_refused(text(raw_id), f"it has no dead letter in {_names(queues)}")
            for queue, raw_ids in chosen.items():
                await _apply_in_batches(redis, monitor_queue(queue), raw_ids, action, limiter, progress)
    return FAILED if progress.refused else code


async def _apply_in_batches(
    redis: Redis,
    queue: MonitorQueue,
    raw_ids: Sequence[bytes],
    action: Action,
    limiter: RateLimiter,
    progress: ActionProgress,
) -> None:
    at = 0
    while at < len(raw_ids):
        batch = raw_ids[at : at + await limiter.wait(len(raw_ids) - at)]
        answers = await action(redis, queue, batch)
        for raw_id, reason in zip(batch, answers, strict=False):
            if reason is not None:
                progress.add_refused(text(raw_id), reason)
        progress.add_done(sum(reason is None for reason in answers))
        at += len(answers)
        _end_if_cancelled()


def _end_if_cancelled() -> None:
    """Before Python 3.12, redis-py may swallow a cancellation that coincides with a reply; Ctrl-C must still work."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _revive(redis: Redis, queue: MonitorQueue, raw_ids: Sequence[bytes]) -> list[str | None]:
    return [REFUSAL_REASONS.get(answer) for answer in await queue.revive(redis, raw_ids)]


async def _discard(redis: Redis, queue: MonitorQueue, raw_ids: Sequence[bytes]) -> list[str | None]:
    """A letter that has disappeared in the meantime counts as deleted."""
    return [None for _ in await queue.discard(redis, raw_ids)]


async def _select(
    redis: Redis, queues: Sequence[QueueRef], selection: Selection
) -> tuple[dict[QueueRef, list[bytes]], list[bytes]]:
    """The ids of the selected letters by queue, oldest first; and the ids that have no letter.

    All are read before the first is retried, so that a job that dies again in the meantime is not retried forever.
    """
    if not selection.ids:
        found = {
            queue: [letter.raw_id async for letter in find_dead_letters(redis, queue, selection.wanted)]
            for queue in queues
        }
        return {queue: raw_ids[::-1] for queue, raw_ids in found.items()}, []
    wanted = list(dict.fromkeys(selection.raw_ids))
    chosen = {queue: [letter.raw_id for letter in await read_dead_letters(redis, queue, wanted)] for queue in queues}
    known = {raw_id for raw_ids in chosen.values() for raw_id in raw_ids}
    return chosen, [raw_id for raw_id in wanted if raw_id not in known]


async def _letters_in(redis: Redis, queues: Sequence[QueueRef], wanted: DeadLetterFilter) -> AsyncIterator[DeadLetter]:
    for queue in queues:
        async for letter in find_dead_letters(redis, queue, wanted):
            yield letter


async def _say_none_found(redis: Redis, queues: Sequence[QueueRef], selection: Selection) -> None:
    where = _names(queues)
    count = 0 if selection.wanted.is_all else sum([await count_dead_letters(redis, queue) for queue in queues])
    say(
        f"monarq: none of the {count:,} dead letters in {where} matches"
        if count
        else f"monarq: no dead letters in {where}"
    )


def _warn_if_missing(letters: Sequence[DeadLetter], raw_id: bytes, queues: Sequence[QueueRef]) -> bool:
    if not letters:
        say(f"monarq: {printable(text(raw_id))} has no dead letter in {_names(queues)}")
    return not letters


def _names(queues: Sequence[QueueRef]) -> str:
    return ", ".join(printable(queue.label) for queue in queues)
