"""Values made while freezegun holds the time: its classes are sent as those that they stand for."""

# ruff: noqa: DTZ005, DTZ011 - as programs do

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

import pydantic
import pytest
from freezegun import freeze_time

from monarq import ArgumentsError, Producer, job
from monarq.testing import Sandbox, run_inline

REAL = (datetime, date)  # in a tuple, where freezegun does not replace them


@dataclass
class Visit:
    """A class whose annotations are first read while the time is held."""

    at: datetime
    day: date


class Stay(pydantic.BaseModel):
    """A model, which is compared with its copy."""

    at: datetime
    day: date


@job(name="frozen.visit")
async def visit(seen: Visit, stay: Stay, last: date | datetime, days: dict[date, datetime]) -> Visit:
    """Returns times of its own beside the ones that it got."""
    assert [type(each) for each in (seen.at, seen.day, stay.at, last)] == [REAL[0], REAL[1], REAL[0], REAL[1]]
    assert [(type(day), type(at)) for day, at in days.items()] == [(REAL[1], REAL[0])]
    return Visit(datetime.now(UTC) + timedelta(days=1), seen.day)


@job(name="frozen.plain")
async def plain(at):  # type: ignore[no-untyped-def]
    """Has no annotations."""
    return [at, datetime.now(UTC)]


def visits(now: datetime, today: date) -> tuple[Visit, Stay, date, dict[date, datetime]]:
    """Arguments of `visit`."""
    stay = Stay(at=now.astimezone(timezone(timedelta(hours=2))), day=today)
    return Visit(now.replace(fold=1), today), stay, today, {today: now}


@freeze_time("2020-02-03 04:05:06", real_asyncio=True)
async def test_values_of_a_held_time_are_sent_as_what_they_stand_for() -> None:
    now, today = datetime.now(), date.today()
    assert type(now) is not REAL[0]
    back = await run_inline(visit, *visits(now, today))
    assert back == Visit(datetime(2020, 2, 4, 4, 5, 6, tzinfo=UTC), date(2020, 2, 3))
    assert await run_inline(plain, datetime.now(UTC)) == [datetime.now(UTC)] * 2
    with pytest.raises(ArgumentsError, match="would come back as text: annotate it as datetime"):
        await run_inline(plain, now)


async def test_a_form_that_was_made_while_the_time_was_held_is_right_afterwards() -> None:
    with freeze_time("2020-02-03", real_asyncio=True):
        await run_inline(visit, *visits(datetime.now(), date.today()))
    now, today = datetime.now(), date.today()
    back = await run_inline(visit, *visits(now, today))
    assert back.day == today


async def test_a_sandbox_works_while_the_time_is_held() -> None:
    with freeze_time("2031-02-03", real_asyncio=True):
        async with Sandbox([plain]) as sandbox, Producer() as producer:
            handle = await producer.enqueue(plain, datetime.now(UTC))
            await sandbox.drain()
            assert await handle.result() == [datetime(2031, 2, 3, tzinfo=UTC)] * 2
