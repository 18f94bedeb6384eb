"""The retry policy: how many tries there are, and how long the waits between them."""

from __future__ import annotations

import random

import pytest

from monarq.shared.errors import SettingsError
from monarq.shared.jobs.retry_policy import RetryPolicy, exception_classes


@pytest.mark.parametrize(
    ("max_tries", "retries", "tried"), [(5, 0, 1), (5, 1, 2), (5, 4, 5), (5, 10, 5), (1, 3, 1), (3, 2, 3)]
)
def test_how_often_a_job_that_raises_is_tried(max_tries: int, retries: int, tried: int) -> None:
    policy = RetryPolicy(max_tries=max_tries, retries=retries)
    assert next(tries for tries in range(1, 100) if not policy.has_another(tries)) == tried


@pytest.mark.parametrize(("tries", "bound_s"), [(1, 2.0), (2, 4.0), (3, 8.0), (4, 10.0), (61, 10.0), (10**9, 10.0)])
def test_the_wait_before_the_next_try(tries: int, bound_s: float) -> None:
    policy = RetryPolicy(backoff_s=2.0, backoff_max_s=10.0)
    rng = random.Random(1)
    waits = [policy.delay_s(tries, rng) for _ in range(1000)]
    assert 0 <= min(waits) < bound_s * 0.05, "full jitter"
    assert bound_s * 0.95 < max(waits) <= bound_s


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
    assert exception_classes(given) == classes


@pytest.mark.parametrize("given", ["OSError", OSError("made"), [OSError, int], None])
def test_no_classes_of_exceptions(given: object) -> None:
    with pytest.raises(SettingsError, match="retry_on holds"):
        exception_classes(given)
