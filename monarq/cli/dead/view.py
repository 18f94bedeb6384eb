"""Dead letters as text: a table, the details of one, or JSON.

Control codes in text from jobs, including errors and ids, never reach a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from monarq.cli.terminal.details import format_age, indented, labelled_line
from monarq.cli.terminal.tables import Column, render_id_table, text_cells
from monarq.monitor.jobs.dead_letters import DeadLetter
from monarq.monitor.jobs.payload_view import PayloadView, view_payload
from monarq.monitor.text.formatting import timestamp
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.text.error_text import brief
from monarq.shared.text.json_lines import json_line
from monarq.shared.text.printable import printable

MIN_NAME_WIDTH: Final = 12
MIN_ERROR_WIDTH: Final = 16
"""The minimum widths of columns."""

JSON_FIELDS: Final = tuple(each.name for each in fields(DeadLetter) if each.name != "raw_id")


def as_json_line(letter: DeadLetter, *payload: bytes | None) -> str:
    """A letter as one line of JSON, with its payload if that is given."""
    record: dict[str, Any] = {name: getattr(letter, name) for name in JSON_FIELDS}
    for data in payload:
        record["payload"] = view_payload(data)
    return json_line(record) + "\n"


def render_list(letters: Sequence[DeadLetter], queues: Sequence[QueueRef], *, width: int) -> RenderableType:
    """Letters as a table, one row each; with a column of queues if several were searched."""
    queue = [Column("queue", text_cells(letter.ref.label for letter in letters), min_width=MIN_NAME_WIDTH)]
    ids = Column("id", text_cells(letter.job_id for letter in letters))
    columns = [
        Column("died", text_cells(format_age(letter.died_ms) for letter in letters), justify="right"),
        *(queue if len(queues) > 1 else []),
        ids,
        Column("job", text_cells(letter.name for letter in letters), min_width=MIN_NAME_WIDTH),
        Column("tries", text_cells(str(letter.tries) for letter in letters), rank=1, justify="right"),
        Column("error", text_cells(brief(letter.error) for letter in letters), min_width=MIN_ERROR_WIDTH),
    ]
    return render_id_table(ids, columns, width=width)


def render_letter(letter: DeadLetter, *payload: bytes | None) -> RenderableType:
    """All details of one letter."""
    rows = {
        "queue": letter.queue,
        "job": letter.name,
        "lane": letter.lane,
        "error": letter.error,
        "tries": str(letter.tries),
        "crashes": f"{letter.crashes} {letter.crash_note and f'(last: {letter.crash_note})'}".strip(),
        "enqueued": timestamp(letter.enqueued_ms),
        "started": timestamp(letter.started_ms),
        "died": f"{timestamp(letter.died_ms)}, {format_age(letter.died_ms)} ago",
        "worker": letter.worker,
        "payload": "gone" if letter.payload_bytes is None else f"{letter.payload_bytes:,} bytes",
    }
    for data in payload:
        rows["payload"] = _payload_line(view_payload(data))
    lines = [Text(printable(letter.job_id), style="bold")]
    lines += [labelled_line(name, value) for name, value in rows.items()]
    if letter.traceback:
        lines.append(Text(indented(letter.traceback, 2)))
    return Group(*lines)


def _payload_line(view: PayloadView) -> str:
    if view.bytes is None:
        return "gone"
    signed = ", signed" if view.signed else ""
    if view.format == "pickle":
        return f"pickled{signed}, {view.bytes:,} bytes; not decoded, since unpickling can run arbitrary code"
    if view.format == "msgpack":
        return f"msgpack{signed}, {view.bytes:,} bytes: {printable(bytes(view.value).decode())}"
    return f"in an unknown format{signed}, {view.bytes:,} bytes"
