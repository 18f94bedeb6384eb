"""Unknown options: the error suggests the option that may be meant."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from monarq.shared.similar_names import suggestion

P = ParamSpec("P")
R = TypeVar("R")

_ELSEWHERE: Final = {
    "autoretry_for": "retry_on",
    "countdown": "defer_by",
    "delay": "defer_by",
    "eta": "defer_until",
    "id": "job_id",
    "max_retries": "retry",
    "mem_limit": "memory",
    "queue_name": "queue",
    "result_ttl": "keep_result",
    "retries": "retry",
    "run_at": "defer_until",
    "task_id": "job_id",
    "time_limit": "timeout",
    "ttl": "expires",
}
"""The names of options in other libraries, and the names they have here."""


def with_advice(function: Callable[P, R]) -> Callable[P, R]:
    """Makes the function's TypeError for an unknown keyword suggest a known one. Correct calls cost nothing more."""
    kinds = inspect.signature(function).parameters.values()
    known = {parameter.name for parameter in kinds if parameter.kind is inspect.Parameter.KEYWORD_ONLY}

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except TypeError:
            unknown = sorted(kwargs.keys() - known)
            if not unknown:
                raise
        raise TypeError(_text(function.__name__, unknown, known))

    return call


def _text(name: str, unknown: Iterable[str], known: Collection[str]) -> str:
    return "; ".join(f"{name}() has no option {each!r}{_advice(each, known)}" for each in unknown)


def _advice(name: str, known: Collection[str]) -> str:
    meant = _ELSEWHERE.get(name.strip("_"), name)
    return suggestion(meant if meant in known else name, known) or f"; the options are {', '.join(sorted(known))}"
