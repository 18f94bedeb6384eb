"""Why a pool gained time or did not: a sentence or two, from the measurements of the two ways.

Work that waits gains by waiting for many things at once, and work that computes by using more cores. So there are few
reasons for no gain: there is only one core; other programs use the cores; a part is so small that being a job costs as
much; or all parts wait for the same thing.
"""

from __future__ import annotations

from typing import Final

from monarq.examples.harness.workload import Comparison

GAIN: Final = 1.2
"""A smaller speed-up than this does not count as a gain: it may be chance."""

MOSTLY: Final = 0.5
"""Work that computes for at least this share of its time is said to compute rather than wait."""

ALL_CORES: Final = 0.8
"""A pool that uses at least this share of its cores is said to use them all."""

SMALL_PART_S: Final = 0.01
"""A part with less CPU time than this is small: being a job costs some tenths of a millisecond."""

COSTLY: Final = 0.1
"""The cost of being a job is mentioned from this share of a part's own CPU time."""


def explain(measured: Comparison, workers: int) -> str:
    """Says why the pool gained what it did; if nothing, also what would help.

    Args:
        measured: what both ways took.
        workers: how many workers the pool has; each computes on one core.
    """
    gained = gains(measured)
    if measured.plain.longest_wait_s is not None:
        return _of_an_interface(measured, gained)
    if computing_share(measured) < MOSTLY:
        return _of_waiting(measured, workers, gained)
    return _of_computing(measured, workers, gained)


def gains(measured: Comparison) -> bool:
    """Whether the pool gained something, at the precision that is shown."""
    return round(measured.times_as_fast, 1) >= GAIN


def computing_share(measured: Comparison) -> float:
    """The share of its time, 0 to 1, in which the work computed rather than waited, one part after another.

    If its parts do not wait, the rest is time without a core, as far as other programs were busy. It is left out.
    """
    effort = measured.plain.effort
    other_s = max(0.0, effort.seconds - effort.computing_s)
    waits_in_parts = effort.waits >= measured.work.jobs / 2
    waited_s = other_s if waits_in_parts else max(0.0, other_s - effort.others_s)
    return effort.computing_s / (effort.computing_s + waited_s)


def _of_an_interface(measured: Comparison, gained: bool) -> str:
    if gained:
        return "Work done here keeps the interface from answering; the workers do it in processes of their own."
    return (
        f"The interface rarely got a core: the workers used {_pool_cores(measured):.1f} cores, and other programs "
        f"{_others_cores(measured):.1f}. On an idle machine it would answer at once."
    )


def _of_waiting(measured: Comparison, workers: int, gained: bool) -> str:
    waited = f"It spent {1 - computing_share(measured):.0%} of its time waiting for {measured.work.waits_for}"
    if gained:
        return f"{waited}; with the pool, many jobs wait at the same time."
    if _uses_all_cores(measured, workers):
        return f"{waited}, but the pool spent its time computing. {_why_cores_did_not_help(measured)}"
    return (
        f"{waited}, and so did the pool: all jobs wait for the same thing, which serves only one at a time. "
        "Jobs that wait for different things would be faster."
    )


def _of_computing(measured: Comparison, workers: int, gained: bool) -> str:
    computed = f"It spent {computing_share(measured):.0%} of its time computing"
    if measured.work.no_wait:
        computed += f" ({measured.work.no_wait})"
    if workers == 1:
        return (
            f"{computed}, and there is only one core, so the pool cannot compute any faster{_cost(measured)}. "
            "With four cores it could be up to four times as fast."
        )
    if gained:
        return f"{computed}; the pool computed on {_pool_cores(measured):.1f} of {workers} cores."
    if _uses_all_cores(measured, workers):
        return f"{computed}. {_why_cores_did_not_help(measured)}"
    got = f"{computed}, but the pool used only {_pool_cores(measured):.1f} of {workers} cores"
    if measured.pool.effort.others_s > measured.pool.effort.idle_s:
        return (
            f"{got}: other programs used {_others_cores(measured):.1f} meanwhile. "
            f"On an idle machine it could be up to {workers} times as fast."
        )
    return (
        f"{got}, although the rest was idle: its jobs waited for each other, as with a lock. "
        f"Independent jobs could be up to {workers} times as fast."
    )


def _uses_all_cores(measured: Comparison, workers: int) -> bool:
    return measured.pool.effort.computing_s >= ALL_CORES * workers * measured.pool.effort.seconds


def _why_cores_did_not_help(measured: Comparison) -> str:
    plain_s, pool_s = measured.plain.effort.computing_s, measured.pool.effort.computing_s
    cpu_times = f"{pool_s:.1f} s of CPU time instead of {plain_s:.1f} s"
    used = f"The pool used {_pool_cores(measured):.1f} cores, but needed {cpu_times}"
    if cost := _cost(measured):
        return f"{used}{cost}. Larger jobs would be faster."
    return f"{used}: these cores are slower when all of them are busy. More cores would help."


def _cost(measured: Comparison) -> str:
    """The cost of being a job, as a clause, if it matters."""
    part_s = measured.plain.effort.computing_s / measured.work.jobs
    extra_s = measured.pool.effort.computing_s / measured.work.jobs - part_s
    if part_s > SMALL_PART_S or extra_s < part_s * COSTLY:
        return ""
    return f"; being a job adds {extra_s * 1000:.1f} ms to the {part_s * 1000:.1f} ms of work in it"


def _pool_cores(measured: Comparison) -> float:
    return measured.pool.effort.computing_s / measured.pool.effort.seconds


def _others_cores(measured: Comparison) -> float:
    return measured.pool.effort.others_s / measured.pool.effort.seconds
