"""The work of `monarq dead`: finds the letters that are meant, and shows them, puts them back or throws them away."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from redis.asyncio import Redis

from monarq.cli.console import FAILED, open_console, put_out, say
from monarq.cli.dead.progress import Tally
from monarq.cli.dead.view import as_json_line, render_letter, render_list
from monarq.cli.source import open_client
from monarq.monitor.admin.rate_limiter import RateLimiter
from monarq.monitor.jobs.dead_letters import (
    DeadLetter,
    DeadLetterFilter,
    count_dead_letters,
    find_dead_letters,
    read_dead_letters,
    read_payload,
)
from monarq.monitor.queues.stats import known_queues
from monarq.shared.commands.dead import discard as discarding
from monarq.shared.commands.dead import revive as reviving
from monarq.shared.commands.dead.discard import discard
from monarq.shared.commands.dead.revive import Revived, revive
from monarq.shared.redis.connection import UrlSource
from monarq.shared.redis.keys import QueueKeys
from monarq.shared.redis.scripts import text
from monarq.shared.text.printable import printable

WHY_NOT: Final = {
    Revived.NO_LETTER: "there is no dead letter of it",
    Revived.ALIVE: "a job of this id waits, runs, or has ended since",
    Revived.NO_PAYLOAD: "its payload was gone before it died",
}

Act = Callable[[Redis, QueueKeys, Sequence[bytes]], Awaitable[list[str | None]]]
"""Does something with the letters of these ids, or the first of them; gives a reason for each that it left, or None."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters a command is about.

    Attributes:
        queues: where to look; all known queues where there is none.
        ids: the jobs' ids; where there is none, `wanted` chooses.
        wanted: which letters are meant.
    """

    queues: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    wanted: DeadLetterFilter = field(default_factory=DeadLetterFilter)

    @property
    def raw_ids(self) -> list[bytes]:
        """The ids as Redis holds them: what is no UTF-8 on a command line as well."""
        return [job_id.encode("utf-8", "surrogateescape") for job_id in self.ids]


async def list_letters(source: UrlSource, choice: Choice, limit: int, *, as_json: bool) -> int:
    """Prints the letters that are meant, as many as the limit lets; gives the exit code.

    Raises:
        RedisError: Redis did not answer.
    """
    async with open_client(source) as redis:
        queues = await _queues(redis, choice)
        letters = []
        async for letter in _found(redis, queues, choice.wanted):
            letters.append(letter)
            if len(letters) > limit:
                break
        if not letters:
            await _say_none(redis, queues, choice)
    shown = letters[:limit]
    if as_json:
        put_out("".join(as_json_line(letter) for letter in shown))
    elif shown:
        console = open_console(sys.stdout)
        console.print(render_list(shown, with_queue=len(queues) > 1, width=console.width))
    if len(letters) > limit:
        say(f"monarq: there are more than these {limit:,}; --limit shows them")
    return 0


async def show_letters(source: UrlSource, choice: Choice, *, with_payload: bool, as_json: bool) -> int:
    """Prints all that the letters of these ids say; gives the exit code, 1 where an id has none.

    Raises:
        RedisError: Redis did not answer.
    """
    missing = 0
    console = open_console(sys.stdout)
    async with open_client(source) as redis:
        queues = await _queues(redis, choice)
        for raw_id in choice.raw_ids:
            letters = [letter for queue in queues for letter in await read_dead_letters(redis, queue, [raw_id])]
            missing += _tell_if_missing(letters, raw_id, queues)
            for letter in letters:
                payload = [await read_payload(redis, letter)] if with_payload else []
                if as_json:
                    put_out(as_json_line(letter, *payload))
                else:
                    console.print(render_letter(letter, *payload), soft_wrap=True)
    return FAILED if missing else 0


async def retry_letters(source: UrlSource, choice: Choice, per_s: float | None) -> int:
    """Puts jobs back, the longest dead first; gives the exit code, 1 where one could not be put back.

    Args:
        source: the Redis.
        choice: which ones.
        per_s: how many a second; None for all at once.

    Raises:
        RedisError: Redis did not answer.
    """
    return await _work(
        source, choice, _revive, RateLimiter(per_s, reviving.BATCH), done="back in the queue", undone="retried"
    )


async def delete_letters(source: UrlSource, choice: Choice) -> int:
    """Throws letters away; gives the exit code, 1 where an id has none.

    Raises:
        RedisError: Redis did not answer.
    """
    return await _work(source, choice, _discard, RateLimiter(None, discarding.BATCH), done="deleted", undone="deleted")


async def _work(source: UrlSource, choice: Choice, act: Act, pace: RateLimiter, *, done: str, undone: str) -> int:
    async with open_client(source) as redis:
        queues = await _queues(redis, choice)
        chosen, missing = await _choose(redis, queues, choice)
        total = len(missing) + sum(map(len, chosen.values()))
        if not total:
            await _say_none(redis, queues, choice)
            return 0
        with Tally(total, done=done, undone=undone) as tally:
            for raw_id in missing:
                tally.refuse(text(raw_id), f"there is no dead letter of it in {', '.join(queues)}")
            for queue, raw_ids in chosen.items():
                await _work_through(redis, QueueKeys.of(queue), raw_ids, act, pace, tally)
    return FAILED if tally.refused else 0


async def _work_through(
    redis: Redis, keys: QueueKeys, raw_ids: Sequence[bytes], act: Act, pace: RateLimiter, tally: Tally
) -> None:
    at = 0
    while at < len(raw_ids):
        batch = raw_ids[at : at + await pace.wait(len(raw_ids) - at)]
        answers = await act(redis, keys, batch)
        for raw_id, why_not in zip(batch, answers, strict=False):
            if why_not is not None:
                tally.refuse(text(raw_id), why_not)
        tally.add(sum(why_not is None for why_not in answers))
        at += len(answers)


async def _revive(redis: Redis, keys: QueueKeys, raw_ids: Sequence[bytes]) -> list[str | None]:
    return [WHY_NOT.get(answer) for answer in await revive(redis, keys, raw_ids)]


async def _discard(redis: Redis, keys: QueueKeys, raw_ids: Sequence[bytes]) -> list[str | None]:
    """A letter that somebody else has taken off meanwhile is as good as deleted."""
    return [None for _ in await discard(redis, keys, raw_ids)]


async def _choose(redis: Redis, queues: Sequence[str], choice: Choice) -> tuple[dict[str, list[bytes]], list[bytes]]:
    """The ids of the letters that are meant, by queue, the longest dead first; and the ids that have no letter.

    They are all taken down before the first is touched: a job that dies once more meanwhile is not retried for ever.
    """
    if not choice.ids:
        found = {
            queue: [letter.raw_id async for letter in find_dead_letters(redis, queue, choice.wanted)]
            for queue in queues
        }
        return {queue: raw_ids[::-1] for queue, raw_ids in found.items()}, []
    wanted = list(dict.fromkeys(choice.raw_ids))
    chosen = {queue: [letter.raw_id for letter in await read_dead_letters(redis, queue, wanted)] for queue in queues}
    known = {raw_id for raw_ids in chosen.values() for raw_id in raw_ids}
    return chosen, [raw_id for raw_id in wanted if raw_id not in known]


async def _found(redis: Redis, queues: Sequence[str], wanted: DeadLetterFilter) -> AsyncIterator[DeadLetter]:
    for queue in queues:
        async for letter in find_dead_letters(redis, queue, wanted):
            yield letter


async def _queues(redis: Redis, choice: Choice) -> Sequence[str]:
    return choice.queues or await known_queues(redis)


async def _say_none(redis: Redis, queues: Sequence[str], choice: Choice) -> None:
    where = ", ".join(map(printable, queues))
    count = 0 if choice.wanted.is_all else sum([await count_dead_letters(redis, queue) for queue in queues])
    say(
        f"monarq: none of the {count:,} dead letters in {where} fits"
        if count
        else f"monarq: no dead letters in {where}"
    )


def _tell_if_missing(letters: Sequence[DeadLetter], raw_id: bytes, queues: Sequence[str]) -> bool:
    if not letters:
        say(f"monarq: there is no dead letter of {printable(text(raw_id))} in {', '.join(map(printable, queues))}")
    return not letters
