"""The page of all settings is what the code says."""

from __future__ import annotations

from docs.tools.configuration import PAGE, page


def test_the_page_of_settings_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), f"{PAGE} is out of date: run python -m docs.tools.configuration"
