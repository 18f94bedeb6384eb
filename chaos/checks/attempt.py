"""Records one run of a job in the ledger of the process that runs it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Final

from chaos.checks.ledger import CANCELLED, DIRECTORY_VARIABLE, FINISH, RAISED, START, Ledger

ROLE: Final = "worker"
_runs = count(1)


@contextmanager
def attempt(job_id: str, job_try: int, side: str = "monarq", note: str = "") -> Iterator[str]:
    """Records the start and the end of a run, and yields its name, which the job returns as its result.

    Args:
        job_id: the job.
        job_try: the number of the try, from 1.
        side: the kind of worker that runs it, "monarq" or "arq".
        note: anything else to record, such as the generation of a reused id.
    """
    ledger = worker_ledger(os.getpid())
    run = f"{os.getpid()}.{next(_runs)}"
    label = f"{side} {note}".strip()
    ledger.note(START, job_id, job_try=job_try, run=run, note=label)
    try:
        yield run
    except asyncio.CancelledError:
        ledger.note(CANCELLED, job_id, job_try=job_try, run=run, note=label)
        raise
    except BaseException:
        ledger.note(RAISED, job_id, job_try=job_try, run=run, note=label)
        raise
    ledger.note(FINISH, job_id, job_try=job_try, run=run, note=label)


@cache
def worker_ledger(pid: int) -> Ledger:  # noqa: ARG001 - each fork of the process gets a file of its own
    """The ledger of this process."""
    return Ledger(Path(os.environ[DIRECTORY_VARIABLE]), ROLE)
