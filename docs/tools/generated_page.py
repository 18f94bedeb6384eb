"""Pages that are made from the code: the command line of the modules that write them."""

from __future__ import annotations

from pathlib import Path


def write_or_check(page: Path, text: str, arguments: list[str]) -> int:
    """Writes a page; with ``--check`` among the arguments it writes nothing.

    Returns:
        The exit code: 1 where ``--check`` is given and the page is out of date, else 0.
    """
    if "--check" in arguments:
        return int(not page.exists() or page.read_text() != text)
    page.parent.mkdir(exist_ok=True)
    page.write_text(text)
    return 0
