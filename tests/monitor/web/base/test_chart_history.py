"""The history of charts: queues are added up, and complete groups are read once."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from monarq.monitor.queues.counters import Counters
from monarq.monitor.queues.series import SeriesPoint
from monarq.monitor.web.base import chart_history
from monarq.monitor.web.base.chart_history import TIME_RANGES, ChartHistory
from monarq.monitor.web.base.charts import draw_charts

TEN_MINUTES = TIME_RANGES[0]


class Readings:
    """Series of jobs of which one a second is done, and how many steps of them were read."""

    def __init__(self) -> None:
        self.now_s = 10_003
        self.lengths: list[int] = []

    async def read(self, redis: Redis, queue: str, *, step_s: int, length: int) -> list[SeriesPoint]:
        self.lengths.append(length)
        return [SeriesPoint(at, Counters(succeeded=1)) for at in range(self.now_s - length + 1, self.now_s + 1)]


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> Readings:
    made = Readings()
    monkeypatch.setattr(chart_history, "read_series", made.read)
    monkeypatch.setattr(chart_history.time, "monotonic", lambda: float(made.now_s))
    return made


async def test_only_new_steps_are_read_again(readings: Readings) -> None:
    history, redis = ChartHistory(), Any
    first = await history.read(redis, ["one"], TEN_MINUTES)  # type: ignore[arg-type]
    readings.now_s += 1
    second = await history.read(redis, ["one"], TEN_MINUTES)  # type: ignore[arg-type]
    assert readings.lengths[0] == TEN_MINUTES.steps
    assert readings.lengths[1] <= 2 * TEN_MINUTES.group
    assert [point for point in first if point.start_s < 10_000] == [point for point in second if point.start_s < 10_000]
    assert second[-1] == SeriesPoint(10_000, Counters(succeeded=5))


async def test_queues_are_added_up_into_whole_groups(readings: Readings) -> None:
    points = await ChartHistory().read(Any, ["one", "other"], TEN_MINUTES)  # type: ignore[arg-type]
    assert {point.start_s % TEN_MINUTES.group_s for point in points} == {0}
    assert {point.counters.succeeded for point in points[:-1]} == {2 * TEN_MINUTES.group}
    assert points[-1] == SeriesPoint(10_000, Counters(succeeded=8))


async def test_no_more_than_so_many_queues_are_cached(readings: Readings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chart_history, "MOST_CACHED", 3)
    history = ChartHistory()
    await history.read(Any, [f"queue {number}" for number in range(10)], TEN_MINUTES)  # type: ignore[arg-type]
    assert len(history._cache) == 3


async def test_charts_leave_out_what_is_still_counting(readings: Readings) -> None:
    points = await ChartHistory().read(Any, ["one"], TEN_MINUTES)  # type: ignore[arg-type]
    throughput, wait, failures = draw_charts(points, TEN_MINUTES)
    assert throughput.lines[0].points == (1.0,) * (len(points) - 1)
    assert throughput.summary == "Jobs per second: ended now 1.0, at most 1.0; enqueued now 0, at most 0."
    assert wait.lines[0].points[-1] is None
    assert [line.points[-1] for line in failures.lines] == [0, 0, 0]
