"""The progress of one run: keeps the newest report for the progress reporter. No I/O, no waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from monarq.shared.payloads.progress import NO_YIELD, YIELD_ONCE, Number, ProgressAwaitable, ProgressReport, make_report
from monarq.shared.payloads.progress_codec import encode_report
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.worker_queue import KEEP_REPORT

TURN_S: Final = 0.005
"""How often a job that awaits its reports yields to other jobs, rather than at each of a million reports."""


class RunProgress:
    """The progress sink of a run in any lane; a cpu job's process also sends its reports here. Thread-safe.

    Attributes:
        lease: the job's lease.
        noted: whether the newest report waits to be sent and the progress reporter knows.
        closed: whether the run is over, so that reports are too late.
    """

    __slots__ = ("_note", "_report", "_turn_s", "closed", "lease", "noted")

    def __init__(self, lease: Lease, note: Callable[[RunProgress], None]) -> None:
        self.lease = lease
        self.noted = False
        self.closed = False
        self._note = note
        self._report: ProgressReport | None = None
        self._turn_s = 0.0

    def send(self, report: ProgressReport) -> ProgressAwaitable:
        """See `ProgressSink`."""
        self._report = report
        if not self.noted and not self.closed:
            self.noted = True
            self._note(self)
        now_s = time.monotonic()
        if now_s < self._turn_s:
            return NO_YIELD
        self._turn_s = now_s + TURN_S
        return YIELD_ONCE

    def progress(self, done: Number, total: Number | None = None, message: str = "") -> ProgressAwaitable:
        """For jobs in arq's style, which find it as ``ctx["progress"]``; see `Context.progress`."""
        return self.send(make_report(done, total, message))

    def take(self) -> bytes:
        """The newest report as JSON, to be sent now."""
        # In this order, a thread's report in between is sent twice rather than not at all.
        self.noted = False
        return KEEP_REPORT if self._report is None else encode_report(self._report)
