"""Cron schedules: when a periodic job is due, by a crontab line or by the fields of arq's `cron()`.

It computes which ticks are due and when the next one is. There is no I/O: the caller passes the time. Ticks are UTC
instants, strictly increasing. Both kinds of declaration follow Debian's (Vixie) cron where a zone's clocks change.
*Fixed* schedules name an hour, minute and second: times that the clocks skip run once, together, right after the gap;
times that occur twice run at the first occurrence. *Running* schedules have a wildcard there (`*`, `*/5`, None, all
values): they run whenever the clocks show a match, so every 5 minutes stays every 5 minutes, and a repeated hour
repeats. cronsim only parses crontab lines and matches days: its search loses or reorders ticks at some clock changes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from monarq.shared.errors import SettingsError

CATCH_UP_BATCH = 1000
_DAY, _SECOND, _INSTANT = timedelta(days=1), timedelta(seconds=1), timedelta(microseconds=1)
# The rarest day, a 29 February on a given weekday, recurs within 40 years, even across 2100.
_SEARCH_DAYS = 50 * 366
_WEEKDAYS = ("mon", "tues", "wed", "thurs", "fri", "sat", "sun")
_ALLOWED = {
    "month": range(1, 13),
    "day": range(1, 32),
    "weekday": range(7),
    "hour": range(24),
    "minute": range(60),
    "second": range(60),
    "microsecond": range(1_000_000),
}
_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_CRONTAB_HELP = (
    "it takes [second 0-59] minute 0-59, hour 0-23, day-of-month 1-31 (that the month has), L or LW, month 1-12 or"
    " JAN-DEC, day-of-week 0-7 or SUN-SAT (Sunday is 0 and 7, ranges rise from SUN), MON#1 or 5L;"
    f" or one of {' '.join(_NICKNAMES)}; @reboot is run_at_startup=True"
)


class ScheduleError(SettingsError):
    """A schedule cannot work, or was asked about a time without a time zone."""

    def __init__(self, declared: str, problem: str) -> None:
        """Makes the error.

        Args:
            declared: the schedule, or the part of it that is wrong.
            problem: what is wrong with it.
        """
        super().__init__(f"cron {declared}: {problem}")


@dataclass(frozen=True, slots=True)
class CronFields:
    """The local times of ticks: every field must match. Months are 1-12, weekdays 0-6 from Monday."""

    month: frozenset[int]
    hour: frozenset[int]
    minute: frozenset[int]
    second: frozenset[int]
    day: frozenset[int] = frozenset(_ALLOWED["day"])
    weekday: frozenset[int] = frozenset(_ALLOWED["weekday"])
    microsecond: int = 0

    def has_day(self, day: date) -> bool:
        """Whether the day of the month and the weekday match; the month is ignored."""
        return day.day in self.day and day.weekday() in self.weekday

    def names_times(self) -> bool:
        """Whether none of hour, minute and second takes all values."""
        return len(self.hour) < 24 and len(self.minute) < 60 and len(self.second) < 60


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a periodic job is due, in the local time of a zone; made by `crontab` and `from_arq_fields`.

    `text` is for display. `fixed` is explained in the module's docstring. Days are matched by `has_day`, not `fields`.
    """

    text: str
    zone: tzinfo
    fields: CronFields
    fixed: bool
    has_day: Callable[[date], bool] = field(repr=False, compare=False)
    _times: tuple[list[int], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Sorts the times of day, and refuses a schedule that would never run."""
        times = (self.fields.hour, self.fields.minute, self.fields.second)
        object.__setattr__(self, "_times", tuple(map(sorted, times)))
        self._first_day(date(2000, 1, 1))

    def next_after(self, moment: datetime) -> datetime:
        """The first tick strictly after an aware datetime, in UTC; a naive one is a ScheduleError."""
        if moment.utcoffset() is None:
            raise ScheduleError(self.text, f"{moment!r} has no time zone: use datetime.now(UTC)")
        after = moment.astimezone(UTC)
        return self._next_fixed(after) if self.fixed else self._next_running(after)

    def _next_fixed(self, after: datetime) -> datetime:
        # Start a second earlier: a skipped local time is before the gap, and its tick is within a second after it.
        wall = self._first_wall(_show(after - _SECOND, self.zone))
        while (tick := self._tick_of(wall)) <= after:
            # All skipped times share one tick: continue from the local time after the gap.
            wall = self._first_wall(max(wall, _show(tick, self.zone)) + _INSTANT)
        return tick

    def _tick_of(self, wall: datetime) -> datetime:
        first, second = _read(wall, self.zone)
        return first if first <= second else _find_change(wall, self.zone).replace(microsecond=wall.microsecond)

    def _next_running(self, after: datetime) -> datetime:
        wall = _show(after, self.zone)
        tick = self._first_showing(wall + _INSTANT, after)
        if _read(wall, self.zone)[1] > after:
            # This hour will repeat, so an earlier local time may come sooner than a later one.
            change = _find_change(wall, self.zone)
            tick = min(tick, self._first_showing(_show(change, self.zone), change - _INSTANT))
        return tick

    def _first_showing(self, wall: datetime, after: datetime) -> datetime:
        while True:
            wall = self._first_wall(wall)
            first, second = _read(wall, self.zone)
            if first <= second:
                return first if first > after else second
            wall = _show(_find_change(wall, self.zone), self.zone)

    def _first_wall(self, start: datetime) -> datetime:
        wall = start + timedelta(microseconds=(self.fields.microsecond - start.microsecond) % 1_000_000)
        day = self._first_day(wall.date())
        clock = self._first_time(wall.time() if day == wall.date() else time.min)
        if clock is None:
            return self._first_wall(datetime.combine(day + _DAY, time.min))
        return datetime.combine(day, clock)

    def _first_day(self, day: date) -> date:
        for _ in range(_SEARCH_DAYS):
            if day.month in self.fields.month and self.has_day(day):
                return day
            day += _DAY
        raise ScheduleError(self.text, "it would never run: no date has that month, day and weekday")

    def _first_time(self, start: time) -> time | None:
        hours, minutes, seconds = self._times
        for hour in hours[bisect_left(hours, start.hour) :]:
            least = start.minute if hour == start.hour else 0
            for minute in minutes[bisect_left(minutes, least) :]:
                least = start.second if (hour, minute) == (start.hour, start.minute) else 0
                for second in seconds[bisect_left(seconds, least) :]:
                    return time(hour, minute, second, self.fields.microsecond)
        return None


def crontab(expression: str, zone: tzinfo | str = UTC) -> Schedule:
    """Makes a schedule from a crontab line, such as `*/5 9-17 * * mon-fri`.

    It has five fields, or six with seconds first, or is `@hourly`, `@daily`, `@weekly`, `@monthly` or `@yearly`. As in
    Vixie cron, a date need match only one of the two day fields if neither starts with `*`; otherwise it must match
    both. `zone`, the time zone of the line, is an IANA name, a ZoneInfo or a `datetime.timezone`.

    Raises:
        ScheduleError: (a ValueError) the line is invalid or would never run, or the zone is unknown.
    """
    try:
        line = CronSim(_NICKNAMES.get(expression.strip().lower(), expression), datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ScheduleError(repr(expression), f"{error}; {_CRONTAB_HELP}") from error
    fields = CronFields(frozenset(line.months), frozenset(line.hours), frozenset(line.minutes), frozenset(line.seconds))
    starred = any(part.startswith("*") for part in line.parts[:3])
    return Schedule(expression, find_zone(zone), fields, fields.names_times() and not starred, line.match_day)


def from_arq_fields(
    *,
    month: int | Collection[int] | None = None,
    day: int | Collection[int] | None = None,
    weekday: int | str | Collection[int | str] | None = None,
    hour: int | Collection[int] | None = None,
    minute: int | Collection[int] | None = None,
    second: int | Collection[int] | None = 0,
    microsecond: int = 123_456,
    zone: tzinfo | str = UTC,
) -> Schedule:
    """Makes a schedule from the fields of arq's `cron()`: every field must match; None matches anything.

    Weekdays are 0-6 from Monday or arq's names (mon, tues, wed, thurs, fri, sat, sun); `zone` is as for `crontab`.
    Unlike in arq, clock changes follow the rule in the module's docstring, and the next tick may be later within the
    same second (arq starts its search one second later).

    Raises:
        ScheduleError: (a ValueError) a field is empty or out of range, no date matches, or the zone is unknown.
    """
    given = {"month": month, "day": day, "weekday": weekday, "hour": hour, "minute": minute, "second": second}
    chosen = {name: _choose(name, value) for name, value in given.items()}
    fields = CronFields(**chosen, microsecond=_check("microsecond", microsecond))
    text = " ".join(f"{name}={value}" for name, value in given.items() if value is not None)
    return Schedule(text or "every second", find_zone(zone), fields, fields.names_times(), fields.has_day)


def ticks_between(schedule: Schedule, after: datetime, until: datetime, limit: int) -> list[datetime]:
    """The ticks after `after` up to and including `until`, oldest first, at most `limit`."""
    ticks: list[datetime] = []
    while len(ticks) < limit and (after := schedule.next_after(after)) <= until:
        ticks.append(after)
    return ticks


def due_ticks(
    schedule: Schedule, last: datetime | None, now: datetime, catch_up: bool
) -> tuple[list[datetime], datetime]:
    """The ticks to enqueue now, oldest first, and when to ask again: at the first tick after them.

    At the first start none is due. After downtime only the newest missed tick is due, however old it is, so that a
    returning fleet is not flooded. With `catch_up` all missed ticks are due, `CATCH_UP_BATCH` per call; while more
    remain, the time to ask again is in the past. `last` is the newest tick enqueued, or None before the first. If the
    clock goes back before it, nothing becomes due twice.
    """
    if last is None:
        return [], schedule.next_after(now)
    if catch_up:
        ticks = ticks_between(schedule, last, now, CATCH_UP_BATCH)
        return ticks, schedule.next_after(ticks[-1] if ticks else last)
    newest, until = schedule.next_after(last), now
    if newest > now:
        return [], newest
    # Binary search: a job that is due every second may have missed a month.
    while (following := schedule.next_after(newest)) <= now:
        middle = following + (until - following) / 2
        tick = schedule.next_after(middle)
        newest, until = (tick, until) if tick <= now else (following, middle)
    return [newest], following


def tick_id(name: str, tick: datetime) -> str:
    """A tick's job id, made as arq makes it, so that a tick has the same id on every worker, arq's included."""
    return f"{name}:{round(tick.timestamp() * 1000)}"


def find_zone(zone: tzinfo | str) -> tzinfo:
    """Looks a zone up by name; ZoneInfo and `datetime.timezone` are returned as they are. ScheduleError if unknown."""
    if isinstance(zone, ZoneInfo | timezone):
        return zone
    try:
        return ZoneInfo(str(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        problem = "use an IANA name such as Europe/Berlin; if it is one, time zone data is missing: pip install tzdata"
        raise ScheduleError(f"time zone {zone!r}", f"unknown, {problem}") from error


def _show(moment: datetime, zone: tzinfo) -> datetime:
    """The naive local time of the zone at an instant."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _read(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """The two UTC instants of a local time: equal, or ascending if it occurs twice, or descending if it is skipped."""
    aware = wall.replace(tzinfo=zone)
    return aware.astimezone(UTC), aware.replace(fold=1).astimezone(UTC)


def _find_change(wall: datetime, zone: tzinfo) -> datetime:
    """The UTC instant at which the clocks change, for a local time that is skipped or occurs twice."""
    before, after = sorted(_read(wall.replace(microsecond=0), zone))
    offset = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        changed = middle.astimezone(zone).utcoffset() != offset
        before, after = (before, middle) if changed else (middle, after)
    return after


def _choose(name: str, value: int | str | Collection[int | str] | None) -> frozenset[int]:
    if value is None:
        return frozenset(_ALLOWED[name])
    values = value if isinstance(value, Collection) and not isinstance(value, str) else [value]
    if not values:
        raise ScheduleError(f"{name}={value!r}", "it is empty, so it would never run; leave it out to match any value")
    return frozenset(_check(name, each) for each in values)


def _check(name: str, value: int | str) -> int:
    if name == "weekday" and isinstance(value, str) and value.lower() in _WEEKDAYS:
        return _WEEKDAYS.index(value.lower())
    allowed = _ALLOWED[name]
    if isinstance(value, int) and not isinstance(value, bool) and value in allowed:
        return value
    names = f" or one of {', '.join(_WEEKDAYS)}" if name == "weekday" else ""
    raise ScheduleError(f"{name}={value!r}", f"it takes an int from {allowed[0]} to {allowed[-1]}{names}")
