"""HTTP connections that cannot be kept for nothing: uvicorn's protocol with limits of time and number.

uvicorn itself only ends connections that are idle between two requests. `monarq web` and the ports of `monarq worker`
also end those whose request does not come to its end and those whose reader has stopped reading, and take a bounded
number. Imported only where something is served, as it needs uvicorn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_S: Final = 10.0
"""How long a request may take to arrive, head and body, from its connection or its first byte on."""

READ_S: Final = 60.0
"""How long a reader may take nothing of an answer that is ready for it."""

MOST_OF_ADDRESS: Final = 128
"""Open connections of one address; a proxy's are all of one."""

MOST: Final = 512
"""Open connections of all addresses together."""


class LimitedProtocol(H11Protocol):
    """HTTP/1.1 over one connection, which is closed where it is kept open for nothing.

    Where there are too many, the one that has been without a request for longest makes room for a new one, so that
    nobody is kept out by connections on which nothing happens.

    Attributes:
        waiting_since_s: when it was opened or last had an answer, by the loop's clock.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        """See uvicorn."""
        super().__init__(*args, **options)
        self._request_deadline = _Deadline(REQUEST_S, self._give_up)
        self._read_deadline = _Deadline(READ_S, self._give_up)
        self.waiting_since_s = self.loop.time()

    @property
    def awaits_request(self) -> bool:
        """Whether no request has arrived whole that is not answered."""
        return self.conn.their_state in {h11.IDLE, h11.SEND_BODY}

    @property
    def is_open(self) -> bool:
        """Whether it is still of use: one that was aborted is on uvicorn's list until the loop turns."""
        return not self.transport.is_closing()

    @property
    def address(self) -> str:
        """The other end; '' where that has no address."""
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
        """See uvicorn, which gives an idle connection a limit of its own until data comes."""
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
            # Each byte must not give it more time, or a byte a second would keep it for ever.
            self._request_deadline.start()
        else:
            self._request_deadline.stop()

    def _give_up(self) -> None:
        # Closing would wait until the other side has read what is left for it.
        self.transport.abort()

    def _make_room(self) -> None:
        everybody = [each for each in self.connections if isinstance(each, LimitedProtocol) and each.is_open]
        neighbours = [each for each in everybody if each.address == self.address]
        if len(neighbours) > MOST_OF_ADDRESS:
            _close_longest_waiting(neighbours)
        elif len(everybody) > MOST:
            _close_longest_waiting(everybody)


def _close_longest_waiting(connections: list[LimitedProtocol]) -> None:
    waiting = [each for each in connections if each.awaits_request]
    min(waiting, key=lambda each: each.waiting_since_s).transport.abort()


class _Deadline:
    """Closes a connection when its time is over.

    Args:
        seconds: from `start` on.
        close: closes it.
    """

    def __init__(self, seconds: float, close: Callable[[], None]) -> None:
        self._seconds = seconds
        self._close = close
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Starts it; one that runs gets no more time."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._close)

    def stop(self) -> None:
        """Stops it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
