"""Pictures of what commands show: a terminal as an SVG file."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def open_recorder(width: int) -> Console:
    """A console that shows nothing and keeps what is printed on it, for `draw_svg`."""
    from rich.console import Console

    return Console(record=True, width=width, file=io.StringIO(), highlight=False, emoji=False, markup=False)


def draw_svg(recorder: Console, command: str) -> str:
    """A picture of a terminal with what was printed. It asks for no font from the network, as rich's own would.

    Args:
        recorder: what was printed, from `open_recorder`.
        command: the command that printed it, for the title.
    """
    svg = recorder.export_svg(title=command, unique_id=re.sub(r"\W+", "-", command))
    return re.sub(r"(@font-face \{.*?\}|<!-- .*? -->)\s*", "", svg, flags=re.DOTALL)
