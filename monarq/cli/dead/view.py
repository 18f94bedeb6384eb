"""How dead letters look: a table, a page for one, or JSON.

What jobs wrote into them, errors and ids too, reaches no terminal as control codes.
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from monarq.cli.formatting import duration
from monarq.cli.tables import Column, render_listed
from monarq.monitor.jobs.dead_letters import DeadLetter
from monarq.monitor.jobs.payload_view import PayloadView, view_payload
from monarq.monitor.text.formatting import timestamp
from monarq.shared.text.error_text import brief
from monarq.shared.text.json_lines import json_line
from monarq.shared.text.printable import printable, printable_lines

SHORTEST_NAME: Final = 12
SHORTEST_ERROR: Final = 16
"""Signs to which columns are narrowed at most."""

_OF_LINES: Final = ("error", "returned")
JSON_FIELDS: Final = tuple(each.name for each in fields(DeadLetter) if each.name != "raw_id")


def as_json_line(letter: DeadLetter, *payload: bytes | None) -> str:
    """A letter as one line of JSON, with its payload where that is given."""
    told: dict[str, Any] = {name: getattr(letter, name) for name in JSON_FIELDS}
    for data in payload:
        told["payload"] = view_payload(data)
    return json_line(told) + "\n"


def render_list(letters: Sequence[DeadLetter], *, with_queue: bool, width: int) -> RenderableType:
    """Letters as a table, a row each."""
    queue = [Column("queue", _texts(letter.queue for letter in letters), least=SHORTEST_NAME)]
    ids = Column("id", _texts(letter.id for letter in letters))
    columns = [
        Column("died", _texts(ago(letter.died_ms) for letter in letters), justify="right"),
        *(queue if with_queue else []),
        ids,
        Column("job", _texts(letter.name for letter in letters), least=SHORTEST_NAME),
        Column("tries", _texts(str(letter.tries) for letter in letters), rank=1, justify="right"),
        Column("error", _texts(brief(letter.error) for letter in letters), least=SHORTEST_ERROR),
    ]
    return render_listed(ids, columns, width=width)


def _texts(cells: Iterable[str]) -> list[Text]:
    return [Text(printable(cell)) for cell in cells]


def render_letter(letter: DeadLetter, *payload: bytes | None) -> RenderableType:
    """All that one letter says."""
    rows = {
        "queue": letter.queue,
        "job": letter.name,
        "lane": letter.lane,
        "error": letter.error,
        "tries": str(letter.tries),
        "crashes": f"{letter.crashes} {letter.crash_note and f'(the last: {letter.crash_note})'}".strip(),
        "enqueued": timestamp(letter.enqueue_ms),
        "started": timestamp(letter.start_ms),
        "died": f"{timestamp(letter.died_ms)}, {ago(letter.died_ms)} ago",
        "worker": letter.worker,
        "payload": "it was gone" if letter.payload_bytes is None else f"{letter.payload_bytes:,} bytes",
    }
    for data in payload:
        rows["payload"] = _payload_line(view_payload(data))
    lines = [Text(printable(letter.id), style="bold")]
    lines += [labelled(name, value) for name, value in rows.items()]
    if letter.traceback:
        lines.append(Text(below(letter.traceback, 2)))
    return Group(*lines)


def labelled(name: str, value: str) -> Text:
    """One thing that is known; what errors and results have of lines stands below each other."""
    shown = below(value, 12).lstrip() if name in _OF_LINES else printable(value)
    return Text.assemble((f"  {name:<10}", "dim"), shown)


def below(text: str, indent: int) -> str:
    """A text of several lines, all set in by so many columns."""
    return textwrap.indent(printable_lines(text).rstrip("\n"), " " * indent)


def _payload_line(view: PayloadView) -> str:
    if view.bytes is None:
        return "it was gone"
    signed = ", signed" if view.signed else ""
    if view.format == "pickle":
        return f"pickled{signed}, {view.bytes:,} bytes; it is not decoded, as that would run what it holds"
    if view.format == "msgpack":
        return f"msgpack{signed}, {view.bytes:,} bytes: {printable(bytes(view.value).decode())}"
    return f"of an unknown format{signed}, {view.bytes:,} bytes"


def ago(unix_ms: int) -> str:
    """How long ago a time is, by this machine's clock."""
    return duration(max(0.0, time.time() - unix_ms / 1000))
