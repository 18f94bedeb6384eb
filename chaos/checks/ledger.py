"""The ledger: what really happened, written where no fault reaches.

Enqueuers, jobs and the driver note every event in append-only files of their own, one write a line, never over the
network. The checker uses these files and nothing else to decide what was lost or run twice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

DIRECTORY_VARIABLE: Final = "CHAOS_LEDGER"
"""Environment variable that has the directory of the ledger files, for the processes of a scenario."""

# What enqueuers note: the call returned, its outcome is unknown, it raised that nothing was enqueued, it said nothing.
ACKED: Final = "enqueue-ack"
UNKNOWN: Final = "enqueue-unknown"
REFUSED: Final = "enqueue-refused"
SILENT: Final = "enqueue-silent"
# What jobs note: the run began, returned, raised or was cancelled.
START: Final = "start"
FINISH: Final = "finish"
RAISED: Final = "raised"
CANCELLED: Final = "cancelled"
# What the driver notes: a worker was killed, found dead, or frozen; Redis is gone or back.
KILL: Final = "kill"
FAULT: Final = "fault"
HEAL: Final = "heal"


class Event(msgspec.Struct, array_like=True, frozen=True):
    """One line of a ledger.

    Attributes:
        what: which event.
        mono_ns: the machine's monotonic clock, one for all its processes.
        wall_ns: unix time.
        job_id: the job, "" for none.
        job_try: the try, from 1; 0 for none.
        run: which run of the job: process id and a number; "" for none.
        pid: the process meant: the writer, or the victim of a kill.
        note: anything else, such as which fault, or whether a job's worker is monarq's or arq's.
    """

    what: str
    mono_ns: int
    wall_ns: int
    job_id: str = ""
    job_try: int = 0
    run: str = ""
    pid: int = 0
    note: str = ""


class Ledger:
    """Appends to one file, which belongs to one process."""

    def __init__(self, directory: Path, role: str) -> None:
        path = directory / f"{role}-{os.getpid()}.jsonl"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._pid = os.getpid()

    def note(
        self, what: str, job_id: str = "", *, job_try: int = 0, run: str = "", pid: int = 0, note: str = ""
    ) -> Event:
        """Writes an event down; when it returns, killing the process cannot take it back."""
        event = Event(what, time.monotonic_ns(), time.time_ns(), job_id, job_try, run, pid or self._pid, note)
        os.write(self._file, msgspec.json.encode(event) + b"\n")
        return event


def read_ledger(directory: Path) -> list[Event]:
    """All events of a scenario, in the order in which they happened."""
    return sorted(_read_files(directory), key=lambda event: event.mono_ns)


def _read_files(directory: Path) -> Iterator[Event]:
    decoder = msgspec.json.Decoder(Event)
    for path in sorted(directory.glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            yield decoder.decode(line)


def count_events(directory: Path, role: str) -> int:
    """How many events the processes of a role have noted up to now, at far less cost than reading them."""
    return sum(path.read_bytes().count(b"\n") for path in directory.glob(f"{role}-*.jsonl"))


def has_written(directory: Path, role: str, pid: int) -> bool:
    """Whether the process has noted anything yet."""
    return (directory / f"{role}-{pid}.jsonl").exists()
