"""The page of all commands is what the code says."""

from __future__ import annotations

from docs.tools.commands import PAGE, page


def test_the_page_of_commands_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "docs/reference/commands.md is out of date: run python -m docs.tools.commands"
