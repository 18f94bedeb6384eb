"""Tasks of all kinds."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

from monarq import Retry, job
from monarq.django.framework import task

RUNS: list[int] = []


@task
def add(a: int, b: int = 0) -> int:
    return a + b


@task
async def add_async(a: int, b: int = 0) -> int:
    await asyncio.sleep(0)
    return a + b


@task(takes_context=True)
def described(context: Any, *rest: Any) -> list[Any]:
    result = context.task_result
    return [result.id, context.attempt, result.status, result.args, len(result.worker_ids), result.backend]


@task(takes_context=True)
async def described_async(context: Any, *rest: Any) -> list[Any]:
    return described.func(context, *rest)


@task(takes_context=True)
def context_and_one(context: Any, one: int) -> int:
    return one


@task(backend="cores", queue_name="cores")
def process_id() -> list[int]:
    return [os.getpid(), threading.get_native_id()]


@task(backend="stubborn")
def works_the_third_time() -> int:
    RUNS.append(1)
    if len(RUNS) < 3:
        raise ValueError(f"run {len(RUNS)}")
    return len(RUNS)


@task
def fails(word: str) -> None:
    raise LookupError(word)


@task(backend="cores", queue_name="cores")
def fails_in_a_process(word: str) -> None:
    raise LookupError(word)


@task(backend="hasty")
async def hangs() -> None:
    RUNS.append(1)
    await asyncio.Event().wait()


@task(backend="twice")
async def asks_again() -> None:
    RUNS.append(1)
    raise Retry


@task
async def fails_async() -> None:
    raise SystemExit(3)


@job(lane="thread")
def own_job(word: str) -> str:
    return word.upper()
