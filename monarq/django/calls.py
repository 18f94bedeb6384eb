"""The calls of tasks: whether their functions accept the arguments, which Django itself does not check."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from monarq.shared.errors import ArgumentsError


@lru_cache
def _signature_of(function: Callable[..., Any], takes_context: bool) -> inspect.Signature:
    found = inspect.signature(function)
    parameters = list(found.parameters.values())
    if takes_context and parameters and parameters[0].kind is not inspect.Parameter.VAR_POSITIONAL:
        del parameters[0]
    return found.replace(parameters=parameters)


def call_signature(task: Any) -> inspect.Signature:
    """What a task is enqueued with: the parameters of its function, without its context."""
    return _signature_of(task.func, task.takes_context)


def check_call(task: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Checks that a task can be enqueued with these arguments.

    Raises:
        ArgumentsError: its function does not take this number or these names of arguments; the message names the task.
    """
    accepts = call_signature(task)
    try:
        accepts.bind(*args, **kwargs)
    except TypeError as error:
        raise ArgumentsError(f"{task.module_path}{accepts}: {error}") from None
