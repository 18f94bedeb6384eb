"""The progress of a run: the newest report waits to be sent, and reporting it yields now and then."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from monarq.shared.payloads.progress import NO_YIELD, YIELD_ONCE
from monarq.shared.protocol.worker_queue import KEEP_REPORT
from monarq.workers.runs import run_progress
from monarq.workers.runs.run_progress import RunProgress
from tests.support.leases import lease_of


class Noted(list[RunProgress]):
    """What the progress reporter is told."""

    def progress(self) -> RunProgress:
        """The progress of a run."""
        return RunProgress(lease_of("a"), self.append)


def test_the_newest_report_is_taken_and_the_reporter_is_told_once_for_all_before_it() -> None:
    noted = Noted()
    progress = noted.progress()
    for done in (1, 2, 3):
        progress.progress(done, 3, "counting")
    assert (noted, progress.noted) == ([progress], True)
    assert progress.take() == b'{"done":3,"total":3,"message":"counting"}'
    assert not progress.noted
    progress.progress(4)
    assert noted == [progress, progress]
    assert progress.take() == b'{"done":4,"total":null,"message":""}'


def test_a_report_may_be_taken_again() -> None:
    progress = Noted().progress()
    progress.progress(1, 2)
    assert progress.take() == progress.take()


def test_before_the_first_report_there_is_nothing_to_send() -> None:
    assert Noted().progress().take() == KEEP_REPORT


def test_the_reporter_is_not_told_of_a_report_after_the_end() -> None:
    noted = Noted()
    progress = noted.progress()
    progress.closed = True
    progress.progress(1, 2)
    assert (noted, progress.noted) == ([], False)


def test_a_job_that_only_counts_yields_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr(run_progress, "time", SimpleNamespace(monotonic=lambda: now_s))
    progress = Noted().progress()
    assert progress.progress(1) is YIELD_ONCE
    now_s += run_progress.TURN_S / 2
    assert progress.progress(2) is NO_YIELD
    now_s += run_progress.TURN_S
    assert progress.progress(3) is YIELD_ONCE


def test_a_wrong_argument_raises_and_changes_nothing() -> None:
    noted = Noted()
    progress = noted.progress()
    with pytest.raises(TypeError, match="takes a number as done"):
        progress.progress("much")  # type: ignore[arg-type]  # the mistake that is to be told
    assert (noted, progress.take()) == ([], KEEP_REPORT)
