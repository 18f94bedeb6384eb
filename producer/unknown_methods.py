"""Methods that producers do not have: the error suggests the one that may be meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

_ELSEWHERE: Final = {
    "apply_async": "enqueue(job, ...)",
    "delay": "enqueue(job, ...)",
    "enqueue_call": "enqueue(job, ...)",
    "enqueue_in": "enqueue(job.options(defer_by=...), ...)",
    "enqueue_at": "enqueue(job.options(defer_until=...), ...)",
    "enqueue_job": "enqueue(job, ...)",
    "kiq": "enqueue(job, ...)",
    "publish": "enqueue(job, ...)",
    "push": "enqueue(job, ...)",
    "send": "enqueue(job, ...)",
    "send_task": "enqueue(name, ...)",
    "submit": "enqueue(job, ...)",
}
"""The methods of other libraries, and what to call here."""


def unknown_method(producer: object, name: str) -> AttributeError:
    """The error for an attribute that a producer does not have."""
    known = [each for each in dir(type(producer)) if not each.startswith("_")]
    near = [_ELSEWHERE[name]] if name in _ELSEWHERE else get_close_matches(name, known, n=1)
    kind = type(producer).__name__
    advice = f": did you mean {near[0]}?" if near and not name.startswith("_") else ""
    return AttributeError(f"{kind!r} object has no attribute {name!r}{advice}", name=name, obj=producer)
