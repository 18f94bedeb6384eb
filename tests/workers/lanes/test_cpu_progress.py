"""The reports of a cpu job: the newest one is sent, the last one before the outcome, and none for another job."""

from __future__ import annotations

import queue
import subprocess
import sys
from typing import Any

import pytest

from monarq.shared.payloads.progress import NO_YIELD, ProgressAwaitable, ProgressReport
from monarq.workers.lanes import cpu_progress
from monarq.workers.lanes.cpu_progress import ChildReport, ChildSink, Outbox, forward
from tests.support.slowness import patience_s


def report(done: int) -> ProgressReport:
    return done, 10, f"step {done}"


class Sent(queue.SimpleQueue[Any]):
    """What the child has sent to its worker."""

    def all(self) -> list[Any]:
        """Everything so far."""
        return [self.get_nowait() for _ in range(self.qsize())]


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def outbox(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> Outbox:
    """The outbox of a child, which never sends again by itself after its first report."""
    monkeypatch.setattr(cpu_progress, "PAUSE_S", 3600.0)
    made = Outbox()
    made.connect(sent.put)
    return made


def test_a_thread_sends_while_the_job_computes(outbox: Outbox, sent: Sent) -> None:
    assert outbox.open().send(report(1)) is NO_YIELD
    assert sent.get(timeout=patience_s(10)) == ChildReport(report(1))


def test_the_last_report_is_sent_at_the_end_and_those_that_it_replaced_are_not(outbox: Outbox, sent: Sent) -> None:
    sink = outbox.open()
    sink.send(report(1))
    sent.get(timeout=patience_s(10))
    for done in (2, 3, 4):
        sink.send(report(done))
    outbox.finish()
    assert sent.all() == [ChildReport(report(4))]


def test_what_was_sent_is_not_sent_again_at_the_end(outbox: Outbox, sent: Sent) -> None:
    outbox.open().send(report(1))
    sent.get(timeout=patience_s(10))
    outbox.finish()
    assert sent.all() == []


def test_a_job_that_reports_nothing_sends_nothing(outbox: Outbox, sent: Sent) -> None:
    outbox.open()
    outbox.finish()
    assert sent.all() == []


def test_a_thread_that_a_job_left_behind_does_not_tell_for_the_next(outbox: Outbox, sent: Sent) -> None:
    left_behind = outbox.open()
    outbox.finish()
    left_behind.send(report(1))
    outbox.open()
    left_behind.send(report(2))
    outbox.finish()
    assert sent.all() == []


def test_a_socket_that_is_closed_fails_no_job() -> None:
    def fail(message: object) -> None:
        raise BrokenPipeError

    outbox = Outbox()
    outbox.connect(fail)
    outbox.open().send(report(1))
    outbox.finish()


FORKS = """
import os
from monarq.workers.lanes.cpu_progress import Outbox

outbox, sent = Outbox(), []
outbox.connect(sent.append)
sink = outbox.open()
forked = os.fork()
if not forked:
    sink.send((1, 2, "from a fork"))
    outbox.finish()
    os._exit(len(sent))
assert os.waitpid(forked, 0)[1] == 0, "the fork has sent something"
sink.send((2, 2, "from the job"))
outbox.finish()
print(*(message.report[2] for message in sent))
"""


def test_a_fork_of_the_job_is_heard_by_nobody() -> None:
    ended = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("from the job\n", "")


def test_outside_of_a_child_the_sink_does_nothing() -> None:
    outbox = Outbox()
    outbox.open().send(report(1))
    outbox.finish()
    assert ChildSink().send(report(1)) is NO_YIELD


@pytest.mark.parametrize(
    ("message", "received"),
    [(ChildReport(report(3)), [report(3)]), (report(3), []), ({"step": 3}, []), (None, [])],
    ids=["a report", "a bare tuple", "a dict", "nothing"],
)
def test_the_worker_passes_on_reports_alone(message: object, received: list[ProgressReport]) -> None:
    class Keeping:
        def __init__(self) -> None:
            self.reports: list[ProgressReport] = []

        def send(self, report: ProgressReport) -> ProgressAwaitable:
            self.reports.append(report)
            return NO_YIELD

    sink = Keeping()
    forward(lambda: sink, message)
    assert sink.reports == received
