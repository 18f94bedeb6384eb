"""The event dispatcher: the parts of a worker call its methods, and it passes each event on to the listeners.

Listeners are monarq's log (`monarq.workers.reporting.worker_log`) or arq's, the traces, and the user's own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from monarq.workers.events.listener import EVENTS, Listener


class Dispatcher(Listener):
    """What a worker's parts tell events to: it passes each on to those listeners that override it, in their order.

    That is settled when a listener is added, so that an event nobody listens to costs the call of an empty method.
    """

    def __init__(self, *listeners: Listener) -> None:
        self._listeners: list[Listener] = []
        for listener in listeners:
            self.add(listener)

    def add(self, listener: Listener) -> None:
        """Lets one more listener hear of what happens from now on."""
        self._listeners.append(listener)
        self._bind()

    def remove(self, listener: Listener) -> None:
        """Lets it hear of nothing more."""
        self._listeners.remove(listener)
        self._bind()

    def _bind(self) -> None:
        for event in EVENTS:
            tells = [
                _Handler(listener, event, self).tell for listener in self._listeners if _overrides(listener, event)
            ]
            if tells:
                setattr(self, event, tells[0] if len(tells) == 1 else functools.partial(_tell_all, tells))
            else:
                vars(self).pop(event, None)


class _Handler:
    """One listener's method, called so that nothing it raises gets out."""

    def __init__(self, listener: Listener, event: str, events: Dispatcher) -> None:
        self._method: Callable[..., None] = getattr(listener, event)
        self._name = f"{type(listener).__name__}.{event}"
        self._events = events
        self._is_failing = False

    def tell(self, *told: object) -> None:
        """Tells the listener."""
        try:
            self._method(*told)
        except BaseException as error:  # noqa: BLE001 - a user's code, in the midst of settling a job
            if not self._is_failing:
                # Set first: it may be listener_failed itself that raises.
                self._is_failing = True
                self._events.listener_failed(self._name, error)
        else:
            self._is_failing = False


def _tell_all(tells: Iterable[Callable[..., None]], *told: object) -> None:
    for tell in tells:
        tell(*told)


def _overrides(listener: Listener, event: str) -> bool:
    return getattr(type(listener), event) is not getattr(Listener, event)
