"""How jobs look: a table, a page for one with its timeline, or JSON.

What jobs and clients wrote, names, ids, arguments and errors, reaches no terminal as control codes.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from monarq.cli.dead.view import ago, below, labelled
from monarq.cli.formatting import duration
from monarq.cli.tables import Column, render_listed
from monarq.monitor.jobs.job_view import JobView
from monarq.monitor.jobs.listing import JobRow
from monarq.monitor.jobs.timeline import TimelineEvent
from monarq.monitor.text.formatting import timestamp
from monarq.shared.text.error_text import brief
from monarq.shared.text.json_lines import json_line
from monarq.shared.text.printable import printable

SHORTEST_NAME: Final = 12
SHORTEST_STANDING: Final = 12
"""Signs to which columns are narrowed at most."""

ROW_FIELDS: Final = tuple(each.name for each in fields(JobRow) if each.name != "raw_id")
_VIEW_FIELDS: Final = ("crash_note", "payload_format", "signed", "expires_ms", "result", "timeline")
_STYLES: Final = {"running": "green", "dead": "red", "failed": "yellow", "aborted": "yellow", "deferred": "dim"}
_WORDS: Final = {
    "retried": "a try failed",
    "handed-back": "handed back",
    "unknown": "unknown to its worker, waits for one that knows it",
    "abort-asked": "abort asked for",
    "promoted": "made due now",
    "revived": "put back from the dead",
}


def as_row_line(row: JobRow) -> str:
    """A job as one line of JSON."""
    return json_line(_told(row)) + "\n"


def as_view_line(view: JobView) -> str:
    """All that is known of a job as one line of JSON."""
    told = _told(view.row) | {name: getattr(view, name) for name in _VIEW_FIELDS}
    told["arguments"] = view.arguments
    told["traceback"] = _traceback(view)
    return json_line(told) + "\n"


def _told(row: JobRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ROW_FIELDS}


def render_rows(rows: Sequence[JobRow], *, with_queue: bool, width: int) -> RenderableType:
    """Jobs as a table, a row each."""
    queue = [Column("queue", _texts(row.queue for row in rows), least=SHORTEST_NAME)]
    ids = Column("id", _texts(row.id for row in rows))
    columns = [
        Column("state", [Text(row.state, style=_STYLES.get(row.state, "")) for row in rows]),
        *(queue if with_queue else []),
        ids,
        Column("job", _texts(row.name or "?" for row in rows), least=SHORTEST_NAME),
        Column("tries", _texts(map(_tries, rows)), rank=1, justify="right"),
        Column("", _texts(map(_standing, rows)), least=max(SHORTEST_STANDING, *_ids_of_workers(rows))),
    ]
    return render_listed(ids, columns, width=width)


def _texts(cells: Iterable[str]) -> list[Text]:
    return [Text(printable(cell)) for cell in cells]


def _ids_of_workers(rows: Sequence[JobRow]) -> list[int]:
    """How long the ids of workers are that stand among what is told: they are not to be broken either."""
    return [len(printable(row.worker or "")) for row in rows if row.state == "running"] or [0]


def _tries(row: JobRow) -> str:
    """The sample of what has ended does not tell them."""
    return "" if row.ended_ms and not row.tries else str(row.tries)


def _standing(row: JobRow) -> str:
    """What is most worth knowing of a job in its state."""
    asked = ", to be aborted" if row.abort_ms else ""
    if row.state == "running":
        since = f" for {ago(row.started_ms)}" if row.started_ms else ""
        return f"on {row.worker or 'a worker'}{since}{asked}"
    if row.error:
        return brief(row.error)
    if row.ended_ms is not None:
        took = f", after {duration((row.ended_ms - row.started_ms) / 1000)}" if row.started_ms else ""
        return f"{ago(row.ended_ms)} ago{took}"
    if row.due_ms is None or row.due_ms <= 1:
        return asked.removeprefix(", ")
    wait_s = row.due_ms / 1000 - time.time()
    return (f"due in {duration(wait_s)}" if wait_s > 0 else f"due {duration(-wait_s)} ago") + asked


def render_view(view: JobView, *, with_arguments: bool) -> RenderableType:
    """All that is known of one job."""
    lines = [Text(printable(view.row.id), style="bold")]
    lines += [labelled(name, value) for name, value in _facts(view, with_arguments) if value]
    lines += [Text.assemble("\n  ", ("timeline", "dim"))]
    lines += [Text(f"  {_line(each)}") for each in view.timeline]
    traceback = _traceback(view)
    if traceback:
        lines += [Text(""), Text(below(traceback, 2))]
    return Group(*lines)


def _facts(view: JobView, with_arguments: bool) -> Iterator[tuple[str, str]]:
    row, result = view.row, view.result
    yield "state", row.state + (", to be aborted" if row.abort_ms and row.state in ("running", "queued") else "")
    yield "queue", row.queue
    yield "job", row.name or "cannot be read"
    yield "lane", row.lane or ""
    yield "tries", str(row.tries)
    yield "crashes", f"{row.crashes} {view.crash_note and f'(the last: {view.crash_note})'}".strip()
    yield "worker", row.worker or ""
    yield "error", row.error
    yield "payload", _payload(view)
    if with_arguments:
        yield "arguments", "cannot be read safely, or are gone" if view.arguments is None else view.arguments or "none"
    if result is not None:
        until = timestamp(result.kept_until_ms) if result.kept_until_ms else "for ever"
        yield "result", f"{result.format}{', signed' if result.signed else ''}, {result.bytes:,} bytes, kept {until}"
        yield "returned", result.value


def _payload(view: JobView) -> str:
    if view.row.payload_bytes is None:
        return "" if view.result else "it is gone"
    kind = f"{view.payload_format or ''}{', signed' if view.signed else ''}".strip(", ")
    until = f", expires {timestamp(view.expires_ms)}" if view.expires_ms else ""
    return f"{kind + ', ' if kind else ''}{view.row.payload_bytes:,} bytes{until}"


def _traceback(view: JobView) -> str:
    if view.dead_letter is not None:
        return view.dead_letter.traceback
    return view.result.traceback if view.result else ""


def _line(told: TimelineEvent) -> str:
    words = _WORDS.get(told.what, told.what)
    tries = f" (number {told.tries}, the next after {duration((told.delay_ms or 0) / 1000)})" if told.tries else ""
    note = " ".join(told.note.split())
    return printable(f"{timestamp(told.at_ms)}  {words}{tries}{': ' if note else ''}{note}")
