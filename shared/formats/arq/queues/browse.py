"""Pages of a queue's jobs. See browse.lua."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.claim_token import parse_token
from monarq.shared.formats.arq.jobs.claim import read_crash
from monarq.shared.formats.arq.keys import PARKED_SCORE, QueueKeys
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.protocol.pages import BATCH, HEAD_BYTES, TAIL_BYTES, BrowsedJob, LiveState, Page, PagePosition
from monarq.shared.redis.replies import read_number

_SCRIPT = ArqScript.load("queues/browse")
_FIELDS = 11

START: Final[PagePosition] = (b"", b"", b"", b"", 0)
"""The first page. A position is the script's arguments 5 to 9."""


async def browse(
    redis: Redis, keys: QueueKeys, state: LiveState, place: PagePosition = START, limit: int = BATCH
) -> Page:
    """Reads jobs in the order in which they are due; running ones, worker by worker.

    Args:
        redis: the client.
        keys: the queue's keys.
        state: which jobs. A job that a stock arq worker runs counts as queued, with its token.
        place: where the page begins.
        limit: how many jobs, at most `BATCH`.

    Raises:
        RedisError: Redis did not answer.
    """
    asked = (state, min(limit, BATCH), HEAD_BYTES, TAIL_BYTES, *place)
    now_ms, following, *fields = await _SCRIPT.run_on(redis, keys, asked)
    jobs = tuple(_browsed(fields[at : at + _FIELDS]) for at in range(0, len(fields), _FIELDS))
    return Page(now_ms, jobs, tuple(following) or None)


def _browsed(fields: Sequence[bytes]) -> BrowsedJob:
    raw_id, lane_queue, score, _, token, tries, crash, cancel_asked_ms, size, head, tail = fields
    crashes, note = read_crash(crash)
    due_ms = read_number(score) if score else None
    return BrowsedJob(
        raw_id=raw_id,
        lane_queue="cpu" if lane_queue == b"cpu" else "io",
        due_ms=None if due_ms is not None and due_ms >= PARKED_SCORE else due_ms,
        holder=parse_token(token) if token else None,
        tries=read_number(tries),
        crashes=crashes,
        crash_note=note,
        cancel_asked_ms=read_number(cancel_asked_ms) if cancel_asked_ms else None,
        payload_bytes=int(size) if int(size) >= 0 else None,
        head=head,
        tail=tail,
    )
