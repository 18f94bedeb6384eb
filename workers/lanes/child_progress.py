"""How a cpu job tells its progress: from the child process over its socket, as often as anybody could see.

The sink in a cpu job's context travels by name and is made anew in the child, one for each job. A thread of the child
sends, so that a job which tells something and then computes for a minute is seen where it is; what a job told last
goes before its outcome. It imports next to nothing, because the child's start waits for it.
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
"""Between two reports; what goes on to Redis is decided by the worker's progress_reporter."""


class ChildReport(NamedTuple):
    """A report on its way from the child to its worker."""

    report: ProgressReport


class ChildSink:
    """The sink of one cpu job.

    Attributes:
        report: the newest report.
        noted: whether nothing needs to be done for a new report: one is to be sent already, or none ever is.
    """

    __slots__ = ("_note", "noted", "report")

    def __init__(self, note: Callable[[], None] | None = None) -> None:
        self._note = note
        self.report: ProgressReport | None = None
        self.noted = note is None

    def __reduce__(self) -> tuple[Callable[[], ChildSink], tuple[()]]:
        return open_sink, ()

    def send(self, report: ProgressReport) -> ProgressAwaitable:
        """See `ProgressSink`. Threads of the job may call it; forks of the job may too, and nothing comes of it."""
        self.report = report
        if not self.noted and self._note is not None:
            self.noted = True
            self._note()
        return NO_YIELD


class Outbox:
    """Sends what the running job tells: one for the process."""

    def __init__(self) -> None:
        self._send: Callable[[object], None] | None = None
        self._sink = ChildSink()
        self._news = threading.Event()
        self._sending = threading.Lock()
        self._thread: threading.Thread | None = None

    def connect(self, send: Callable[[object], None]) -> None:
        """From now on reports go out by `send`; in no process but the child, which says so at its start."""
        self._send = send
        os.register_at_fork(after_in_child=self._fall_silent)

    def open(self) -> ChildSink:
        """The sink of the job that begins."""
        if self._send is not None:
            self._sink = ChildSink(self._note)
        return self._sink

    def finish(self) -> None:
        """Sends what the job told last. What a thread that it left behind tells after that goes nowhere."""
        with self._sending:
            sink, self._sink = self._sink, ChildSink()
            self._send_newest(sink)
            sink.noted = True

    def _note(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._send_on, name="monarq-progress", daemon=True)
            self._thread.start()
        self._news.set()

    def _send_on(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            with self._sending:
                self._send_newest(self._sink)
            time.sleep(PAUSE_S)

    def _send_newest(self, sink: ChildSink) -> None:
        if self._send is None or not sink.noted or sink.report is None:
            return
        # In this order: what is told in between is sent twice rather than not at all.
        sink.noted = False
        # A socket that is gone is found by the child's main thread, which ends the process.
        with suppress(OSError):
            self._send(ChildReport(sink.report))

    def _fall_silent(self) -> None:
        """In a fork: no thread of ours lives there, and its locks may be held for ever."""
        self._sink.noted = True
        self._send = None


OUTBOX: Final = Outbox()
"""It lives as long as the process, and is reached by the sinks that come out of pickles."""

FOR_CHILD: Final = ChildSink()
"""What a worker puts into the context of a cpu job."""


def open_sink() -> ChildSink:
    """What `FOR_CHILD` becomes in the child; in any other process a sink that does nothing."""
    return OUTBOX.open()


def pass_on(sink: ProgressSink, message: object) -> None:
    """The worker's side: what the child sent is told to the run's own sink."""
    if isinstance(message, ChildReport):
        sink.send(message.report)
