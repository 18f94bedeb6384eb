"""The retry policy: how many tries there are, and how long the waits between them."""

from __future__ import annotations

from typing import Any

import pytest

from monarq import Delays, Exponential, Fixed
from monarq.shared.errors import SettingsError
from monarq.workers.runs.retry_policy import RetryPolicy

ERROR = ValueError("no")


@pytest.mark.parametrize(
    ("max_tries", "retry", "tried"),
    [
        (None, None, 1),
        (5, Exponential(0), 1),
        (5, Exponential(1), 2),
        (5, Exponential(4), 5),
        (5, Exponential(10), 5),
        (1, Exponential(3), 1),
        (3, Exponential(2), 3),
        (None, Exponential(10), 11),
        (None, Delays([1] * 7), 8),
        (None, lambda error, job_try: 1.0, 5),
        (8, lambda error, job_try: 1.0, 8),
        (None, lambda error, job_try: 1.0 if job_try < 3 else None, 3),
    ],
)
def test_how_often_a_job_that_raises_is_tried(max_tries: int | None, retry: Any, tried: int) -> None:
    policy = RetryPolicy(max_tries=max_tries, retry=retry)
    assert next(tries for tries in range(1, 100) if policy.wait_s(tries, ERROR) is None) == tried


def test_the_waits_are_those_of_the_value_and_in_seconds() -> None:
    assert [RetryPolicy(retry=Delays([1, "1m"])).wait_s(tries, ERROR) for tries in (1, 2)] == [1.0, 60.0]
    assert RetryPolicy(retry=Fixed(3, "10s")).wait_s(3, ERROR) == 10.0


def test_a_function_gets_the_exception_and_the_number_of_the_try() -> None:
    seen: list[object] = []

    def decide(error: BaseException, job_try: int) -> str:
        seen.append((error, job_try))
        return "1m"

    assert RetryPolicy(retry=decide).wait_s(2, ERROR) == 60.0
    assert seen == [(ERROR, 2)]


@pytest.mark.parametrize("answer", ["soon", -1, True])
def test_what_a_function_returns_is_checked(answer: Any) -> None:
    with pytest.raises(SettingsError, match="what the function of retry= returned is"):
        RetryPolicy(retry=lambda error, job_try: answer).wait_s(1, ERROR)
