"""Sums of what shards tell, each by its own clock."""

from __future__ import annotations

from monarq.shared.formats.native.sharded.monitor.sums import sum_counters, sum_counts, sum_rates, sum_series
from monarq.shared.protocol.counters import QueueCounters, Rates, Series
from monarq.shared.protocol.counts import Counts


def test_counts_add_up_and_the_longest_wait_is_that_of_any() -> None:
    one = Counts(5, 1, 2, 3, 4, 0.5, None, {"failed": 7}, queued_cpu=1)
    other = Counts(6, 10, 20, 30, 40, 1.5, 9.0, {"failed": 1, "dead": 2}, queued_cpu=2)
    assert sum_counts([one, other]) == Counts(5, 11, 22, 33, 44, 2.0, 9.0, {"failed": 8, "dead": 2}, queued_cpu=3)
    assert sum_counts([one]) is one
    assert sum_counts([one, one]).oldest_s is None


def test_counters_add_up_by_name() -> None:
    one = QueueCounters(5, {"failed": 1}, {"a": {"failed": 1}}, {"x": {"handed_back": 1}})
    other = QueueCounters(6, {"failed": 4}, {"a": {"failed": 1}, "b": {"failed": 3}}, {"x": {"handed_back": 2}})
    assert sum_counters([one, other]) == QueueCounters(
        5, {"failed": 5}, {"a": {"failed": 2}, "b": {"failed": 3}}, {"x": {"handed_back": 3}}
    )


def test_steps_are_added_to_those_of_the_same_time() -> None:
    one, other = (
        Series(5, 100, [{"failed": 1}, {}, {"failed": 2}]),
        Series(6, 101, [{"failed": 5}, {"failed": 6}, {"failed": 7}]),
    )
    assert sum_series([one, other]) == Series(5, 100, [{"failed": 1}, {"failed": 5}, {"failed": 8}])


def test_rates_are_added_to_those_of_the_same_time() -> None:
    one, other = (
        Rates(5, 150, 1.0, [{"failed": 1}, {"failed": 2}]),
        Rates(6, 165, 2.0, [{"failed": 3}, {"failed": 4}]),
    )
    assert sum_rates([one, other], 15) == Rates(5, 150, 3.0, [{"failed": 1}, {"failed": 5}])
