"""Methods that producers do not have: the error suggests the one that may be meant."""

from __future__ import annotations

from typing import Final

from monarq.shared.similar_names import suggestion

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
    meant = {name: _ELSEWHERE[name]} if name in _ELSEWHERE else {each: each for each in known}
    advice = "" if name.startswith("_") else suggestion(name, meant, form=meant.__getitem__)
    text = f"{type(producer).__name__!r} object has no attribute {name!r}{advice}"
    # With the object, Python adds a suggestion of its own; without a name, it adds the object.
    return AttributeError(text, name=name, obj=None if advice else producer)
