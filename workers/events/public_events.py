"""Maps a worker's events to the methods of users' listeners, with public values instead of internal ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from monarq.shared.payloads.payload import Payload
from monarq.shared.protocol.acks import Ack, Crash
from monarq.shared.protocol.lease import Lease
from monarq.workers.events.listener import PUBLIC_EVENTS, Listener
from monarq.workers.runs.public_run import public_run, unstarted_run
from monarq.workers.runs.run import ActiveRun

Method = Callable[..., None]


def public_method(listener: Listener, event: str) -> tuple[str, Method] | None:
    """The method of a listener for one of a worker's events, and its name; None if the listener has none.

    Args:
        listener: the user's.
        event: a name in `monarq.workers.events.events.EVENTS`.
    """
    name, adapt = _ADAPTED.get(event, (event, None))
    if name not in PUBLIC_EVENTS or getattr(type(listener), name) is getattr(Listener, name):
        return None
    method: Method = getattr(listener, name)
    return name, method if adapt is None else adapt(method)


def _of_run(method: Method) -> Method:
    def call(run: ActiveRun, *rest: Any) -> None:
        method(public_run(run), *rest)

    return call


def _rejected(method: Method) -> Method:
    def call(lease: Lease, name: str, error: BaseException, enqueue_ms: int, payload: Payload | None = None) -> None:
        method(unstarted_run(lease, name, enqueue_ms, payload), error)

    return call


def _unstarted(method: Method) -> Method:
    def call(lease: Lease, name: str, enqueue_ms: int = 0, payload: Payload | None = None) -> None:
        method(unstarted_run(lease, name, enqueue_ms, payload))

    return call


def _refused(method: Method) -> Method:
    def call(refused: Sequence[Ack]) -> None:
        for ack in refused:
            method(unstarted_run(ack.lease, "" if isinstance(ack, Crash) else ack.name))

    return call


_ADAPTED: Final[dict[str, tuple[str, Callable[[Method], Method]]]] = {
    **{
        f"job_{end}": (f"job_{end}", _of_run)
        for end in ("started", "succeeded", "failed", "retried", "crashed", "cancelled", "handed_back", "lost")
    },
    "result_not_serialized": ("job_failed", _of_run),
    "job_rejected": ("job_rejected", _rejected),
    "job_unknown": ("job_unknown", _unstarted),
    "cancelled_before_start": ("job_cancelled", _unstarted),
    "ack_refused": ("job_lost", _refused),
    "hook_failed": ("middleware_failed", lambda method: method),
}
