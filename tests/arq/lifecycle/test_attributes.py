"""The attributes of arq's worker: made of its arguments, and read again as settings."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

import arq
import pytest
from arq.worker import Function

import monarq.arq
from monarq.arq.lifecycle.attributes import (
    SIGNATURE,
    bind_arguments,
    read_attributes,
    stock_arguments,
    with_name,
)
from monarq.arq.settings.fields import EXTRAS
from monarq.arq.settings.reader import ArqTarget, read_arq_settings
from monarq.shared.errors import SettingsError
from monarq.shared.jobs.decorators import job
from tests.arq import jobs
from tests.arq.jobs import Ctx

CRON = arq.cron(jobs.count_run, month=2, day=29)


@job(name="attributes.declared")
async def declared(a: int) -> int:
    return a


async def hook(ctx: Ctx) -> None: ...


def serializer(value: dict[str, Any]) -> bytes:
    return b""


def worker_of(*functions: Any, **settings: Any) -> tuple[monarq.arq.Worker, dict[str, Any]]:
    """A worker that is not started, and its arguments."""
    settings = {"handle_signals": False, **settings}
    return monarq.arq.Worker(functions, **settings), bind_arguments(functions, settings)


def test_arguments_that_are_not_given_have_arqs_defaults() -> None:
    arguments = bind_arguments([jobs.add], {"max_jobs": 3, "lease_s": 5.0})
    defaults = {name: parameter.default for name, parameter in SIGNATURE.parameters.items()}
    assert arguments == defaults | {"functions": [jobs.add], "max_jobs": 3, "lease_s": 5.0}


@pytest.mark.parametrize("given", [iter, lambda values: (value for value in values)], ids=["iterator", "generator"])
def test_what_can_be_walked_once_becomes_a_list(given: Callable[[list[Any]], Any]) -> None:
    arguments = bind_arguments(given([jobs.add]), {"cron_jobs": given([CRON])})
    assert (arguments["functions"], arguments["cron_jobs"]) == ([jobs.add], [CRON])


def test_what_can_be_walked_again_stays() -> None:
    functions = (jobs.add,)
    assert bind_arguments(functions, {})["functions"] is functions


def test_an_argument_that_arq_does_not_have() -> None:
    with pytest.raises(TypeError, match="max_job"):
        bind_arguments([jobs.add], {"max_job": 3})


def stock_of(*functions: Any, **settings: Any) -> dict[str, Any]:
    arguments = bind_arguments(functions, settings)
    return stock_arguments(arguments, read_arq_settings(arguments))


def test_arqs_worker_takes_the_arguments_without_monarqs_own() -> None:
    stock = stock_of(jobs.add, declared, cron_jobs=[CRON], lease_s=5.0, threads=2, ctx={"mine": 7})
    assert stock.keys() == SIGNATURE.parameters.keys()
    assert not stock.keys() & EXTRAS
    assert [type(function) for function in stock["functions"]] == [Function, Function]
    assert [function.name for function in stock["functions"]] == ["add", "attributes.declared"]
    assert (stock["cron_jobs"], stock["ctx"]) == ([CRON], {"mine": 7})


@pytest.mark.parametrize(("job_timeout", "stock"), [(None, 0), (7, 7), (timedelta(seconds=7), timedelta(seconds=7))])
async def test_a_timeout_that_arqs_worker_can_compare(job_timeout: Any, stock: Any) -> None:
    arguments = stock_of(jobs.add, job_timeout=job_timeout, handle_signals=False)
    assert arguments["job_timeout"] == stock
    arq.Worker(**arguments)


READ: list[tuple[str, Any, Callable[[ArqTarget], Any]]] = [
    ("queue_name", "other", lambda target: target.settings.queues[0].name),
    ("burst", True, lambda target: target.settings.burst),
    ("on_startup", hook, lambda target: target.settings.hooks.startup),
    ("on_shutdown", hook, lambda target: target.settings.hooks.shutdown),
    ("on_job_start", hook, lambda target: target.settings.hooks.job_start),
    ("on_job_end", hook, lambda target: target.settings.hooks.job_end),
    ("after_job_end", hook, lambda target: target.settings.hooks.after_job_end),
    ("max_jobs", 3, lambda target: target.settings.concurrency),
    ("keep_result_forever", True, lambda target: target.settings.keep_result_s == math.inf),
    ("keep_result_s", 9.0, lambda target: target.settings.keep_result_s),
    ("job_timeout_s", 8.0, lambda target: target.settings.timeout_s),
    ("poll_delay_s", 0.3, lambda target: target.settings.poll_s),
    ("max_tries", 2, lambda target: target.settings.max_tries),
    ("health_check_interval", 6.0, lambda target: target.health_check_s),
    ("health_check_key", "my:key", lambda target: target.health_check_key),
    ("retry_jobs", False, lambda target: target.settings.outcomes.retry_jobs),  # type: ignore[attr-defined]
    ("allow_abort_jobs", True, lambda target: target.settings.allow_cancel),
    ("max_burst_jobs", 4, lambda target: target.settings.max_burst_jobs),
    ("job_serializer", serializer, lambda target: target.job_serializer),
    ("job_deserializer", serializer, lambda target: target.job_deserializer),
    ("expires_extra_ms", 70, lambda target: target.expires_extra_ms),
    ("log_results", False, lambda target: target.log_results),
    ("timezone", UTC, lambda target: target.zone),
    ("cron_jobs", [CRON], lambda target: target.cron_jobs),
]


@pytest.mark.parametrize(("attribute", "value", "read"), READ, ids=[row[0] for row in READ])
async def test_an_attribute_that_was_set_since_counts(
    attribute: str, value: Any, read: Callable[[ArqTarget], Any]
) -> None:
    worker, arguments = worker_of(jobs.add, timezone=None)
    if attribute != "timezone":
        assert read(read_attributes(worker, arguments)) != value
    setattr(worker, attribute, value)
    assert read(read_attributes(worker, arguments)) == value


async def test_without_a_change_the_settings_are_those_of_the_arguments() -> None:
    worker, arguments = worker_of(jobs.add, declared, cron_jobs=[CRON], lease_s=5.0, job_timeout=None, max_jobs=4)
    target = read_attributes(worker, arguments)
    assert target.settings.lease_s == 5.0
    assert (target.settings.timeout_s, target.settings.concurrency) == (0.0, 4)
    assert target.names == ["add", "attributes.declared", "cron:count_run"]
    assert target.cron_jobs == [CRON]


async def test_an_attribute_of_an_invalid_value() -> None:
    worker, arguments = worker_of(jobs.add)
    worker.max_jobs = 0
    with pytest.raises(SettingsError, match="max_jobs is 0"):
        read_attributes(worker, arguments)


async def test_functions_are_read_under_the_names_that_the_worker_has_for_them() -> None:
    worker, arguments = worker_of(jobs.add, declared)
    worker.functions["plus"] = arq.func(jobs.add, name="another", max_tries=3)
    functions: Any = read_attributes(worker, arguments).functions
    assert [function.name for function in functions] == ["add", "attributes.declared", "plus"]
    assert functions[1] is declared
    assert (functions[2].coroutine, functions[2].max_tries) == (jobs.add, 3)


FUNCTION = arq.func(jobs.add, name="given", timeout=5, keep_result=6, max_tries=7)


@pytest.mark.parametrize(
    ("name", "given", "found"),
    [
        ("given", FUNCTION, FUNCTION),
        ("other", FUNCTION, Function("other", jobs.add, 5, 6, None, 7)),
        ("add", jobs.add, Function("add", jobs.add, None, None, None, None)),
        ("plus", jobs.add, Function("plus", jobs.add, None, None, None, None)),
        ("other", declared, declared),
    ],
    ids=["its own", "another", "a coroutine function", "one by another", "a declared job"],
)
def test_a_function_by_name(name: str, given: Any, found: Any) -> None:
    made = with_name(name, given)
    assert type(made) is type(found)
    if made is not found:
        assert vars(made) == vars(found) | {"keep_result_forever": vars(made)["keep_result_forever"]}
