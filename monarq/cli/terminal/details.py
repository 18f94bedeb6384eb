"""The details of one job or dead letter: labelled lines, indented text, and times."""

from __future__ import annotations

import textwrap
import time
from typing import Final

from rich.text import Text

from monarq.cli.terminal.formatting import duration
from monarq.shared.text.printable import printable, printable_lines

LABEL_WIDTH: Final = 10

_MULTILINE: Final = ("error", "returned")
"""Labels whose values keep their line breaks."""


def labelled_line(label: str, value: str) -> Text:
    """A label and its value; further lines of an error or a result are aligned with the first."""
    shown = indented(value, LABEL_WIDTH + 2).lstrip() if label in _MULTILINE else printable(value)
    return Text.assemble((f"  {label:<{LABEL_WIDTH}}", "dim"), shown)


def indented(text: str, columns: int) -> str:
    """A text with all its lines indented by this many columns."""
    return textwrap.indent(printable_lines(text).rstrip("\n"), " " * columns)


def format_age(unix_ms: int) -> str:
    """How long ago a time is, by this machine's clock."""
    return duration(max(0.0, time.time() - unix_ms / 1000))
