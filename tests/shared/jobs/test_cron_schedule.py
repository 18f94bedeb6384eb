"""monarq.shared.jobs.cron_schedule: ticks against arq's own search, days, what is refused and what is due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from time import process_time
from zoneinfo import ZoneInfo

import pytest
from arq.cron import next_cron
from arq.utils import to_unix_ms
from hypothesis import given, settings
from hypothesis import strategies as st

from monarq.shared.jobs import cron_schedule
from monarq.shared.jobs.cron_schedule import (
    ScheduleError,
    crontab,
    due_ticks,
    find_zone,
    from_arq_fields,
    tick_id,
    ticks_between,
)

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOW = datetime(2026, 6, 1, 12, 0, 30, tzinfo=UTC)

# --- against arq's own search


def values(low: int, high: int) -> st.SearchStrategy[int | set[int] | None]:
    each = st.integers(low, high)
    return st.none() | each | st.sets(each, min_size=1, max_size=4)


ARQ_FIELDS = st.fixed_dictionaries(
    {
        "month": values(1, 12),
        "day": values(1, 28),
        "weekday": values(0, 6) | st.sampled_from(["mon", "Tues", "wed", "thurs", "fri", "sat", "sun"]),
        "hour": values(0, 23),
        "minute": values(0, 59),
        "second": values(0, 59),
        "microsecond": st.integers(0, 999_999),
    }
)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@settings(max_examples=300, deadline=None)
@given(ARQ_FIELDS, MOMENTS)
def test_ticks_are_arqs(fields: dict[str, int], moment: datetime) -> None:
    schedule = from_arq_fields(**fields, zone="UTC")
    # arq starts to look a second on, so from a moment's second it never finds a tick; from there on all agree.
    later = next_cron(moment, **fields)
    assert schedule.next_after(moment.replace(microsecond=999_999)) == later
    ours = schedule.next_after(moment)
    assert ours == later or ours.replace(microsecond=0) == moment.replace(microsecond=0)
    assert schedule.next_after(later) == next_cron(later, **fields), "from tick to tick there is no difference"


def test_arqs_defaults() -> None:
    moment = datetime(2026, 5, 1, 10, 30, 15, tzinfo=UTC)
    assert from_arq_fields(minute={0, 30}).next_after(moment) == datetime(2026, 5, 1, 11, 0, 0, 123_456, UTC)
    assert from_arq_fields(second=None).next_after(moment) == moment.replace(microsecond=123_456)


@given(MOMENTS)
def test_tick_id_is_arqs(tick: datetime) -> None:
    assert tick_id("cron:clean_up", tick) == f"cron:clean_up:{to_unix_ms(tick)}"


# --- days


@pytest.mark.parametrize(
    ("line", "days"),
    [
        ("0 0 13 * fri", [2, 9, 13, 16, 23, 30]),  # either
        ("0 0 13 * *", [13]),
        ("0 0 * * fri", [2, 9, 16, 23, 30]),
        ("0 0 */2 * fri", [9, 23]),  # one starts with a star: both
        ("0 0 L * *", [31]),
        ("0 0 * * mon#1", [5]),
    ],
)
def test_days_match_as_in_vixie_cron(line: str, days: list[int]) -> None:
    january, february = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    ticks = ticks_between(crontab(line), january - HOUR, february - HOUR, 99)
    assert [tick.day for tick in ticks] == days


def test_all_of_arqs_day_fields_must_match() -> None:
    friday_13 = from_arq_fields(day=13, weekday="fri", hour=0, minute=0, microsecond=0)
    assert friday_13.next_after(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2026, 2, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("nickname", "line"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        (" @Yearly", "0 0 1 1 *"),
    ],
)
def test_nicknames(nickname: str, line: str) -> None:
    moment = datetime(2026, 3, 3, 3, 3, tzinfo=UTC)
    assert crontab(nickname).next_after(moment) == crontab(line).next_after(moment)


def test_rare_days_are_found_at_once() -> None:
    started_s = process_time()
    leap_monday = from_arq_fields(month=2, day=29, weekday="mon", hour=0, minute=0)
    assert leap_monday.next_after(datetime(2026, 1, 1, tzinfo=UTC)).date() == date(2044, 2, 29)
    assert leap_monday.next_after(datetime(2072, 3, 1, tzinfo=UTC)).date() == date(2112, 2, 29), "40 years, over 2100"
    assert process_time() - started_s < 5


# --- what is refused


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"minute": 61}, "minute=61: it takes an int from 0 to 59"),
        ({"minute": "5"}, "minute='5'"),
        ({"hour": {1, 24}}, "hour=24: it takes an int from 0 to 23"),
        ({"hour": True}, "hour=True"),
        ({"second": -1}, "second=-1"),
        ({"second": 1.5}, "second=1.5"),
        ({"month": 0}, "month=0: it takes an int from 1 to 12"),
        ({"day": []}, "day=\\[\\]: it is empty"),
        ({"weekday": "monday"}, "weekday='monday': it takes an int from 0 to 6 or one of mon, tues, wed, thurs"),
        ({"microsecond": 1_000_000}, "microsecond=1000000: it takes an int from 0 to 999999"),
        ({"month": 2, "day": 30}, "month=2 day=30 second=0: it would never run"),
        ({"month": {4, 6, 9, 11}, "day": 31}, "never run"),
        ({"zone": "Mars/Base"}, "'Mars/Base': unknown, use an IANA name .* pip install tzdata"),
    ],
)
def test_wrong_fields_are_named(fields: dict[str, int], message: str) -> None:
    with pytest.raises(ScheduleError, match=message) as caught:
        from_arq_fields(**fields)  # type: ignore[arg-type]  # wrong on purpose
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("61 * * * *", "Bad minute; it takes .* minute 0-59"),
        ("* 24 * * *", "Bad hour"),
        ("0 0 30 2 *", "Bad day-of-month"),
        ("0 0 * 13 *", "Bad month"),
        ("0 0 * * fri-sun", "Bad day-of-week.*ranges rise from SUN"),
        ("99 * * * * *", "Bad second"),
        ("* * * *", "Wrong number of fields"),
        ("", "Wrong number of fields"),
        ("@reboot", "run_at_startup"),
        ("0 0 */20 * 1L", "never run"),
    ],
)
def test_wrong_lines_are_explained(line: str, message: str) -> None:
    with pytest.raises(ScheduleError, match=message):
        crontab(line)


@given(st.text("0123456789*/,-#LWMONSU @²", max_size=14))
def test_a_line_is_taken_or_refused_but_never_breaks(line: str) -> None:
    try:
        schedule = crontab(line, "Europe/Berlin")
    except ScheduleError as error:
        assert repr(line) in str(error) or line in str(error)  # noqa: PT017 - the other lines are good ones
    else:
        assert schedule.next_after(NOW) > NOW


@pytest.mark.parametrize("name", ["Mars/Base", "Europe", "", "../etc/passwd", "/etc/localtime", "zone.tab", "\0"])
def test_unknown_zones_are_named(name: str) -> None:
    with pytest.raises(ScheduleError, match="pip install tzdata"):
        find_zone(name)


def test_fixed_offsets_are_zones() -> None:
    east = timezone(3 * HOUR)
    assert crontab("0 9 * * *", east).next_after(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(
        2026, 1, 1, 6, tzinfo=UTC
    )


def test_moments_may_be_of_any_zone_but_not_naive() -> None:
    schedule = crontab("0 9 * * *", "Europe/Berlin")
    local = datetime(2026, 7, 1, 8, 59, tzinfo=ZoneInfo("Europe/Berlin"))
    assert schedule.next_after(local) == datetime(2026, 7, 1, 7, tzinfo=UTC)
    with pytest.raises(ScheduleError, match="has no time zone"):
        schedule.next_after(datetime(2026, 7, 1))  # noqa: DTZ001


# --- what is due


def test_the_first_start_owes_nothing() -> None:
    assert due_ticks(crontab("* * * * *"), None, NOW, catch_up=True) == ([], NOW + timedelta(seconds=30))


def test_nothing_is_due_between_ticks_nor_when_the_clock_goes_back() -> None:
    schedule, last = crontab("* * * * *"), NOW.replace(second=0)
    assert due_ticks(schedule, last, NOW, catch_up=False) == ([], last + MINUTE)
    assert due_ticks(schedule, last, NOW - HOUR, catch_up=False) == ([], last + MINUTE)
    assert due_ticks(schedule, last, NOW - HOUR, catch_up=True) == ([], last + MINUTE)


def test_a_tick_is_due_at_its_very_instant() -> None:
    tick = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert due_ticks(crontab("0 12 * * *"), tick - DAY, tick, catch_up=False) == ([tick], tick + DAY)


def test_downtime_leaves_the_newest_tick_or_by_wish_all() -> None:
    schedule, noon = crontab("0 * * * *"), datetime(2026, 6, 1, 12, tzinfo=UTC)
    missed = [noon + n * HOUR for n in (-2, -1, 0)]
    assert due_ticks(schedule, noon - 3 * HOUR, NOW, catch_up=False) == ([noon], noon + HOUR)
    assert due_ticks(schedule, noon - 3 * HOUR, NOW, catch_up=True) == (missed, noon + HOUR)


def test_a_long_downtime_is_caught_up_by_batches() -> None:
    schedule, start = crontab("* * * * * *"), NOW - 2500 * timedelta(seconds=1)
    last, batches = start, 0
    ticks: list[datetime] = []
    while True:
        due, following = due_ticks(schedule, last, NOW, catch_up=True)
        ticks, last, batches = ticks + due, due[-1], batches + 1
        assert len(due) <= cron_schedule.CATCH_UP_BATCH
        if following > NOW:
            break
    assert batches == 3
    assert ticks == [start + n * timedelta(seconds=1) for n in range(1, 2501)]


def test_the_newest_of_a_million_missed_ticks_is_found_at_once() -> None:
    started_s = process_time()
    assert due_ticks(crontab("* * * * * *"), NOW - 365 * DAY, NOW, catch_up=False)[0] == [NOW]
    assert process_time() - started_s < 2, "second by second it takes minutes"
