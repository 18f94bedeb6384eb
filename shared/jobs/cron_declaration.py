"""``cron``: declares when workers enqueue a job, by a crontab line or by arq's fields."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, Literal, TypedDict, TypeVarTuple, Unpack, get_args, overload

from monarq.shared.calls.context import Context, SyncContext
from monarq.shared.errors import SettingsError
from monarq.shared.jobs.cron_schedule import Schedule, crontab, from_arq_fields
from monarq.shared.jobs.job import BoundJob, Job, enqueue_options
from monarq.shared.validation import check_name

Ts = TypeVarTuple("Ts")

Field = int | Collection[int] | None
CatchUp = Literal["last", "all", "none"]


@dataclass(frozen=True, slots=True)
class Cron:
    """A periodic job. Each tick is enqueued once, however many workers there are.

    Attributes:
        job: the job to enqueue.
        schedule: when it is enqueued.
        name: distinguishes this declaration from others of the same job; it is part of each tick's job id.
        args: the job's positional arguments.
        kwargs: the job's keyword arguments.
        run_at_startup: whether the job is also enqueued when a worker starts.
        catch_up: which of the ticks missed while no worker was running are enqueued later: only the newest ("last"),
            "all" or "none".
    """

    job: Job[..., Any]
    schedule: Schedule
    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    run_at_startup: bool = False
    catch_up: CatchUp = "last"


class CronKeywords(TypedDict, total=False):
    """The keywords of `cron` that do not depend on the job."""

    month: Field
    day: Field
    weekday: Field | str | Collection[str]
    hour: Field
    minute: Field
    second: Field
    zone: str | tzinfo
    name: str | None
    run_at_startup: bool
    catch_up: CatchUp


# Type checkers compare `args` with the parameters that follow the context, so each kind of job has its own overload.
@overload
def cron(
    job: BoundJob[Any] | Callable[[], Any] | Callable[[Context], Any] | Callable[[SyncContext], Any],
    expression: str | None = None,
    **options: Unpack[CronKeywords],
) -> Cron: ...
@overload
def cron(
    job: Callable[[Context, Unpack[Ts]], Any] | Callable[[SyncContext, Unpack[Ts]], Any],
    expression: str | None = None,
    *,
    args: tuple[*Ts],
    **options: Unpack[CronKeywords],
) -> Cron: ...
@overload
def cron(
    job: Callable[[Unpack[Ts]], Any],
    expression: str | None = None,
    *,
    args: tuple[*Ts],
    **options: Unpack[CronKeywords],
) -> Cron: ...
@overload
def cron(
    job: Job[..., Any],
    expression: str | None = None,
    *,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any],
    **options: Unpack[CronKeywords],
) -> Cron: ...
def cron(
    job: Any,
    expression: str | None = None,
    *,
    month: Field = None,
    day: Field = None,
    weekday: Field | str | Collection[str] = None,
    hour: Field = None,
    minute: Field = None,
    second: Field = 0,
    zone: str | tzinfo = UTC,
    name: str | None = None,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    run_at_startup: bool = False,
    catch_up: CatchUp = "last",
) -> Cron:
    """Declares when workers enqueue a job. Call it at the top level of a module that the workers load.

    Args:
        job: the declared job, optionally with its arguments: ``report.bind("eu")``. The queue and run options set by
            ``.options(...)`` apply to each tick.
        expression: a crontab line: five fields, or six with seconds first, or @hourly, @daily and so on. Without it,
            the schedule is given by arq's fields below, each None, a value or a set of values.
        month: 1 to 12.
        day: of the month, 1 to 31.
        weekday: 0 (Monday) to 6, or "mon", "tues", "wed", "thurs", "fri", "sat", "sun".
        hour: 0 to 23.
        minute: 0 to 59.
        second: 0 to 59. Default: 0.
        zone: the time zone of the schedule, by name or as a tzinfo. Default: UTC.
        name: distinguishes this declaration from others of the same job. Default: "cron:" and the job's name.
        args: positional arguments for the job.
        kwargs: keyword arguments for the job. Type checkers do not check them; they do check those of ``bind``.
        run_at_startup: also enqueue the job when a worker starts.
        catch_up: which of the ticks missed while no worker was running to enqueue later: only the newest ("last"),
            "all" or "none". Default: "last".

    Raises:
        SettingsError: the times are invalid, or the job cannot be called with these arguments.
    """
    check_name(name, "a cron's name")
    if isinstance(job, BoundJob):
        if args or kwargs:
            raise SettingsError(f"cron: {job!r} already has its arguments: do not pass args or kwargs")
        job, args, kwargs = job.job, job.args, job.kwargs
    if not isinstance(job, Job):
        raise SettingsError(f"cron takes a job and then its schedule, as in cron(nightly, '0 3 * * *'), not {job!r}")
    if catch_up not in get_args(CatchUp):
        raise SettingsError(f"cron of {job.name}: catch_up is {catch_up!r}: give 'last', 'all' or 'none'")
    if expression is not None and any(field is not None for field in (month, day, weekday, hour, minute)):
        raise SettingsError(f"cron of {job.name}: give either a crontab line or fields, not both")
    if expression is None and all(field is None for field in (month, day, weekday, hour, minute)) and second == 0:
        raise SettingsError(
            f"cron of {job.name} has no schedule: give a crontab line, such as '0 3 * * *', or fields, such as hour=3;"
            " '* * * * *' is every minute"
        )
    if expression is not None:
        schedule = crontab(expression, zone)
    else:
        schedule = from_arq_fields(
            month=month, day=day, weekday=weekday, hour=hour, minute=minute, second=second, microsecond=0, zone=zone
        )
    _check_options(job)
    try:
        job.check_arguments(args, dict(kwargs or {}))
    except TypeError as error:
        raise SettingsError(f"cron: {error}: give the job's arguments as args=(...) and kwargs={{...}}") from None
    return Cron(job, schedule, name or f"cron:{job.name}", args, dict(kwargs or {}), run_at_startup, catch_up)


def _check_options(job: Job[..., Any]) -> None:
    """Refuses options that make sense for a single enqueue only."""
    options = enqueue_options(job)
    for name, value in (
        ("defer_by", options.defer_by_s),
        ("defer_until", options.defer_until),
        ("expires", options.expires_s),
        ("job_id", options.job_id),
    ):
        if value is not None:
            raise SettingsError(f"cron of {job.name}: {name} is for a single enqueue: leave it out, cron sets it")
