"""Errors of misuse: where arq's worker and client refuse, monarq's raise an error of arq's class with a better text."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import arq.connections
import arq.worker
import pytest
from arq.connections import RedisSettings

import monarq.arq.connections
import monarq.arq.worker
from tests.arq import jobs
from tests.arq.jobs import Ctx


def plain(ctx: Ctx) -> None: ...


class Callable_:  # noqa: N801
    async def __call__(self, ctx: Ctx) -> None: ...


MISUSES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "no function": (lambda w: w([]), "at least one function or cron_job must be registered"),
    "a plain function": (lambda w: w([plain]), "is not a coroutine function"),
    "an object that is callable": (lambda w: w([Callable_()]), "is not a coroutine function"),
    "no function at all": (lambda w: w([5]), "5 is not a coroutine function"),
    "a module that is not there": (lambda w: w(["nope.job"]), "No module named 'nope'"),
    "a name that is not there": (lambda w: w(["tests.arq.jobs.nope"]), 'does not define a "nope" attribute'),
    "no path": (lambda w: w(["nope"]), "doesn't look like a module path"),
    "no cron job": (lambda w: w([], cron_jobs=[jobs.add]), "cron_jobs, must be instances of CronJob"),
    "no queue": (
        lambda w: w([jobs.add], queue_name=None),
        "If queue_name is absent, redis_pool must be present.",
    ),
    "an unknown argument": (lambda w: w([jobs.add], max_job=3), "got an unexpected keyword argument 'max_job'"),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_workers(misuse: str) -> None:
    make, text = MISUSES[misuse]
    with pytest.raises(Exception, match=re.escape(text)) as stock:
        make(functools.partial(arq.worker.Worker, handle_signals=False))
    kind = next(base for base in (ImportError, RuntimeError, ValueError, TypeError) if isinstance(stock.value, base))
    with pytest.raises(kind, match=re.escape(text)):
        make(functools.partial(monarq.arq.worker.Worker, handle_signals=False))


@pytest.mark.parametrize("module", [arq.connections, monarq.arq.connections])
async def test_a_sentinel_without_sentinels(module: Any) -> None:
    text = "str provided for 'host' but 'sentinel' is true; list of sentinels expected"
    with pytest.raises(RuntimeError, match=text):
        await module.create_pool(RedisSettings(host="localhost", sentinel=True))


@pytest.mark.parametrize("module", [arq.connections, monarq.arq.connections])
async def test_a_serializer_that_fails(module: Any, redis_settings: RedisSettings) -> None:
    def refuse(data: dict[str, Any]) -> bytes:
        raise KeyError("no format")

    pool = await module.create_pool(redis_settings, job_serializer=refuse)
    with pytest.raises(arq.jobs.SerializationError, match='unable to serialize job "add"') as raised:
        await pool.enqueue_job("add")
    assert isinstance(raised.value.__cause__, KeyError)
    await pool.aclose(close_connection_pool=True)


async def test_an_async_serializer_is_refused_by_name(pool: monarq.arq.ArqRedis) -> None:
    async def give(data: dict[str, Any]) -> bytes:
        return b""

    made: list[Any] = []
    pool.job_serializer = lambda data: made.append(give(data)) or made[-1]  # type: ignore[func-returns-value]
    with pytest.raises(arq.jobs.SerializationError) as raised:
        await pool.enqueue_job("add")
    assert "job_serializer gave a coroutine" in str(raised.value.__cause__)
    made[0].close()


@pytest.mark.filterwarnings("ignore:Call to deprecated close:DeprecationWarning")  # by arq itself
async def test_there_is_no_client_before_the_start_and_after_the_end(redis_settings: RedisSettings) -> None:
    for module in (arq.worker, monarq.arq.worker):
        worker = module.Worker([jobs.add], redis_settings=redis_settings, handle_signals=False, burst=True)
        assert worker.pool is None
        await worker.main()
        assert isinstance(worker.pool, arq.ArqRedis)
        await worker.close()
        assert worker.pool is None
