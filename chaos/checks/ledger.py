"""The ledger: what really happened, recorded where no fault reaches.

Enqueuers, jobs and the driver record every event in append-only files of their own, with one write per line and never
over the network. The checker uses only these files to decide what was lost or ran twice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

DIRECTORY_VARIABLE: Final = "CHAOS_LEDGER"
"""The environment variable that names the ledger's directory for the processes of a scenario."""

# Recorded by enqueuers: the call returned, its outcome is unknown, it failed and enqueued nothing, it told nothing.
ACKED: Final = "enqueue-ack"
UNKNOWN: Final = "enqueue-unknown"
REFUSED: Final = "enqueue-refused"
SILENT: Final = "enqueue-silent"
# Recorded by jobs: the run began, returned, raised or was cancelled.
START: Final = "start"
FINISH: Final = "finish"
RAISED: Final = "raised"
CANCELLED: Final = "cancelled"
# Recorded by the driver: a worker was killed, found dead, or frozen; Redis is gone or back.
KILL: Final = "kill"
FAULT: Final = "fault"
HEAL: Final = "heal"


class Event(msgspec.Struct, array_like=True, frozen=True):
    """One line of a ledger.

    Attributes:
        what: the kind of event.
        mono_ns: the machine's monotonic clock, which all processes share.
        wall_ns: Unix time.
        job_id: the job's id; "" for none.
        job_try: the number of the try, from 1; 0 for none.
        run: the run of the job, as process id and a number; "" for none.
        pid: the process concerned: the writer, or the victim of a kill.
        note: anything else, such as the fault, or whether a worker is monarq's or arq's.
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
    """Appends to the file of one process."""

    def __init__(self, directory: Path, role: str) -> None:
        path = directory / f"{role}-{os.getpid()}.jsonl"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._pid = os.getpid()

    def note(
        self, what: str, job_id: str = "", *, job_try: int = 0, run: str = "", pid: int = 0, note: str = ""
    ) -> Event:
        """Records an event; once it returns, killing the process cannot undo it."""
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
    """How many events the processes of a role have recorded so far; far cheaper than reading them."""
    return sum(path.read_bytes().count(b"\n") for path in directory.glob(f"{role}-*.jsonl"))


def has_written(directory: Path, role: str, pid: int) -> bool:
    """Whether the process has recorded anything yet."""
    return (directory / f"{role}-{pid}.jsonl").exists()
