"""The name that a misspelled one may mean."""

from __future__ import annotations

from collections.abc import Sequence


def suggestion(name: str, known: Sequence[str]) -> str:
    """The nearest known name, as the end of an error: ``; did you mean 'greet'?``. '' if none is near."""
    from difflib import get_close_matches  # deferred: needed only for errors

    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
