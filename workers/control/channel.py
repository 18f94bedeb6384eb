"""The control channel: a socket pair between the supervisor and one worker process.

Whichever side dies, the other one reads the end of the stream. See `monarq.workers.control.messages` for what is said.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Final

import msgspec

from monarq.workers.control.messages import Beat, FromWorker, ToWorker

READ_BYTES: Final = 65_536
LONGEST_LINE: Final = 1_048_576


class ChannelError(Exception):
    """What came in is no message: something else wrote into the channel."""


class Inbox:
    """Puts bytes together to lines."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def take_lines(self, data: bytes) -> Iterator[bytes]:
        """The lines that these bytes complete.

        Raises:
            ChannelError: a line is longer than any message.
        """
        self._bytes += data
        while (end := self._bytes.find(b"\n")) >= 0:
            line = bytes(self._bytes[:end])
            del self._bytes[: end + 1]
            yield line
        if len(self._bytes) > LONGEST_LINE:
            raise ChannelError("a line without end")


def to_line(message: ToWorker | FromWorker) -> bytes:
    """A message as it travels."""
    return msgspec.json.encode(message) + b"\n"


class SupervisorEnd:
    """The supervisor's end: it never waits."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._inbox = Inbox()

    def fileno(self) -> int:
        """For the event loop."""
        return self._socket.fileno()

    def send(self, message: ToWorker) -> None:
        """Sends it; to a worker that is gone, or reads nothing for long, it is lost, and signals remain."""
        try:
            self._socket.sendall(to_line(message))
        except OSError:
            return

    def receive(self) -> list[FromWorker] | None:
        """What has come in since; None at the end of the stream.

        Raises:
            ChannelError: it is no message.
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
            return [msgspec.json.decode(line, type=FromWorker) for line in self._inbox.take_lines(data)]
        except msgspec.DecodeError as error:
            raise ChannelError(str(error)) from error

    def close(self) -> None:
        """To the worker this means that its supervisor is gone."""
        self._socket.close()


class WorkerEnd:
    """The worker's end: a thread waits for messages; sending never waits, as the event loop does it."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(True)
        connection.set_inheritable(False)
        self._socket = connection
        self._inbox = Inbox()
        self._unsent = b""

    def send(self, message: FromWorker) -> None:
        """Sends it, as far as there is room: a supervisor that is stopped for an hour must not stop us."""
        if not self._unsent or not isinstance(message, Beat):
            self._unsent += to_line(message)
        try:
            sent = self._socket.send(self._unsent, socket.MSG_DONTWAIT)
        except OSError:
            return
        self._unsent = self._unsent[sent:]

    def filenos(self) -> tuple[int]:
        """Its descriptor: see `monarq.workers.system.forks`."""
        return (self._socket.fileno(),)

    def messages(self) -> Iterator[ToWorker]:
        """Waits for each message; ends when the supervisor is gone."""
        while data := self._read():
            for line in self._inbox.take_lines(data):
                yield msgspec.json.decode(line, type=ToWorker)

    def _read(self) -> bytes:
        try:
            return self._socket.recv(READ_BYTES)
        except OSError:
            return b""
