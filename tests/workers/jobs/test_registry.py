"""The registry: what a job declares counts, else the worker's settings."""

from __future__ import annotations

import math
from typing import Any, Final

import pytest

from monarq import Delays, Exponential
from monarq.shared.errors import DeclarationError
from monarq.shared.jobs import declaration_checks
from monarq.shared.jobs.decorators import job
from monarq.workers.jobs.registry import register
from monarq.workers.runs.registered_job import FirstArgument, RegisteredJob
from tests.support.workers import settings_for_tests
from tests.workers.support import worker_jobs as jobs

SETTINGS: Final[dict[str, Any]] = {"timeout_s": 300, "keep_result_s": 60, "max_tries": 9}


def declared(**options: Any) -> Any:
    @job(name=f"registry.{len(options)}", lane="thread", **options)
    def function() -> None: ...

    return function


@pytest.fixture(autouse=True)
def _nothing_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test may take any name."""
    monkeypatch.setattr(declaration_checks, "_declared_at", {})


def registered(settings: dict[str, Any], **options: Any) -> RegisteredJob:
    made = declared(**options)
    return register([made], settings_for_tests(**{**SETTINGS, **settings}))[made.name]


@pytest.mark.parametrize(
    ("own", "default_s", "limit_s"), [(None, 300, 300), ("5s", 300, 5), (0, 300, None), (None, 0, None)]
)
def test_a_timeout(own: Any, default_s: float, limit_s: float | None) -> None:
    assert registered({"timeout_s": default_s}, timeout=own).timeout_s == limit_s


@pytest.mark.parametrize(
    ("own", "settings", "keep_ms"),
    [
        (None, {}, 60_000),
        ("7s", {}, 7000),
        (0, {}, -1),
        (0.0001, {}, 1),
        ("forever", {}, 0),
        (None, {"keep_result_s": "forever"}, 0),
        (7, {"keep_result_s": math.inf}, 7000),
        (None, {"keep_result_s": 0}, -1),
    ],
)
def test_the_time_of_a_result(own: Any, settings: dict[str, Any], keep_ms: int) -> None:
    assert registered(settings, keep_result=own).keep_ms == keep_ms


@pytest.mark.parametrize(
    ("own", "settings", "limit", "retries"),
    [
        ({}, {"max_tries": None}, 5, None),
        ({}, {}, 9, None),
        ({"retry": 20}, {"max_tries": None}, 21, 20),
        ({"retry": 2}, {"max_tries": None}, 5, 2),
        ({"retry": 20}, {}, 9, 20),
        ({"retry": 20, "max_tries": 7}, {}, 7, 20),
        ({"max_tries": 7}, {"retry": 3}, 7, 3),
        ({"retry": 0}, {"retry": 3}, 9, 0),
        ({}, {"retry": Delays([1, 2, 3]), "max_tries": None}, 5, 3),
    ],
)
def test_each_option_of_tries_is_the_jobs_own_else_the_workers(
    own: Any, settings: dict[str, Any], limit: int, retries: int | None
) -> None:
    policy = registered(settings, **own).policy
    assert (policy.limit, getattr(policy.retry, "retries", None)) == (limit, retries)


def test_a_job_is_found_by_name_with_what_it_declares() -> None:
    registry = register(jobs.ALL, settings_for_tests(**SETTINGS))
    assert registry.keys() == {job.name for job in jobs.ALL}
    plus, tell, flaky = (registry[name] for name in ("plus", "tell", "flaky_twice"))
    assert (plus.first_argument, tell.first_argument) == (FirstArgument.NOTHING, FirstArgument.CONTEXT)
    assert (plus.policy.limit, flaky.policy.retry) == (9, Exponential(2, base=0.01))
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
    with pytest.raises(DeclarationError, match="is not a job: put @job before it"):
        register([len], settings_for_tests())


def renamed(name: str, *old: str) -> Any:
    @job(name=name, lane="thread", renamed_from=old)
    def function() -> None: ...

    return function


def test_a_job_is_found_by_its_old_names_as_well() -> None:
    now = renamed("registry.now", "registry.before", "registry.long_before")
    registry = register([now], settings_for_tests())
    assert registry.keys() == {"registry.now", "registry.before", "registry.long_before"}
    assert {made.name for made in registry.values()} == {"registry.now"}


@pytest.mark.parametrize("others", [[("registry.before",)], [("registry.other", "registry.before")]])
def test_an_old_name_is_of_one_job_alone(others: list[tuple[str, ...]]) -> None:
    jobs_of_both = [renamed("registry.now", "registry.before"), *(renamed(*other) for other in others)]
    for given in (jobs_of_both, jobs_of_both[::-1]):
        with pytest.raises(DeclarationError, match=r"is renamed_from 'registry\.before', which is also"):
            register(given, settings_for_tests())
