"""The bookkeeping of those who watch the progress of jobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monarq.producer.results.progress_watchers import ProgressWatcher, ProgressWatchers
from monarq.shared.formats.arq.producer import ArqProducerQueue
from monarq.shared.payloads.progress import Progress

QUEUE = ArqProducerQueue.of("tested")

ENCODED = b'1893456000000000 {"done": %d, "total": null, "message": ""}'
"""A report in Redis."""


def report(done: float, second: int) -> Progress:
    return Progress(done, None, "", datetime(2030, 1, 1, tzinfo=UTC) + timedelta(seconds=second))


def watcher_of(job_id: str, seen: list[Progress]) -> ProgressWatcher:
    return ProgressWatcher(QUEUE, job_id, seen.append)


@pytest.mark.parametrize(
    ("reports", "passed_on"),
    [
        ([], []),
        ([None], []),
        ([report(1, 1), report(2, 2)], [1, 2]),
        ([report(1, 1), report(1, 1)], [1]),
        ([report(2, 2), report(1, 1), None, report(3, 3)], [2, 3]),
        ([report(5, 1), report(4, 2)], [5, 4]),
    ],
    ids=["none", "no report", "in order", "by two ways", "an older one is late", "done may shrink"],
)
def test_each_report_is_passed_on_once_and_none_after_a_newer_one(
    reports: list[Progress | None], passed_on: list[float]
) -> None:
    seen: list[Progress] = []
    watcher = watcher_of("a", seen)
    for progress in reports:
        watcher.notify(progress)
    assert [progress.done for progress in seen] == passed_on


@pytest.mark.parametrize("subscribed", [False, True])
def test_a_last_report_is_due_once_no_newer_one_can_be_missed(subscribed: bool) -> None:
    watchers = ProgressWatchers(QUEUE)
    watchers.subscribed = subscribed
    watcher = watcher_of("a", [])
    watchers.add(watcher)
    assert watchers.take_due(10) == [watcher] * subscribed
    watchers.mark_all_due()
    assert (watchers.take_due(10), watchers.take_due(10)) == ([watcher], [])


def test_removed_watchers_get_nothing_and_are_not_due() -> None:
    watchers = ProgressWatchers(QUEUE)
    first, second = watcher_of("a", []), watcher_of("a", [])
    watchers.add(first)
    watchers.add(second)
    watchers.mark_all_due()
    watchers.remove(first)
    assert (watchers.of_jobs([b"a", b"b"]), watchers.take_due(10), len(watchers)) == ([second], [second], 1)
    assert (b"a" in watchers, b"b" in watchers) == (True, False)
    watchers.remove(second)
    assert b"a" not in watchers
    assert (watchers.of_jobs([b"a"]), len(watchers)) == ([], 0)


def test_a_message_reaches_the_watchers_of_its_jobs() -> None:
    watchers = ProgressWatchers(QUEUE)
    seen: dict[str, list[Progress]] = {"a": [], "b": [], "c": []}
    for job_id, reports in seen.items():
        watchers.add(watcher_of(job_id, reports))
    watchers.dispatch(b"\0".join([b"a", ENCODED % 1, b"x", ENCODED % 9, b"b", ENCODED % 2]))
    assert {job_id: [progress.done for progress in reports] for job_id, reports in seen.items()} == {
        "a": [1],
        "b": [2],
        "c": [],
    }
