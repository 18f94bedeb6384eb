"""Parameters of a job's function: which of them receive positional arguments, and where its `Context` goes.

A decorator that takes ``*args, **kwargs`` usually passes its arguments on. If that would leave parameters without a
value, the decorator is assumed to supply them: those of a type that no producer can send, such as a database session,
and otherwise the first ones.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ContextPosition:
    """Where a job's context goes among its arguments.

    Attributes:
        keyword: the name to pass it by; None if it is positional-only.
        before: the positional parameters before it; None if it is keyword-only.
        others: all other parameters.
        is_wrapped: whether it goes through a decorator that may add arguments of its own.
    """

    keyword: str | None
    before: tuple[inspect.Parameter, ...] | None
    others: tuple[inspect.Parameter, ...]
    is_wrapped: bool

    @property
    def is_first(self) -> bool:
        """Whether it comes before all arguments, however many there are."""
        return self.before == ()

    def put(self, context: object, args: tuple[Any, ...], kwargs: dict[str, Any], at: int) -> Arguments:
        """The arguments with the context among them.

        Args:
            context: the context.
            args: the positional arguments of the job.
            kwargs: its keyword arguments.
            at: how many positional arguments come before it.
        """
        if self.before is None or (len(args) < at and self.keyword is not None):
            return args, {**kwargs, str(self.keyword): context}
        # A parameter before it that gets no argument has a default.
        left_out = tuple(parameter.default for parameter in self.before[len(args) : at])
        return (*args[:at], *left_out, context, *args[at:]), kwargs


def context_position(
    context: inspect.Parameter, parameters: tuple[inspect.Parameter, ...], *, is_wrapped: bool
) -> ContextPosition:
    """The position of the context's parameter among those of its function."""
    at = parameters.index(context)
    return ContextPosition(
        keyword=None if context.kind is context.POSITIONAL_ONLY else context.name,
        before=parameters[:at] if context.kind in _POSITIONAL else None,
        others=parameters[:at] + parameters[at + 1 :],
        is_wrapped=is_wrapped,
    )


def positional_parameters(parameters: Iterable[inspect.Parameter]) -> list[inspect.Parameter]:
    """The parameters that take positional arguments, one each."""
    return [parameter for parameter in parameters if parameter.kind in _POSITIONAL]


def reached_parameters(
    parameters: Sequence[inspect.Parameter], unsendable: Collection[str], count: int, names: Collection[str]
) -> list[inspect.Parameter]:
    """The parameters that receive positional arguments through a decorator, in order.

    Args:
        parameters: the parameters of the decorated function, without its context.
        unsendable: the names of those for which no producer can send a value.
        count: how many positional arguments there are.
        names: the names of the keyword arguments.
    """
    positional = positional_parameters(parameters)
    needed = [p.name for p in positional if p.default is p.empty and p.name not in names]
    added = len(needed) - count
    if added <= 0:
        return positional
    candidates = [name for name in needed if name in unsendable]
    by_decorator = candidates if len(candidates) == added else needed[:added]
    return [p for p in positional if p.name not in by_decorator]
