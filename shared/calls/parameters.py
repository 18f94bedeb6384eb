"""Where a job's `Context` goes among its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ContextPlace:
    """Where it goes.

    Attributes:
        keyword: what it may be called by; None where it goes by position only.
        before: the positional parameters in front of it; None where it goes by keyword only.
        others: all the parameters beside it.
        is_open: whether it goes through a decorator that may give arguments of its own.
    """

    keyword: str | None
    before: tuple[inspect.Parameter, ...] | None
    others: tuple[inspect.Parameter, ...]
    is_open: bool

    @property
    def is_first(self) -> bool:
        """Whether it stands in front of all arguments, however many there are."""
        return self.before == ()

    def put(self, context: object, args: tuple[Any, ...], kwargs: dict[str, Any], at: int) -> Arguments:
        """The arguments with the context among them.

        Args:
            context: the context.
            args: the positional arguments of the job.
            kwargs: its keyword arguments.
            at: how many positional arguments go in front of it; see `index`.
        """
        if self.before is None or (len(args) < at and self.keyword is not None):
            return args, {**kwargs, str(self.keyword): context}
        # What is left out in front of it by position only has a default.
        left_out = tuple(parameter.default for parameter in self.before[len(args) : at])
        return (*args[:at], *left_out, context, *args[at:]), kwargs


def place_of(context: inspect.Parameter, parameters: tuple[inspect.Parameter, ...], *, is_open: bool) -> ContextPlace:
    """The place of a parameter among those of its function."""
    at = parameters.index(context)
    return ContextPlace(
        keyword=None if context.kind is context.POSITIONAL_ONLY else context.name,
        before=parameters[:at] if context.kind in _POSITIONAL else None,
        others=parameters[:at] + parameters[at + 1 :],
        is_open=is_open,
    )


def positional_of(parameters: Iterable[inspect.Parameter]) -> list[inspect.Parameter]:
    """Those that take positional arguments, one each."""
    return [parameter for parameter in parameters if parameter.kind in _POSITIONAL]
