"""The number of the started call: what one map of the memory sets, another reads, also once that one is closed."""

from __future__ import annotations

import os

import pytest

from monarq.workers.lanes.started_call import StartedCall, open_shared_memory


def test_what_the_child_sets_the_worker_reads() -> None:
    fd = open_shared_memory()
    worker, child = StartedCall(fd), StartedCall(fd)
    os.close(fd)
    assert worker.get() == 0
    for number in (1, 2, 1 << 63):
        child.set(number)
        assert worker.get() == number
    child.set(7)
    worker.close()
    child.set(8)
    assert worker.get() == 7, "what it was when it was closed"


def test_the_memory_cannot_be_cut_off() -> None:
    fd = open_shared_memory()
    with pytest.raises(PermissionError):
        os.ftruncate(fd, 0)
    os.close(fd)
