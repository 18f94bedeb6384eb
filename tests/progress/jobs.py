"""Jobs that tell how far they are."""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import threading
import time

from monarq.shared.calls.context import Context, SyncContext
from monarq.shared.jobs.decorators import job


@job(name="step_through")
async def step_through(ctx: Context, steps: int, pause_s: float) -> int:
    for step in range(steps):
        await ctx.progress(step + 1, steps, f"step {step + 1}")
        await asyncio.sleep(pause_s)
    return steps


@job(name="tell_once")
async def tell_once(ctx: Context, done: float, total: float | None, message: str) -> str:
    ctx.progress(done, total, message)
    return message


@job(name="tell_and_wait")
async def tell_and_wait(ctx: Context, seconds: float) -> None:
    ctx.progress(1, 2, "waiting")
    await asyncio.sleep(seconds)


@job(name="tell_nonsense")
async def tell_nonsense(ctx: Context) -> None:
    ctx.progress("much")  # type: ignore[arg-type]  # the mistake that is to be told


@job(name="count_fast")
async def count_fast(ctx: Context, seconds: float) -> int:
    """Tells as often as it can; gives how often that was."""
    count, end_s = 0, time.monotonic() + seconds
    while time.monotonic() < end_s:
        for _ in range(1000):
            count += 1
            await ctx.progress(count, None, "counting")
    return count


@job(name="count_fast_in_child", timeout=30)
def count_fast_in_child(ctx: SyncContext, seconds: float) -> int:
    """The same in the cpu lane."""
    count, end_s = 0, time.monotonic() + seconds
    while time.monotonic() < end_s:
        for _ in range(1000):
            count += 1
            ctx.progress(count, None, "counting")
    return count


@job(name="count_fast_in_thread", lane="thread")
def count_fast_in_thread(ctx: SyncContext, seconds: float) -> int:
    """The same in a thread."""
    count, end_s = 0, time.monotonic() + seconds
    while time.monotonic() < end_s:
        count += 1
        ctx.progress(count, None, "counting")
    return count


@job(name="tell_then_compute", timeout=30)
def tell_then_compute(ctx: SyncContext, seconds: float) -> None:
    """Tells twice at once and nothing more while it computes."""
    ctx.progress(0, 2, "begun")
    ctx.progress(1, 2, "computing")
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        pass


@job(name="tell_from_everywhere", timeout=30)
def tell_from_everywhere(ctx: SyncContext) -> list[int | None]:
    """A thread and forks of a cpu job tell too; the forks are heard by nobody, start no thread, and end."""
    codes = [fork_and_tell(ctx)]
    ctx.progress(1, 3, "from the job")
    thread = threading.Thread(target=ctx.progress, args=(2, 3, "from a thread"))
    thread.start()
    thread.join()
    codes.append(fork_and_tell(ctx))
    return codes


def fork_and_tell(ctx: SyncContext) -> int | None:
    """The exit code of a fork that tells."""
    fork = multiprocessing.get_context("fork").Process(target=tell_in_fork, args=(ctx,))
    fork.start()
    fork.join(10)
    return fork.exitcode


def tell_in_fork(ctx: SyncContext) -> None:
    """Tells, and ends with the number of threads that this has started."""
    ctx.progress(3, 3, "from a fork")
    sys.exit(threading.active_count() - 1)


@job(name="leave_a_teller", timeout=30)
def leave_a_teller(ctx: SyncContext) -> None:
    """Leaves a thread behind that tells on, when the next job runs."""

    def tell_on() -> None:
        for number in range(200):
            ctx.progress(number, None, "left behind")
            time.sleep(0.01)

    threading.Thread(target=tell_on, daemon=True).start()


ALL = [
    step_through,
    tell_once,
    tell_and_wait,
    tell_nonsense,
    count_fast,
    count_fast_in_child,
    count_fast_in_thread,
    tell_then_compute,
    tell_from_everywhere,
    leave_a_teller,
]
