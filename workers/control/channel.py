"""The control channel: a socket pair between the supervisor and one worker process, and what is said on it.

One JSON object a line. The supervisor begins with `Start`; the worker answers with `Ready` or `Refused`, gives a
`Beat` each second from its event loop, and says `Ended` when everything is handed back. The channel is private, so
what is secret may travel on it. Whichever side dies, the other one reads the end of the stream.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from monarq.workers.config.spec import WorkerSpec
from monarq.workers.control.heartbeat import Pulse

READ_BYTES: Final = 65_536
LONGEST_LINE: Final = 1_048_576

EndReason = Literal["drained", "burst"]


class Start(msgspec.Struct, tag="start", frozen=True):
    """Supervisor to worker, first of all.

    Attributes:
        spec: what to run.
        sys_path: the supervisor's import path, which is to be the worker's.
        python_path: the PYTHONPATH that the worker's own children should see; None for none.
    """

    spec: WorkerSpec
    sys_path: list[str]
    python_path: str | None


class Drain(msgspec.Struct, tag="drain", frozen=True):
    """Supervisor to worker, beside SIGTERM, whose handler a job may have replaced: end your jobs, and then end."""


class HandBack(msgspec.Struct, tag="hand_back", frozen=True):
    """Supervisor to worker: give the running jobs back now."""


class Rest(msgspec.Struct, tag="rest", frozen=True):
    """Supervisor to worker: take no new job; those that run may go on for as long as they need."""


class Repair(msgspec.Struct, tag="repair", frozen=True):
    """Supervisor to worker, where the supervisor has no URL of the Redis: give back what a dead worker held.

    Attributes:
        dead: what it said when it was ready.
        what: what happened to it, in a few words.
    """

    dead: Ready
    what: str


class Ready(msgspec.Struct, tag="ready", frozen=True):
    """Worker to supervisor: it takes jobs from now on.

    Attributes:
        worker_id: its id in Redis.
        queues: what it serves.
        lease_s: how long its jobs stay its own without a renewal.
        grace_s: how long it lets jobs run on when it is to stop.
        redis_url: where its jobs are; None where its Redis has no URL.
        one_process: whether its pool must have no other worker.
    """

    worker_id: str
    queues: list[str]
    lease_s: float
    grace_s: float
    redis_url: str | None = None
    one_process: bool = False

    def __repr__(self) -> str:
        return f"Ready({self.worker_id})"  # the URL may hold a password


class Refused(msgspec.Struct, tag="refused", frozen=True):
    """Worker to supervisor: it cannot start; the message is for the user."""

    message: str


class Beat(msgspec.Struct, tag="beat", frozen=True):
    """Worker to supervisor: its event loop turns.

    Attributes:
        pulse: how it stands.
    """

    pulse: Pulse = Pulse()


class Ended(msgspec.Struct, tag="ended", frozen=True):
    """Worker to supervisor: every job has ended or is handed back, and the process is about to exit.

    Attributes:
        reason: why it ends.
        cut_short: whether runs were stopped before their end: what they have started must not be at work any longer.
        failed: whether what it does after its last job, the user's hook, has raised.
    """

    reason: EndReason
    cut_short: bool = False
    failed: bool = False


ToWorker = Start | Drain | HandBack | Rest | Repair
FromWorker = Ready | Refused | Beat | Ended


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
