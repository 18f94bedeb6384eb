"""The pool of an example script: its workers are ready when the block begins, and have ended when it is left."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import pytest

from monarq.examples.harness.pool import LocalPool, PoolError, count_workers
from tests.examples.marked_process import MarkedProcess

Start = Callable[..., MarkedProcess]

SCRIPT = """
import sys
from monarq.examples.harness.pool import LocalPool
with LocalPool("examples.jobs", workers=2) as pool:
    print("ready", pool.url, flush=True)
    if sys.argv[1] == "hold":
        sys.stdin.read()
print("left", flush=True)
sys.stdin.read()
"""


def test_its_workers_are_listed_when_it_has_started(pool: LocalPool) -> None:
    assert asyncio.run(count_workers(pool.url)) == pool.workers == 2


def test_what_is_set_for_other_workers_is_not_for_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONARQ_WORKER_QUEUES", "another")
    with LocalPool("examples.jobs", workers=1) as pool:
        assert asyncio.run(count_workers(pool.url)) == 1


@pytest.mark.timeout(15)  # it is told of it, and does not wait for what will not come
def test_workers_that_do_not_start_are_an_error_that_says_why() -> None:
    with pytest.raises(
        PoolError, match=r"(?s)the workers of examples.nothing do not start:.*examples has no 'nothing'"
    ):
        LocalPool("examples.nothing").__enter__()


def test_nothing_is_left_behind_the_block(start: Start) -> None:
    script = start("-c", SCRIPT, "leave")
    script.read_until("left")
    assert len(script.leftovers()) == 1  # the script itself


def test_nothing_is_left_when_the_script_is_killed(start: Start) -> None:
    script = start("-c", SCRIPT, "hold")
    script.read_until("ready")
    assert len(script.living()) > 4  # the script, two watchdogs, Redis, the supervisor, its workers
    script.process.send_signal(signal.SIGKILL)
    assert script.leftovers(within_s=15) == []
