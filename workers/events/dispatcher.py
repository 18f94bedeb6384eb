"""The event dispatcher: the parts of a worker call its methods, and it passes each event on to the listeners.

Listeners are monarq's log (`monarq.workers.reporting.worker_log`) or arq's, the traces, and the user's own listeners,
which get public values.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from monarq.workers.events.events import EVENTS, WorkerEvents
from monarq.workers.events.listener import Listener
from monarq.workers.events.public_events import public_method


class Dispatcher(WorkerEvents):
    """Passes each event on to the listeners that override its method, in the order in which they were added.

    The overridden methods are looked up when a listener is added, so that an event without a listener costs one empty
    call.
    """

    def __init__(self, *listeners: WorkerEvents | Listener) -> None:
        self._listeners: list[WorkerEvents | Listener] = []
        for listener in listeners:
            self.add(listener)

    def add(self, listener: WorkerEvents | Listener) -> None:
        """Adds a listener, which gets the events from now on."""
        self._listeners.append(listener)
        self._bind()

    def remove(self, listener: WorkerEvents | Listener) -> None:
        """Removes a listener, which gets no more events."""
        self._listeners.remove(listener)
        self._bind()

    def _bind(self) -> None:
        for event in EVENTS:
            handlers = [
                _Handler(f"{type(listener).__name__}.{found[0]}", found[1], self).handle
                for listener in self._listeners
                if (found := _method_of(listener, event)) is not None
            ]
            if handlers:
                setattr(self, event, handlers[0] if len(handlers) == 1 else functools.partial(_call_all, handlers))
            else:
                vars(self).pop(event, None)


class _Handler:
    """One method of a listener: its exceptions are reported as `listener_failed` and do not propagate."""

    def __init__(self, name: str, method: Callable[..., None], events: Dispatcher) -> None:
        self._method = method
        self._name = name
        self._events = events
        self._is_failing = False

    def handle(self, *args: object) -> None:
        """Calls the listener."""
        try:
            self._method(*args)
        except BaseException as error:  # noqa: BLE001 - user code, called while a job's outcome is recorded
            if not self._is_failing:
                # Set first, since listener_failed itself may raise.
                self._is_failing = True
                self._events.listener_failed(self._name, error)
        else:
            self._is_failing = False


def _call_all(handlers: Iterable[Callable[..., None]], *args: object) -> None:
    for handler in handlers:
        handler(*args)


def _method_of(listener: WorkerEvents | Listener, event: str) -> tuple[str, Callable[..., None]] | None:
    """The listener's method for an event, and its name; None if it does not override it."""
    if isinstance(listener, Listener):
        return public_method(listener, event)
    if getattr(type(listener), event) is getattr(WorkerEvents, event):
        return None
    return event, getattr(listener, event)
