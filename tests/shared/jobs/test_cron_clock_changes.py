"""Cron schedules where clocks change: a table of three zones in 2026-2027, and a simulated Vixie cron."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from time import process_time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monarq.shared.jobs.cron_schedule import Schedule, crontab, due_ticks, from_arq_fields, ticks_between

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

# Each zone's changes of 2026 and 2027: the UTC instant, and the wall time that the clocks leave there.
FORWARD = [
    ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC), "02:00"),
    ("Europe/Berlin", datetime(2027, 3, 28, 1, tzinfo=UTC), "02:00"),
    ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC), "02:00"),
    ("America/New_York", datetime(2027, 3, 14, 7, tzinfo=UTC), "02:00"),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC), "02:00"),
    ("Australia/Lord_Howe", datetime(2027, 10, 2, 15, 30, tzinfo=UTC), "02:00"),
]
BACK = [
    ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC), "02:00"),
    ("Europe/Berlin", datetime(2027, 10, 31, 1, tzinfo=UTC), "02:00"),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC), "01:00"),
    ("America/New_York", datetime(2027, 11, 7, 6, tzinfo=UTC), "01:00"),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC), "01:30"),
    ("Australia/Lord_Howe", datetime(2027, 4, 3, 15, tzinfo=UTC), "01:30"),
]
# Changes at midnight, by two hours, negative summer time, a whole skipped day, a zone that moved for good.
ODD = [
    ("Africa/Cairo", datetime(2026, 4, 23, 22, tzinfo=UTC), ""),
    ("America/Santiago", datetime(2026, 4, 5, 3, tzinfo=UTC), ""),
    ("Antarctica/Troll", datetime(2026, 3, 29, 1, tzinfo=UTC), ""),
    ("Antarctica/Troll", datetime(2026, 10, 25, 1, tzinfo=UTC), ""),
    ("Europe/Dublin", datetime(2026, 10, 25, 1, tzinfo=UTC), ""),
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC), ""),
    ("Asia/Pyongyang", datetime(2018, 5, 4, 15, tzinfo=UTC), ""),
]


def walls(ticks: list[datetime], zone: str) -> list[str]:
    return [tick.astimezone(ZoneInfo(zone)).strftime("%H:%M") for tick in ticks]


def both(line: str, zone: str) -> list[Schedule]:
    """The same schedule declared both ways; the fields of the line are numbers, lists of them or `*`."""
    parts = [None if part == "*" else {int(each) for each in part.split(",")} for part in line.split()[:4]]
    minute, hour, day, month = parts
    fields = from_arq_fields(minute=minute, hour=hour, day=day, month=month, microsecond=0, zone=zone)
    return [crontab(line, zone), fields]


# --- the table of clock changes


@pytest.mark.parametrize(("zone", "change", "left"), FORWARD)
def test_skipped_times_run_once_right_after_the_gap(zone: str, change: datetime, left: str) -> None:
    hour = int(left[:2])
    for schedule in both(f"5,10,25 {hour} * * *", zone):
        assert schedule.fixed
        ticks = ticks_between(schedule, change - 12 * HOUR, change + 36 * HOUR, 100)
        assert ticks[0] == change
        assert walls(ticks[1:], zone) == ["02:05", "02:10", "02:25"], "the day after is as ever"


@pytest.mark.parametrize(("zone", "change", "left"), FORWARD)
def test_a_skipped_time_and_one_right_after_the_gap_share_a_tick(zone: str, change: datetime, left: str) -> None:
    landing = change.astimezone(ZoneInfo(zone))
    line = f"{landing.minute} {left[:2]},{landing.hour} * * *" if landing.minute == 0 else f"5,{landing.minute} 2 * * *"
    for schedule in both(line, zone):
        assert ticks_between(schedule, change - HOUR, change + HOUR, 100) == [change]


@pytest.mark.parametrize(("zone", "change", "left"), BACK)
def test_repeated_times_run_once_at_the_first_showing(zone: str, change: datetime, left: str) -> None:
    hour = int(left[:2])
    for schedule in both(f"35,50 {hour} * * *", zone):
        ticks = ticks_between(schedule, change - 12 * HOUR, change + 12 * HOUR, 100)
        assert walls(ticks, zone) == [f"{hour:02}:35", f"{hour:02}:50"]
        assert ticks[-1] == change - 10 * MINUTE
        assert schedule.next_after(change + 5 * MINUTE) > change + 12 * HOUR, "nor when asked at the second showing"


@pytest.mark.parametrize(("zone", "change", "left"), FORWARD + BACK + ODD)
@pytest.mark.parametrize("line", ["*/15 * * * *", "*/5 * * * *", "* * * * *"])
def test_every_few_minutes_stays_that_in_real_time(line: str, zone: str, change: datetime, left: str) -> None:
    ticks = ticks_between(crontab(line, zone), change - 3 * HOUR, change + 3 * HOUR, 1000)
    step = {"*/15": 15, "*/5": 5, "*": 1}[line.partition(" ")[0]] * MINUTE
    assert len(ticks) == 6 * HOUR / step
    assert {later - earlier for earlier, later in pairwise(ticks)} == {step}


@pytest.mark.parametrize(("zone", "change", "left"), [row for row in FORWARD + BACK if "Howe" not in row[0]])
def test_every_hour_stays_that_in_real_time(zone: str, change: datetime, left: str) -> None:
    for schedule in both("45 * * * *", zone):
        assert not schedule.fixed
        ticks = ticks_between(schedule, change - 3 * HOUR, change + 3 * HOUR, 100)
        assert [tick - change for tick in ticks] == [n * HOUR - 15 * MINUTE for n in range(-2, 4)]


def test_every_hour_where_the_clocks_move_by_half_an_hour() -> None:
    forward, back = FORWARD[4][1], BACK[4][1]
    schedule = crontab("45 * * * *", "Australia/Lord_Howe")
    spring = walls(ticks_between(schedule, forward - HOUR, forward + 2 * HOUR, 9), "Australia/Lord_Howe")
    autumn = walls(ticks_between(schedule, back - HOUR, back + 2 * HOUR, 9), "Australia/Lord_Howe")
    assert spring == ["01:45", "02:45", "03:45"]
    assert autumn == ["01:45", "01:45", "02:45"]


@pytest.mark.parametrize("fields", [{"hour": set(range(24)), "minute": 30}, {"hour": 2, "minute": None}])
def test_all_values_are_a_wildcard(fields: dict[str, int | set[int] | None]) -> None:
    change = BACK[0][1]
    schedule = from_arq_fields(**fields, zone="Europe/Berlin")  # type: ignore[arg-type]  # the fields are a test's table
    assert not schedule.fixed
    assert change < schedule.next_after(change) < change + HOUR, "the repeated hour repeats"
    assert not crontab("30 0-23 * * *").fixed
    assert crontab("30 0-22 * * *").fixed


def test_skipped_times_are_found_from_the_very_instant_of_the_change() -> None:
    change = FORWARD[0][1]
    schedule = from_arq_fields(hour=2, minute=15, zone="Europe/Berlin")
    tick = change.replace(microsecond=123_456)
    assert schedule.next_after(change) == tick
    assert schedule.next_after(tick) > change + 12 * HOUR


def test_a_gap_full_of_skipped_times_is_one_step() -> None:
    change = FORWARD[0][1]
    dense = crontab("0-58 0-58 0-22 * * *", "Europe/Berlin")
    taken_s = []
    for _ in range(10):
        started_s = process_time()
        assert dense.next_after(change) == change + SECOND
        taken_s.append(process_time() - started_s)
    assert min(taken_s) < 0.02, "step by step through the 3,481 skipped times takes 0.1 s"


def test_seconds_follow_the_same_rule() -> None:
    change = FORWARD[0][1]
    assert crontab("30 15 2 * * *", "Europe/Berlin").next_after(change - HOUR) == change
    assert from_arq_fields(hour=2, minute=15, second={30, 45}, zone="Europe/Berlin").next_after(
        change - HOUR
    ) == change.replace(microsecond=123_456)
    back = BACK[0][1]
    assert crontab("30 15 2 * * *", "Europe/Berlin").next_after(back) > back + 12 * HOUR
    assert crontab("*/30 15 2 * * *", "Europe/Berlin").next_after(back) == back + 15 * MINUTE


# --- against a simulation of Debian's cron, which wakes every minute and compares clocks


def vixie(schedule: Schedule, start: datetime, end: datetime) -> Iterator[datetime]:
    """A cron daemon: fixed jobs run for every wall minute not reached before, others for what the clocks show."""
    fields = schedule.fields
    now, reached = start, start.astimezone(schedule.zone).replace(tzinfo=None)
    while now < end:
        now += MINUTE
        shown = now.astimezone(schedule.zone).replace(tzinfo=None)
        steps = int((shown - reached) / MINUTE) + 1
        passed = [reached + n * MINUTE for n in range(1, steps)] if schedule.fixed else [shown]
        reached = max(reached, shown)
        if any(
            wall.minute in fields.minute
            and wall.hour in fields.hour
            and wall.day in fields.day
            and wall.month in fields.month
            for wall in passed
        ):
            yield now


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(FORWARD + BACK + ODD),
    st.sets(st.integers(0, 59), max_size=4),
    st.sets(st.integers(0, 4) | st.sampled_from([22, 23]), max_size=4),
    st.booleans(),
    st.integers(-240, 240),
)
@example(BACK[0], {50}, {2}, False, 10)
@example(BACK[0], {30}, set(), True, -10)
@example(BACK[0], set(), {2}, True, -10)
@example(BACK[4], {45}, set(), False, -10)
def test_ticks_are_those_of_a_vixie_cron(
    change: tuple[str, datetime, str], minutes: set[int], hours: set[int], that_day: bool, offset: int
) -> None:
    zone, instant, _ = change
    local = (instant - MINUTE).astimezone(ZoneInfo(zone))
    day = f"{local.day} {local.month}" if that_day else "* *"
    line = f"{','.join(map(str, minutes)) or '*'} {','.join(map(str, hours)) or '*'} {day} *"
    moment, end = instant + offset * MINUTE, instant + 300 * MINUTE
    by_line, by_fields = both(line, zone)
    expected = [tick for tick in vixie(by_fields, instant - 300 * MINUTE, end) if tick > moment]
    assert ticks_between(by_fields, moment, end, 1000) == expected
    assert ticks_between(by_line, moment, end, 1000) == expected


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(FORWARD + BACK + ODD),
    st.sampled_from(["* * * * *", "*/7 * * * *", "0 */2 * * *", "15,45 0-3 * * *", "0 0 * * *", "*/20 10 1-3 * * *"]),
    st.integers(-8 * 3600 * 10**6, 8 * 3600 * 10**6),
)
def test_ticks_rise_and_follow_strictly(change: tuple[str, datetime, str], line: str, offset_us: int) -> None:
    zone, instant, _ = change
    moment = instant + timedelta(microseconds=offset_us)
    ticks = ticks_between(crontab(line, zone), moment, moment + 12 * HOUR, 50)
    assert all(earlier < later for earlier, later in pairwise([moment, *ticks]))
    assert all(tick.tzinfo is UTC for tick in ticks)
    for earlier, later in pairwise([moment, *ticks]):
        between = earlier + (later - earlier) / 2
        assert crontab(line, zone).next_after(between) == later, "the same tick from wherever one asks"


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(FORWARD + BACK),
    st.sampled_from(["*/5 * * * *", "0 * * * *", "10,40 2,3 * * *", "0 0 * * *", "30 1-2 * * *"]),
    st.lists(st.integers(-5, 90), min_size=5, max_size=60),
)
def test_stalled_and_skewed_workers_enqueue_every_tick_once(
    change: tuple[str, datetime, str], line: str, steps_min: list[int]
) -> None:
    """One shared `last`, looks at irregular times and with clocks that go back: no tick lost, none twice."""
    zone, instant, _ = change
    schedule, start = crontab(line, zone), instant - 12 * HOUR
    now = last = start
    caught_up, newest_only, last_newest, latest = [], [], start, start
    for step in steps_min:
        now += step * MINUTE
        latest = max(latest, now)
        due, following = due_ticks(schedule, last, now, catch_up=True)
        caught_up += due
        last = due[-1] if due else last
        assert following == schedule.next_after(last)
        due, following = due_ticks(schedule, last_newest, now, catch_up=False)
        assert due == ticks_between(schedule, last_newest, now, 10_000)[-1:]
        newest_only += due
        last_newest = due[-1] if due else last_newest
        assert following == schedule.next_after(last_newest)
    assert caught_up == ticks_between(schedule, start, latest, 10_000)
    assert set(newest_only) <= set(caught_up)
    assert newest_only == sorted(set(newest_only))
