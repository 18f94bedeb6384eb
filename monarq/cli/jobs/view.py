"""Jobs as text: a table, the details of one with its timeline, or JSON.

Control codes in text from jobs and clients, such as names, ids, arguments and errors, never reach a terminal.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from monarq.cli.terminal.details import format_age, indented, labelled_line
from monarq.cli.terminal.formatting import duration
from monarq.cli.terminal.tables import Column, render_id_table, text_cells
from monarq.monitor.jobs.job_view import JobView
from monarq.monitor.jobs.listing import JobRow
from monarq.monitor.jobs.timeline import TimelineEvent
from monarq.monitor.text.formatting import timestamp
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.text.error_text import brief
from monarq.shared.text.json_lines import json_line
from monarq.shared.text.printable import printable

MIN_NAME_WIDTH: Final = 12
MIN_DETAIL_WIDTH: Final = 12
"""The minimum widths of columns."""

ROW_FIELDS: Final = tuple(each.name for each in fields(JobRow) if each.name != "raw_id")
_VIEW_FIELDS: Final = ("crash_note", "payload_format", "signed", "expires_ms", "result", "timeline")
_STYLES: Final = {"running": "green", "failed": "red", "cancelled": "yellow", "deferred": "dim", "unknown": "dim"}
_EVENT_WORDS: Final = {
    "handed-back": "handed back",
    "unknown": "this worker does not know the job; waiting for one that does",
    "cancel-asked": "cancellation requested",
    "promoted": "made due now",
    "revived": "put back into its queue from its dead letter",
}


def as_row_line(row: JobRow) -> str:
    """A job as one line of JSON."""
    return json_line(_row_fields(row)) + "\n"


def as_view_line(view: JobView) -> str:
    """All details of a job as one line of JSON."""
    record = _row_fields(view.row) | {name: getattr(view, name) for name in _VIEW_FIELDS}
    record["arguments"] = view.arguments
    record["traceback"] = _traceback(view)
    return json_line(record) + "\n"


def _row_fields(row: JobRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ROW_FIELDS}


def render_rows(rows: Sequence[JobRow], queues: Sequence[QueueRef], *, width: int) -> RenderableType:
    """Jobs as a table, one row each; with a column of queues if several were searched."""
    queue = [Column("queue", text_cells(row.ref.label for row in rows), min_width=MIN_NAME_WIDTH)]
    ids = Column("id", text_cells(row.job_id for row in rows))
    columns = [
        Column("state", [Text(row.state, style=_STYLES.get(row.state, "")) for row in rows]),
        *(queue if len(queues) > 1 else []),
        ids,
        Column("job", text_cells(row.name or "?" for row in rows), min_width=MIN_NAME_WIDTH),
        Column("tries", text_cells(map(_tries, rows)), rank=1, justify="right"),
        Column("", text_cells(map(_state_detail, rows)), min_width=max(MIN_DETAIL_WIDTH, *_worker_id_lengths(rows))),
    ]
    return render_id_table(ids, columns, width=width)


def _worker_id_lengths(rows: Sequence[JobRow]) -> list[int]:
    """The lengths of the worker ids in the last column, which must not be broken either."""
    return [len(printable(row.worker or "")) for row in rows if row.state == "running"] or [0]


def _tries(row: JobRow) -> str:
    """'' for an ended job whose tries are unknown."""
    return "" if row.ended_ms and not row.tries else str(row.tries)


def _state_detail(row: JobRow) -> str:
    """The most important detail of a job in its state."""
    asked = ", to be cancelled" if row.cancel_asked_ms else ""
    if row.state == "running":
        since = f" for {format_age(row.started_ms)}" if row.started_ms else ""
        return f"on {row.worker or 'a worker'}{since}{asked}"
    if row.error:
        return brief(row.error)
    if row.ended_ms is not None:
        took = f", after {duration((row.ended_ms - row.started_ms) / 1000)}" if row.started_ms else ""
        return f"{format_age(row.ended_ms)} ago{took}"
    if row.due_ms is None or row.due_ms <= 1:
        return asked.removeprefix(", ")
    wait_s = row.due_ms / 1000 - time.time()
    return (f"due in {duration(wait_s)}" if wait_s > 0 else f"due {duration(-wait_s)} ago") + asked


def render_view(view: JobView, *, with_arguments: bool) -> RenderableType:
    """All details of one job."""
    lines = [Text(printable(view.row.job_id), style="bold")]
    lines += [labelled_line(name, value) for name, value in _facts(view, with_arguments) if value]
    lines += [Text.assemble("\n  ", ("timeline", "dim"))]
    lines += [Text(f"  {_timeline_row(each)}") for each in view.timeline]
    traceback = _traceback(view)
    if traceback:
        lines += [Text(""), Text(indented(traceback, 2))]
    return Group(*lines)


def _facts(view: JobView, with_arguments: bool) -> Iterator[tuple[str, str]]:
    row, result = view.row, view.result
    yield "state", _state(view)
    yield "queue", row.queue
    yield "job", row.name or "unreadable"
    yield "lane", row.lane or ""
    yield "tries", str(row.tries)
    yield "crashes", f"{row.crashes} {view.crash_note and f'(last: {view.crash_note})'}".strip()
    yield "worker", row.worker or ""
    yield "error", row.error
    yield "payload", _payload(view)
    if with_arguments:
        yield "arguments", "gone, or not safe to read" if view.arguments is None else view.arguments or "none"
    if result is not None:
        until = f"until {timestamp(result.kept_until_ms)}" if result.kept_until_ms else "forever"
        # The result of a job that was never started is in no format.
        kind = "" if result.format == "unknown" and result.cancelled else f"{result.format}, "
        yield "result", f"{kind}{'signed, ' if result.signed else ''}{result.bytes:,} bytes, kept {until}"
        yield "returned", result.value


def _state(view: JobView) -> str:
    row = view.row
    if row.state == "unknown":
        in_none = row.payload_bytes is not None and view.result is None
        return (
            "unknown: it is in no queue"
            if in_none
            else "unknown: it has ended; its outcome was not kept or is unreadable"
        )
    is_asked = row.cancel_asked_ms and row.state in ("running", "queued")
    return row.state + (", to be cancelled" if is_asked else "")


def _payload(view: JobView) -> str:
    if view.row.payload_bytes is None:
        return "" if view.result else "gone"
    kind = f"{view.payload_format or ''}{', signed' if view.signed else ''}".strip(", ")
    until = f", expires {timestamp(view.expires_ms)}" if view.expires_ms else ""
    return f"{kind + ', ' if kind else ''}{view.row.payload_bytes:,} bytes{until}"


def _traceback(view: JobView) -> str:
    if view.dead_letter is not None:
        return view.dead_letter.traceback
    return view.result.traceback if view.result else ""


def _timeline_row(event: TimelineEvent) -> str:
    note = " ".join(event.note.split())
    return printable(f"{timestamp(event.at_ms)}  {_event_words(event)}{': ' if note else ''}{note}")


def _event_words(event: TimelineEvent) -> str:
    on = f" on {event.worker}" if event.worker else ""
    if event.what != "retried":
        return f"{_EVENT_WORDS.get(event.what, event.what)}{on}"
    number = f"try {event.tries}" if event.tries else "a try"
    return f"{number} failed{on}; next try in {duration((event.delay_ms or 0) / 1000)}"
