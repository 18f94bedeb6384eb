"""The supervisor's log: the note that the jobs of a dead worker get, and the lines about its start."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from monarq.workers.supervisor.supervisor_log import SupervisorLog, death_note, hang_note, stop_timeout_note
from monarq.workers.system.reaper import ExitStatus

MB = 2**20


class Worker:
    """A worker as the log sees it."""

    def __init__(self, **changes: Any) -> None:
        self.index, self.pid, self.ready, self.ready_bytes = 1, 7, None, 0
        self.start_error = self.clean_exit = self.kill_reason = self.end = None
        self.importing = ""
        vars(self).update(changes)


@pytest.mark.parametrize(
    ("worker", "note"),
    [
        (Worker(), "its worker process ended (pid 7 on HOST)"),
        (Worker(end=ExitStatus(3, None, None, None)), "its worker process ended with exit code 3 (pid 7 on HOST)"),
        (
            Worker(end=ExitStatus(None, "SIGKILL", 150 * MB, None)),
            "its worker process was killed by SIGKILL (pid 7 on HOST, 150 MB)",
        ),
        (
            Worker(end=ExitStatus(None, "SIGSEGV", 1500 * MB, None, peak_is_bound=True)),
            "its worker process was killed by SIGSEGV (pid 7 on HOST, at most 1,500 MB)",
        ),
        (
            Worker(kill_reason=hang_note(Worker(), 30.0), end=ExitStatus(None, "SIGABRT", None, None)),
            "its event loop hung for 30 s (pid 7 on HOST)",
        ),
        (
            Worker(
                kill_reason=hang_note(Worker(importing="app (/app.py, line 3)"), 60.0),
                end=ExitStatus(None, "SIGABRT", None, None),
            ),
            "importing its program took longer than 60 s, at app (/app.py, line 3) (pid 7 on HOST)",
        ),
        (
            Worker(kill_reason=stop_timeout_note(2.5), end=ExitStatus(None, "SIGKILL", None, None)),
            "its worker process did not stop within 2.5 s and was killed (pid 7 on HOST)",
        ),
        (
            Worker(kill_reason=stop_timeout_note(2.5, closing=True), end=ExitStatus(None, "SIGKILL", None, None)),
            (
                "its worker process did not stop within 2.5 s and was killed: "
                "its jobs had ended, but the lifespan or the shutdown hook of its program did not (pid 7 on HOST)"
            ),
        ),
    ],
)
def test_death_note(worker: Worker, note: str) -> None:
    assert death_note(worker) == note.replace("HOST", socket.gethostname())


@pytest.mark.parametrize(
    ("worker", "again", "line"),
    [
        (
            Worker(start_error="Redis is away"),
            True,
            "worker 1 (pid 7) could not start; retrying: Redis is away",
        ),
        (Worker(), False, "worker 1 (pid 7) could not start: worker 1 (pid 7) could not start; see its stderr"),
    ],
)
def test_start_that_failed(caplog: pytest.LogCaptureFixture, worker: Worker, again: bool, line: str) -> None:
    SupervisorLog().worker_start_failed(worker, again=again)
    assert caplog.messages == [line]
