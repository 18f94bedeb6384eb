"""The control channel: a socket pair between the supervisor and one worker process.

When either side dies, the other one reads the end of the stream. `monarq.workers.control.messages` has the messages.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Final

import msgspec

from monarq.workers.control.heartbeat import Heartbeat
from monarq.workers.control.messages import FromWorker, ToWorker

READ_BYTES: Final = 65_536
MAX_LINE_BYTES: Final = 1_048_576


class ChannelError(Exception):
    """The received bytes are not a message: something else wrote into the channel."""


class LineBuffer:
    """Joins received bytes into lines."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def lines(self, data: bytes) -> Iterator[bytes]:
        """Adds these bytes and yields the lines that they complete.

        Raises:
            ChannelError: a line is longer than any message.
        """
        self._bytes += data
        while (end := self._bytes.find(b"\n")) >= 0:
            line = bytes(self._bytes[:end])
            del self._bytes[: end + 1]
            yield line
        if len(self._bytes) > MAX_LINE_BYTES:
            raise ChannelError("a line is too long")


def to_line(message: ToWorker | FromWorker) -> bytes:
    """A message as bytes on the channel."""
    return msgspec.json.encode(message) + b"\n"


class SupervisorEnd:
    """The supervisor's end, which never blocks."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._received = LineBuffer()

    def fileno(self) -> int:
        """For the event loop."""
        return self._socket.fileno()

    def send(self, message: ToWorker) -> None:
        """Sends a message; it is lost if the worker is gone or has read nothing for long: then signals remain."""
        try:
            self._socket.sendall(to_line(message))
        except OSError:
            return

    def receive(self) -> list[FromWorker] | None:
        """The messages received since the last call; None at the end of the stream.

        Raises:
            ChannelError: what was received is not a message.
        """
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        try:
            return [msgspec.json.decode(line, type=FromWorker) for line in self._received.lines(data)]
        except msgspec.DecodeError as error:
            raise ChannelError(str(error)) from error

    def close(self) -> None:
        """Closes the channel; the worker concludes that its supervisor is gone."""
        self._socket.close()


class WorkerEnd:
    """The worker's end: a thread waits for messages; sending never blocks, since it happens on the event loop."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(True)
        connection.set_inheritable(False)
        self._socket = connection
        self._received = LineBuffer()
        self._unsent = b""

    def send(self, message: FromWorker) -> None:
        """Sends a message if there is room: a supervisor that is suspended for an hour must not block us."""
        if not self._unsent or not isinstance(message, Heartbeat):
            self._unsent += to_line(message)
        try:
            sent = self._socket.send(self._unsent, socket.MSG_DONTWAIT)
        except OSError:
            return
        self._unsent = self._unsent[sent:]

    def filenos(self) -> tuple[int]:
        """Its descriptor; see `monarq.workers.system.forks`."""
        return (self._socket.fileno(),)

    def messages(self) -> Iterator[ToWorker]:
        """Waits for messages and yields them; ends when the supervisor is gone."""
        while data := self._read():
            for line in self._received.lines(data):
                yield msgspec.json.decode(line, type=ToWorker)

    def _read(self) -> bytes:
        try:
            return self._socket.recv(READ_BYTES)
        except OSError:
            return b""
