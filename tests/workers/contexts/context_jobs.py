"""Jobs that say what their contexts know; cpu children import them."""

from __future__ import annotations

import time
from typing import Any

from monarq import Context, SyncContext, current_context, job


def told(context: Context | SyncContext | None) -> list[Any]:
    """What a context says of its run, as far as it travels."""
    assert context is not None
    left_s = None if context.deadline is None else context.deadline.timestamp() - time.time()
    return [
        type(context).__name__,
        context.job_id,
        context.job_name,
        context.job_try,
        context.crashes,
        context.queue,
        context.lane.value,
        context.enqueued_at.timestamp(),
        left_s,
        dict(context.headers),
        context.worker_id,
        context.should_stop,
    ]


@job(timeout=60)
async def told_on_loop(ctx: Context) -> list[Any]:
    assert current_context() is ctx
    return told(ctx)


@job(timeout=60, lane="thread")
def told_in_thread(ctx: SyncContext) -> list[Any]:
    assert current_context() is ctx
    return told(ctx)


@job(timeout=60)
def told_in_child(ctx: SyncContext) -> list[Any]:
    assert current_context() is ctx
    return told(ctx)


@job(timeout=0)
async def without_on_loop() -> list[Any]:
    return told(current_context())


@job(timeout=60, lane="thread")
def without_in_thread() -> list[Any]:
    return told(current_context())


@job(timeout=60)
def without_in_child() -> list[Any]:
    return told(current_context())


@job
async def add_two(a: int, b: int) -> int:
    return a + b


@job
async def enqueue_on_loop(ctx: Context, queue: str) -> int:
    async with ctx.producer as producer:
        one = await producer.enqueue(add_two.options(queue=queue), 1, 2)
    # Leaving the block has closed nothing: other jobs use it as well.
    two = await ctx.producer.enqueue(add_two.options(queue=queue), 3, 4)
    return await one.result() + await two.result()


@job(lane="thread")
def enqueue_in_thread(ctx: SyncContext, queue: str) -> int:
    with ctx.producer as producer:
        one = producer.enqueue(add_two.options(queue=queue), 1, 2)
    two, three = ctx.producer.enqueue_many(add_two.options(queue=queue), [(3, 4), (5, 6)])
    return one.result() + two.result() + three.result()


@job
def enqueue_in_child(ctx: SyncContext, queue: str) -> int:
    with ctx.producer as producer:
        same = ctx.producer is producer
    # Leaving the block has closed nothing here either.
    return same + ctx.producer.enqueue(add_two.options(queue=queue), 1, 2).result(timeout=30)


@job(lane="thread")
def stop_in_thread(ctx: SyncContext) -> bool:
    ctx.progress(1)
    return _until_it_should_stop(ctx)


@job
def stop_in_child(ctx: SyncContext) -> bool:
    ctx.progress(1)
    return _until_it_should_stop(ctx)


@job
async def stop_on_loop(ctx: Context) -> bool:
    import asyncio

    await ctx.progress(1)
    while not ctx.should_stop:
        await asyncio.sleep(0.005)
    return True


def _until_it_should_stop(ctx: SyncContext) -> bool:
    while not ctx.should_stop:
        time.sleep(0.005)
    return True


ALL = [value for value in vars().values() if type(value).__name__.endswith("Job")]
