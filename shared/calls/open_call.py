"""Which parameters arguments reach through a decorator that may give some of its own.

A decorator that takes ``*args, **kwargs`` usually passes on what it gets. Where that would leave parameters without a
value, it gives those itself: they are the ones of a kind that no producer can send, such as a database session, and
otherwise the first ones.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Sequence

from monarq.shared.calls.parameters import positional_of


def reached(
    parameters: Sequence[inspect.Parameter], foreign: Collection[str], count: int, names: Collection[str]
) -> list[inspect.Parameter]:
    """The parameters that positional arguments go to, in order.

    Args:
        parameters: those of the function behind the decorator, without its context.
        foreign: the names of those that no producer can send.
        count: how many positional arguments there are.
        names: the names of the keyword arguments.
    """
    positional = positional_of(parameters)
    needed = [p.name for p in positional if p.default is p.empty and p.name not in names]
    given = len(needed) - count
    if given <= 0:
        return positional
    strange = [name for name in needed if name in foreign]
    inside = strange if len(strange) == given else needed[:given]
    return [p for p in positional if p.name not in inside]
