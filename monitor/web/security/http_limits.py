"""HTTP limits: uvicorn's protocol with timeouts for slow requests and slow readers, and a limit on connections.

uvicorn itself only closes connections that are idle between two requests. `monarq web` and the ports of `monarq worker`
also close those whose request does not arrive completely and those whose client stops reading, and limit their number.
Imported only if something is served, since it needs uvicorn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_S: Final = 10.0
"""How long a request, head and body, may take to arrive, counted from the connection or its first byte."""

READ_S: Final = 60.0
"""How long a client may read nothing of a pending response."""

MOST_OF_ADDRESS: Final = 128
"""The most open connections from one address; a proxy's connections all share one."""

MOST: Final = 512
"""The most open connections in total."""


class LimitedProtocol(H11Protocol):
    """HTTP/1.1 over one connection, which is closed at its limits.

    If there are too many connections, a new one replaces the one that has been without a request for longest, so that
    idle connections keep nobody out.

    Attributes:
        waiting_since_s: when it was opened or last sent a response, by the loop's clock.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        """See uvicorn."""
        super().__init__(*args, **options)
        self._request_deadline = _Deadline(REQUEST_S, self._abort)
        self._read_deadline = _Deadline(READ_S, self._abort)
        self.waiting_since_s = self.loop.time()

    @property
    def awaits_request(self) -> bool:
        """Whether it has no complete request to answer."""
        return self.conn.their_state in {h11.IDLE, h11.SEND_BODY}

    @property
    def is_open(self) -> bool:
        """Whether it is still open: an aborted one is on uvicorn's list until the next turn of the loop."""
        return not self.transport.is_closing()

    @property
    def address(self) -> str:
        """The client's address; '' if it has none."""
        return self.client[0] if self.client else ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See uvicorn."""
        super().connection_made(transport)
        self._watch_request()
        self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """See uvicorn."""
        super().connection_lost(exc)
        self._request_deadline.stop()
        self._read_deadline.stop()

    def data_received(self, data: bytes) -> None:
        """See uvicorn."""
        super().data_received(data)
        self._watch_request()

    def on_response_complete(self) -> None:
        """See uvicorn, which has its own limit for idle connections, until data arrives."""
        self.waiting_since_s = self.loop.time()
        super().on_response_complete()
        if self.conn.their_state is not h11.IDLE:
            self._watch_request()

    def pause_writing(self) -> None:
        """See uvicorn."""
        super().pause_writing()
        self._read_deadline.start()

    def resume_writing(self) -> None:
        """See uvicorn."""
        self._read_deadline.stop()
        super().resume_writing()

    def _watch_request(self) -> None:
        if self.awaits_request and self.is_open:
            # Not restarted by each byte: one byte a second would keep the connection open forever.
            self._request_deadline.start()
        else:
            self._request_deadline.stop()

    def _abort(self) -> None:
        # Closing normally would wait until the client has read the rest.
        self.transport.abort()

    def _make_room(self) -> None:
        open_connections = [each for each in self.connections if isinstance(each, LimitedProtocol) and each.is_open]
        of_address = [each for each in open_connections if each.address == self.address]
        if len(of_address) > MOST_OF_ADDRESS:
            _close_longest_waiting(of_address)
        elif len(open_connections) > MOST:
            _close_longest_waiting(open_connections)


def _close_longest_waiting(connections: list[LimitedProtocol]) -> None:
    waiting = [each for each in connections if each.awaits_request]
    min(waiting, key=lambda each: each.waiting_since_s).transport.abort()


class _Deadline:
    """A timeout of a connection.

    Args:
        seconds: its length, from `start` on.
        close: called when it has passed.
    """

    def __init__(self, seconds: float, close: Callable[[], None]) -> None:
        self._seconds = seconds
        self._close = close
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Starts it, unless it is already running."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._close)

    def stop(self) -> None:
        """Stops it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
