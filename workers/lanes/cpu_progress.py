"""Progress of a CPU job: sent from the child process to its worker, no more often than it can be displayed.

The child creates a sink for each job that has a context. A thread of the child sends the newest report, so that it is
visible while the job computes; a job's last report is sent before its outcome. The module imports almost nothing,
because it delays the child's start.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

from monarq.shared.payloads.progress import NO_YIELD, ProgressAwaitable, ProgressReport, ProgressSink

PAUSE_S: Final = 0.1
"""The time between two reports; the worker's reporter decides which of them are written to Redis."""


class ChildReport(NamedTuple):
    """The message by which the child sends a report to its worker."""

    report: ProgressReport


class ChildSink:
    """The sink of one cpu job.

    Attributes:
        report: the newest report.
        is_pending: whether a new report needs no wake-up: a report is about to be sent, or none is ever sent.
    """

    __slots__ = ("_wake", "is_pending", "report")

    def __init__(self, wake: Callable[[], None] | None = None) -> None:
        self._wake = wake
        self.report: ProgressReport | None = None
        self.is_pending = wake is None

    def send(self, report: ProgressReport) -> ProgressAwaitable:
        """See `ProgressSink`. Threads of the job may call it; forks of the job may too, without effect."""
        self.report = report
        if not self.is_pending and self._wake is not None:
            self.is_pending = True
            self._wake()
        return NO_YIELD


class Outbox:
    """Sends the reports of the running job; there is one per process."""

    def __init__(self) -> None:
        self._send: Callable[[object], None] | None = None
        self._sink = ChildSink()
        self._has_report = threading.Event()
        self._send_lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def connect(self, send: Callable[[object], None]) -> None:
        """Sends reports with `send` from now on; only the child calls this, at its start."""
        self._send = send
        os.register_at_fork(after_in_child=self._disconnect)

    def open(self) -> ChildSink:
        """The sink of the job that starts."""
        if self._send is not None:
            self._sink = ChildSink(self._wake_thread)
        return self._sink

    def finish(self) -> None:
        """Sends the job's last report. Later reports, from a thread that the job left behind, are dropped."""
        with self._send_lock:
            sink, self._sink = self._sink, ChildSink()
            self._send_newest(sink)
            sink.is_pending = True

    def _wake_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run_thread, name="monarq-progress", daemon=True)
            self._thread.start()
        self._has_report.set()

    def _run_thread(self) -> None:
        while True:
            self._has_report.wait()
            self._has_report.clear()
            with self._send_lock:
                self._send_newest(self._sink)
            time.sleep(PAUSE_S)

    def _send_newest(self, sink: ChildSink) -> None:
        if self._send is None or not sink.is_pending or sink.report is None:
            return
        # In this order, a report that arrives in between is sent twice rather than not at all.
        sink.is_pending = False
        # The child's main thread notices a closed socket, and ends the process.
        with suppress(OSError):
            self._send(ChildReport(sink.report))

    def _disconnect(self) -> None:
        """Called in a fork, which does not have our thread, and where locks may be held forever."""
        self._sink.is_pending = True
        self._send = None


OUTBOX: Final = Outbox()
"""The outbox of this process; its sinks do nothing except in the CPU child."""


def forward(sink_of_run: Callable[[], ProgressSink], message: object) -> None:
    """Used by the worker: passes a message of the child on to the run's sink, which the first message opens."""
    if isinstance(message, ChildReport):
        sink_of_run().send(message.report)
