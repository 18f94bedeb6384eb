"""Misspelled names: the known name that may be meant, and the words that suggest it in an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

SIMILAR: Final = 0.6
"""How similar two names are, from 0 to 1, that may be the same one misspelled; difflib's own default."""


def suggestion(
    name: str,
    known: Iterable[str],
    *,
    form: Callable[[str], str] = repr,
    least: float = SIMILAR,
    before: str = "; ",
) -> str:
    """The nearest known name as the end of an error: ``; did you mean 'greet'?``. '' if none is near.

    Args:
        name: the unknown name.
        known: the names that exist.
        form: writes the name; by default in quotes.
        least: how similar they must be, from 0 to 1.
        before: what stands before the suggestion.
    """
    near = nearest(name, known, least=least)
    return "" if near is None else f"{before}did you mean {form(near)}?"


def nearest(name: str, known: Iterable[str], *, least: float = SIMILAR) -> str | None:
    """The known name that is nearest to one; None if none is near.

    Args:
        name: the unknown name.
        known: the names that exist.
        least: how similar they must be, from 0 to 1.
    """
    from difflib import get_close_matches  # deferred: needed only for errors

    near = get_close_matches(name, list(known), n=1, cutoff=least)
    return near[0] if near else None
