"""The registry: what a job declares counts, else the worker's settings."""

from __future__ import annotations

from typing import Any, Final

import pytest

from monarq.shared.errors import DeclarationError
from monarq.shared.jobs.decorators import job
from monarq.shared.jobs.retry_policy import RetryPolicy
from monarq.workers.jobs.registry import keep_ms_of, register, timeout_s_of
from monarq.workers.runs.registered_job import FirstArgument
from tests.support.workers import settings_for_tests
from tests.workers.support import worker_jobs as jobs

SETTINGS: Final[dict[str, Any]] = {"timeout_s": 300, "keep_result_s": 60, "retry": RetryPolicy(max_tries=9)}


@pytest.mark.parametrize(
    ("own_s", "default_s", "limit_s"), [(None, 300, 300), (5, 300, 5), (0, 300, None), (None, 0, None)]
)
def test_a_timeout(own_s: float | None, default_s: float, limit_s: float | None) -> None:
    assert timeout_s_of(own_s, settings_for_tests(timeout_s=default_s)) == limit_s


@pytest.mark.parametrize(
    ("own_s", "own_forever", "settings", "keep_ms"),
    [
        (None, None, {}, 60_000),
        (7, None, {}, 7000),
        (0, None, {}, -1),
        (0.0001, None, {}, 1),
        (None, True, {}, 0),
        (None, None, {"keep_result_forever": True}, 0),
        (7, False, {"keep_result_forever": True}, 7000),
        (None, None, {"keep_result_s": 0}, -1),
    ],
)
def test_the_time_of_a_result(
    own_s: float | None, own_forever: bool | None, settings: dict[str, Any], keep_ms: int
) -> None:
    assert keep_ms_of(own_s, own_forever, settings_for_tests(**{**SETTINGS, **settings})) == keep_ms


def test_a_job_is_found_by_name_with_what_it_declares() -> None:
    registry = register(jobs.ALL, settings_for_tests(**SETTINGS))
    assert registry.keys() == {job.name for job in jobs.ALL}
    plus, tell, flaky = (registry[name] for name in ("plus", "tell", "flaky_twice"))
    assert (plus.first_argument, tell.first_argument) == (FirstArgument.NOTHING, FirstArgument.CONTEXT)
    assert (plus.policy.max_tries, flaky.policy.retries) == (9, 2)
    squared = registry["squared"]
    assert squared.import_path is not None
    assert squared.import_path.qualname == "squared"
    assert plus.import_path is None


def test_two_jobs_of_one_name_are_rejected() -> None:
    def twin() -> Any:
        @job(name="registry.twin", lane="thread")
        def function() -> None: ...

        return function

    one, other = twin(), twin()
    assert register([one, one], settings_for_tests()).keys() == {"registry.twin"}
    with pytest.raises(DeclarationError, match=r"two jobs are named 'registry\.twin'"):
        register([one, other], settings_for_tests())


def test_what_is_no_job_is_rejected() -> None:
    with pytest.raises(DeclarationError, match="is no job: put @job before it"):
        register([len], settings_for_tests())
