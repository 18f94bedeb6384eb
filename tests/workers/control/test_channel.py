"""The control channel: messages of both directions, however their bytes arrive, and what ends the channel."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from monarq.shared.protocol.queue_ref import QueueRef
from monarq.workers.config.spec import WorkerSpec
from monarq.workers.control import channel
from monarq.workers.control.channel import ChannelError, LineBuffer, SupervisorEnd, WorkerEnd, to_line
from monarq.workers.control.heartbeat import Heartbeat, IdleTime
from monarq.workers.control.messages import (
    Drain,
    Exiting,
    FromWorker,
    HandBack,
    Importing,
    Ready,
    Recover,
    Start,
    StartFailed,
    StopClaiming,
    ToWorker,
)

SPEC = WorkerSpec(
    "app",
    "redis://localhost",
    {"concurrency": 5, "queues": ["a"]},
    project={"lease": "20s"},
    index=2,
    verbosity=1,
    log_format="json",
    loaders=("a:B",),
)
READY = Ready("w1", [QueueRef("a", "arq"), QueueRef("b", "native")], 15.0, 20.0, "redis://localhost:1")
TO_WORKER: list[ToWorker] = [
    Start(SPEC, ["", "/lib"], "/lib"),
    Drain(),
    HandBack(),
    StopClaiming(),
    Recover(READY, "killed by SIGKILL"),
]
FROM_WORKER: list[FromWorker] = [
    READY,
    Importing("app (/app.py, line 3)"),
    StartFailed("the flux is 0"),
    Heartbeat(
        running=3,
        lag_s=0.2,
        renewed_s=1.0,
        idle=[IdleTime(QueueRef("a", "arq"), "cpu", 4.0)],
        started=9,
        abandoned_threads=1,
    ),
    Exiting("burst", interrupted_runs=True, failed=True),
]


@pytest.fixture
def ends() -> Iterator[tuple[SupervisorEnd, WorkerEnd]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield SupervisorEnd(ours), WorkerEnd(theirs)


def test_all_messages_arrive_as_they_were_sent(ends: tuple[SupervisorEnd, WorkerEnd]) -> None:
    supervisor, worker = ends
    for order in TO_WORKER:
        supervisor.send(order)
    messages = worker.messages()
    assert [next(messages) for _ in TO_WORKER] == TO_WORKER
    for message in FROM_WORKER:
        worker.send(message)
    assert supervisor.receive() == FROM_WORKER
    assert supervisor.receive() == []


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_lines_are_joined_from_pieces(size: int) -> None:
    data = b"".join(map(to_line, FROM_WORKER))
    buffer = LineBuffer()
    lines = [line for at in range(0, len(data), size) for line in buffer.lines(data[at : at + size])]
    assert [line + b"\n" for line in lines] == list(map(to_line, FROM_WORKER))


@pytest.mark.parametrize(
    "written", [b"hello\n", b'{"type":"unknown"}\n', b"x" * 50], ids=["text", "unknown message", "no line end"]
)
def test_what_is_no_message_breaks_the_channel(monkeypatch: pytest.MonkeyPatch, written: bytes) -> None:
    monkeypatch.setattr(channel, "MAX_LINE_BYTES", 40)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(written)
        with pytest.raises(ChannelError):
            SupervisorEnd(ours).receive()


def test_each_end_sees_that_the_other_is_gone(ends: tuple[SupervisorEnd, WorkerEnd]) -> None:
    supervisor, worker = ends
    worker._socket.close()
    assert supervisor.receive() is None
    supervisor.send(Drain())  # nobody reads it, and that is no error

    ours, theirs = socket.socketpair()
    with theirs:
        SupervisorEnd(ours).close()
        assert list(WorkerEnd(theirs).messages()) == []


def test_a_worker_whose_supervisor_does_not_read_drops_heartbeats_and_nothing_else(
    ends: tuple[SupervisorEnd, WorkerEnd],
) -> None:
    supervisor, worker = ends
    sent = 0
    while not worker._unsent:
        worker.send(Heartbeat(started=sent))
        sent += 1
    worker.send(Heartbeat(started=-1))
    worker.send(Exiting("drained"))
    received: list[FromWorker] = []
    while not any(isinstance(message, Exiting) for message in received):
        received += supervisor.receive() or []
        worker.send(Heartbeat(started=-2))
    heartbeats = [message.started for message in received if isinstance(message, Heartbeat)]
    assert [started for started in heartbeats if started >= 0] == list(range(sent))
    assert -1 not in heartbeats
