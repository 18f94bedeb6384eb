"""A Redis that has reached its maxmemory: nothing more comes in, and nothing half; what lets jobs end goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from tests.shared.formats.arq import tables
from tests.shared.formats.arq.rows import OOM, SAME, Row, check_when_full


def refused(row: Row) -> Row:
    """What becomes of an enqueue's row: refused whole where it would write, as it does first with a cron tick."""
    writes = row.after != row.before or row.before.ticks
    return replace(row, reply=OOM, repeated=SAME, after=row.before) if writes else row


@pytest.mark.parametrize("row", tables.OTHERS, ids=str)
async def test_what_lets_jobs_end_works_as_ever(row: Row, redis: Redis) -> None:
    await check_when_full(row, redis)


@pytest.mark.parametrize("row", [refused(row) for row in tables.ENQUEUE], ids=str)
async def test_an_enqueue_is_refused_and_nothing_is_half_done(row: Row, redis: Redis) -> None:
    await check_when_full(row, redis)
