"""The values of ``retry=``: their waits, their checks, and how they travel."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta
from typing import Any

import pytest

from monarq import Delays, Exponential, Fixed, Linear
from monarq.shared.errors import SettingsError
from monarq.shared.options.retry import RetryWaits, checked_retry, exception_classes, from_plain, to_plain

VALUES: list[RetryWaits] = [
    Exponential(5, base="2s", max="5m", jitter=False),
    Exponential(3),
    Linear(5, step="10s", max=25),
    Fixed(3, timedelta(seconds=10)),
    Delays([1, "5s", 60]),
]


@pytest.mark.parametrize(
    ("retry", "waits_s"),
    [
        (Exponential(4, base=2, max=10, jitter=False), [2.0, 4.0, 8.0, 10.0]),
        (Linear(4, step="10s", max="25s"), [10.0, 20.0, 25.0, 25.0]),
        (Fixed(2, "10s"), [10.0, 10.0]),
        (Delays([1, "5s", timedelta(minutes=1)]), [1.0, 5.0, 60.0]),
    ],
)
def test_the_waits_before_each_retry(retry: RetryWaits, waits_s: list[float]) -> None:
    assert [retry.wait_s(number) for number in range(1, retry.retries + 1)] == waits_s


@pytest.mark.parametrize(("retry", "bound_s"), [(1, 2.0), (2, 4.0), (3, 8.0), (4, 10.0), (61, 10.0), (10**9, 10.0)])
def test_waits_with_jitter_lie_anywhere_below_the_bound(retry: int, bound_s: float) -> None:
    value = Exponential(5, base=2, max=10)
    waits = [value.wait_s(retry) for _ in range(2000)]
    assert 0 <= min(waits) < bound_s * 0.05, "full jitter"
    assert bound_s * 0.95 < max(waits) <= bound_s


def test_equal_values_are_equal_however_their_durations_were_written() -> None:
    assert Exponential(5, base="2s", max="10m") == Exponential(5, base=2) == Exponential(5, timedelta(seconds=2))
    assert Delays([1, 60]) == Delays(("1s", "1m"))
    assert {Fixed(3, "1m"), Fixed(3, 60)} == {Fixed(3, 60)}
    assert repr(Linear(5, step="10s")) == "Linear(retries=5, step=10.0, max=600.0)"


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_survives_pickle_copy_and_its_way_as_a_list(value: RetryWaits) -> None:
    assert pickle.loads(pickle.dumps(value)) == copy.copy(value) == copy.deepcopy(value) == value
    assert from_plain(to_plain(value)) == value


@pytest.mark.parametrize(
    "given", [["fixed"], ["fixed", 1, 2, 3], ["sometimes", 3], [], None, "fixed", ["fixed", -1, 1]]
)
def test_a_list_of_another_version_is_refused(given: object) -> None:
    with pytest.raises(SettingsError, match=r"which this version does not support|retries is -1"):
        from_plain(given)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Exponential(-1), "Exponential: retries is -1; it must be a whole number of 0 or more"),
        (lambda: Exponential(2.5), "Exponential: retries is 2.5"),  # type: ignore[arg-type]
        (lambda: Exponential(5, base="soon"), "Exponential: base is 'soon': give seconds, a timedelta"),
        (lambda: Exponential(5, max=-1), "Exponential: max is -1: give seconds from 0"),
        (lambda: Linear(5, step=True), "Linear: step is True"),
        (lambda: Fixed(3, "10x"), "Fixed: wait is '10x'"),
        (lambda: Delays([1, "x"]), "Delays: wait number 2 is 'x'"),
        (lambda: Exponential(3, base=None), "Exponential: base is None: give seconds"),  # type: ignore[arg-type]
        (lambda: Linear(3, None), "Linear: step is None: give seconds"),  # type: ignore[arg-type]
        (lambda: Fixed(3, None), "Fixed: wait is None: give seconds"),  # type: ignore[arg-type]
        (lambda: Delays([1, None]), "Delays: wait number 2 is None: give seconds"),  # type: ignore[list-item]
        (lambda: Delays([]), "Delays: give at least one wait"),
        (lambda: Delays("1m"), "Delays: waits is '1m': give a list"),
        (lambda: Delays(5), "Delays: waits is 5: give a list"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_value_is_refused_where_it_is_made(make: Any, words: str) -> None:
    with pytest.raises(SettingsError) as raised:
        make()
    assert str(raised.value).startswith(words)


def decide(error: BaseException, job_try: int) -> float | None:
    return None if job_try > 2 else 1.0


async def decide_later(error: BaseException, job_try: int) -> float:
    return 1.0


def test_what_retry_takes() -> None:
    assert checked_retry(3) == Exponential(3)
    assert checked_retry(0) == Exponential(0)
    assert checked_retry(decide) is decide
    assert checked_retry(None) is None
    assert all(checked_retry(value) is value for value in VALUES)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (True, "retry is True: give a number of retries, Exponential, Linear, Fixed, Delays, or a function"),
        (-1, "retry is -1; it must be a whole number of 0 or more"),
        (1.5, "retry is 1.5: give a number"),
        ("3", "retry is '3': give a number"),
        (Exponential, "retry is <class .*: give a number"),
        (decide_later, "retry is <function .*, an async function: give a plain function"),
        (lambda error: 1.0, r"retry is <function .*, which cannot be called with \(error, job_try\): too many"),
    ],
)
def test_what_retry_does_not_take(given: object, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        checked_retry(given)


@pytest.mark.parametrize(
    ("given", "classes"),
    [
        (OSError, (OSError,)),
        ([OSError, KeyError], (OSError, KeyError)),
        ({BaseException}, (BaseException,)),
        ((), ()),
    ],
)
def test_classes_of_exceptions(given: object, classes: tuple[type[BaseException], ...]) -> None:
    assert exception_classes(given, "retry_on") == classes


@pytest.mark.parametrize("given", ["OSError", OSError("made"), [OSError, int], None])
def test_no_classes_of_exceptions(given: object) -> None:
    with pytest.raises(SettingsError, match="give_up_on holds"):
        exception_classes(given, "give_up_on")
