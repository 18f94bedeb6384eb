"""The errors of the cpu lane: their texts, which of them are crashes, and that they are the same after pickling."""

from __future__ import annotations

import pickle
from typing import Final

import pytest

from monarq.shared.errors import JobFailedError, PayloadError
from monarq.workers.runs.cpu_errors import (
    CpuJobDied,
    CpuJobError,
    CpuJobStopped,
    CpuLaneError,
    CpuMemoryExceeded,
    CpuPickleError,
    CpuStartError,
    CpuUnreachableError,
    in_mb,
)

MB: Final = 1 << 20
BY_OOM: Final = "its process was killed by SIGKILL, which the kernel's out-of-memory killer also sends"

TEXTS: Final[list[tuple[Exception, str]]] = [
    (
        CpuUnreachableError("app", "f.<locals>.g"),
        (
            "f.<locals>.g of module 'app' cannot be reached from the CPU child process: "
            "define it at the top level of a module that can be imported, not in the script that is run"
        ),
    ),
    (CpuStartError("no memory"), "the CPU child process could not start: no memory"),
    (
        CpuPickleError("f", "result", "a lock"),
        (
            "the result of f cannot be pickled between the worker and its CPU child (a lock): "
            "pass plain data such as numbers, strings, bytes, lists, dicts, ids or file paths"
        ),
    ),
    (CpuJobError("app.OwnError", "no", "Traceback"), "app.OwnError: no"),
    (CpuJobError("SystemExit", "", "Traceback"), "SystemExit"),
    (CpuJobDied("f", 3, None, None), "f died: its process exited with code 3 before the function returned"),
    (CpuJobDied("f", 0, None, None), "f died: its process exited with code 0 before the function returned"),
    (CpuJobDied("f", None, "SIGSEGV", None), "f died: its process was killed by SIGSEGV"),
    (CpuJobDied("f", None, "SIGKILL", 3 * MB), f"f died: {BY_OOM} (peak memory 3.0 MB)"),
    (CpuJobDied("f", None, None, None), "f died: its process ended before the function returned"),
    (CpuJobDied("f", None, "SIGKILL", MB, "it closed its socket"), "f died: it closed its socket (peak memory 1.0 MB)"),
    (CpuJobStopped("f", None, "SIGTERM", None), "f died: its process was killed by SIGTERM"),
    (
        CpuMemoryExceeded("f", 100 * MB, 120 * MB, 130 * MB),
        "f died: it exceeded its memory limit of 100.0 MB (120.0 MB resident) and was killed (peak memory 130.0 MB)",
    ),
]


@pytest.mark.parametrize(
    ("error", "text"), TEXTS, ids=[f"{type(error).__name__} {at}" for at, (error, _) in enumerate(TEXTS)]
)
def test_its_text_and_facts_survive_pickling(error: Exception, text: str) -> None:
    assert str(error) == text
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), copy.args, vars(copy)) == (text, error.args, vars(error))


def test_a_peak_that_is_an_upper_bound_is_called_so() -> None:
    died = CpuJobDied("f", 1, None, 2 * MB)
    died.peak_is_bound = True
    assert died.how == "its process exited with code 1 before the function returned (peak memory at most 2.0 MB)"
    assert pickle.loads(pickle.dumps(died)).how == died.how


@pytest.mark.parametrize(
    ("error", "is_crash"),
    [
        (CpuJobDied("f", None, "SIGSEGV", None), True),
        (CpuJobStopped("f", None, "SIGKILL", None), False),
        (CpuMemoryExceeded("f", MB, MB, None), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_a_process_that_its_worker_did_not_end_has_crashed(error: CpuJobDied, is_crash: bool) -> None:
    assert error.is_crash is is_crash


def test_who_waits_for_a_result_can_tell_kinds_apart() -> None:
    assert issubclass(CpuPickleError, PayloadError)
    assert issubclass(CpuJobError, JobFailedError)
    assert not issubclass(CpuJobError, CpuLaneError), "it is the job's own failure, not the lane's"


@pytest.mark.parametrize(("count_bytes", "text"), [(0, "0.0 MB"), (MB * 25 // 2, "12.5 MB"), (2048 * MB, "2,048.0 MB")])
def test_memory_as_people_read_it(count_bytes: int, text: str) -> None:
    assert in_mb(count_bytes) == text
