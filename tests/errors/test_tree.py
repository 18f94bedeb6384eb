"""The tree of exceptions: each is public, and survives pickle, copy and its way in a result with its attributes."""

from __future__ import annotations

import copy
import pickle
import sys
import traceback
from collections.abc import Iterator
from typing import Any, Final

import pytest

import monarq
import monarq.embedded
from monarq.arq.client import arq_redis, pool
from monarq.arq.settings import reader
from monarq.embedded import address
from monarq.shared import errors
from monarq.shared.errors import MonarqError, StandInError
from monarq.shared.jobs.cron_schedule import ScheduleError
from monarq.shared.payloads.codec import MSGPACK
from monarq.shared.set_module import defining_module
from monarq.workers.runs import cpu_errors

MADE: Final[dict[str, tuple[Any, ...]]] = {
    "PayloadTooLargeError": ("resize", 9_000_000, 8_000_000),
    "ResultTooLargeError": ("resize", 9_000_000, 8_000_000),
    "EnqueueUnknownError": (["a", "b"], "timeout"),
    "PartlyEnqueuedError": (OSError("away"), ["a"], [(1, "b")], 3),
    "ResultNotFoundError": ("a", "other"),
    "ResultTimeoutError": ("a", 2.5),
    "JobCancelledError": ("it was cancelled", "user is gone"),
    "JobFailedError": ("ValueError: no", "ValueError", "Traceback ..."),
    "ProducerClosedError": (),
    "StandInError": ("SystemExit: 3", "SystemExit", "Traceback ..."),
    "ScheduleError": ("* * *", "three fields"),
    "CpuUnreachableError": ("jobs", "add"),
    "CpuPickleError": ("add", "result", "a lock"),
    "CpuJobError": ("ValueError", "no", "Traceback ..."),
    "CpuJobDied": ("add", None, "SIGSEGV", 5, "over its limit"),
    "CpuJobStopped": ("add", None, "SIGKILL", 5),
    "CpuMemoryExceeded": ("add", 5, 6, 7),
    "PoolEnqueueUnknownError": (errors.EnqueueUnknownError(["a"], "timeout"),),
}
"""What each is made with; the rest takes a text."""


def classes(kind: type[MonarqError] = MonarqError) -> Iterator[type[MonarqError]]:
    yield kind
    for inner in kind.__subclasses__():
        yield from classes(inner)


TREE: Final = sorted(
    {kind for kind in classes() if kind.__module__.partition(".")[0] == "monarq"}, key=lambda kind: kind.__name__
)
LOADED: Final = (ScheduleError, arq_redis, pool, reader, address, cpu_errors)
"""What has classes of its own is loaded by now, so that the tree is whole."""


def make(kind: type[MonarqError]) -> MonarqError:
    error = kind(*MADE.get(kind.__name__, ("what happened",)))
    error.add_note("and a note")
    return error


def facts(error: BaseException) -> tuple[Any, ...]:
    return type(error), str(error), repr(error.args), repr(vars(error))


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_an_error_survives_pickle_and_copy_with_its_attributes(kind: type[MonarqError]) -> None:
    error = make(kind)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert facts(pickle.loads(pickle.dumps(error, protocol))) == facts(error)
    assert facts(copy.copy(error)) == facts(copy.deepcopy(error)) == facts(error)


@pytest.mark.parametrize(
    "kind", [kind for kind in TREE if not issubclass(kind, StandInError)], ids=lambda kind: kind.__name__
)
def test_an_error_survives_its_way_in_a_result(kind: type[MonarqError]) -> None:
    error = make(kind)
    arrived = MSGPACK.loads(MSGPACK.dumps({"r": error}))["r"]
    if kind.__name__ == "PartlyEnqueuedError":  # its cause is another exception
        assert str(error) in str(arrived)
    else:
        assert facts(arrived) == facts(error)


def test_every_error_of_the_tree_is_public() -> None:
    of_the_tree = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, MonarqError) and kind is not StandInError
    }
    assert of_the_tree <= set(monarq.__all__)
    assert all(getattr(monarq, name) is getattr(errors, name) for name in of_the_tree)


PUBLIC: Final = [
    kind
    for module in (monarq, monarq.embedded)
    for kind in [getattr(module, name) for name in module.__all__]
    if isinstance(kind, type) and issubclass(kind, Exception)
]


@pytest.mark.parametrize("kind", PUBLIC, ids=lambda kind: kind.__name__)
def test_a_traceback_shows_the_name_that_users_import(kind: type[Exception]) -> None:
    module = sys.modules[kind.__module__]
    assert module in (monarq, monarq.embedded)
    assert getattr(module, kind.__qualname__) is kind
    [line] = traceback.format_exception_only(kind.__new__(kind))
    assert line.startswith(f"{module.__name__}.{kind.__name__}")


@pytest.mark.parametrize("kind", PUBLIC, ids=lambda kind: kind.__name__)
def test_a_pickle_loads_under_the_name_of_either_module(kind: type[Exception]) -> None:
    """Versions before this one named the module that defines the class, and have the class in both."""
    shown, home = f"c{kind.__module__}\n".encode(), f"c{defining_module(kind)}\n".encode()
    pickled = pickle.dumps(kind, protocol=0)
    assert home != shown in pickled
    assert pickle.loads(pickled) is pickle.loads(pickled.replace(shown, home)) is kind


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        (monarq.DeclarationError, TypeError),
        (monarq.SettingsError, ValueError),
        (monarq.PayloadError, ValueError),
        (monarq.RedisUnavailableError, ConnectionError),
        (monarq.ProducerMisusedError, RuntimeError),
        (monarq.ResultNotFoundError, LookupError),
        (monarq.ResultTimeoutError, TimeoutError),
        (monarq.PartlyEnqueuedError, monarq.EnqueueUnknownError),
        (monarq.ResultTooLargeError, monarq.PayloadError),
        (monarq.JobFailedError, monarq.JobError),
    ],
)
def test_an_error_is_also_one_of_pythons_own_that_programs_catch(kind: type[Exception], base: type[Exception]) -> None:
    assert issubclass(kind, base)
    assert issubclass(kind, MonarqError)
