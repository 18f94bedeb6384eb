"""A cron entry: a job and its schedule. `monarq.arq.settings.crons` builds those of arq's declarations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from monarq.producer.enqueue.arguments import ArgumentEncoder
from monarq.shared.errors import ArgumentsError, SettingsError
from monarq.shared.jobs.cron_declaration import Cron
from monarq.shared.jobs.cron_schedule import Schedule
from monarq.shared.jobs.job import declared_options, enqueue_options
from monarq.shared.lane import Lane
from monarq.shared.payloads.codec import Codecs
from monarq.shared.protocol.queue_ref import QueueRef


@dataclass(frozen=True, slots=True)
class CronEntry:
    """A job and its schedule.

    Attributes:
        job_name: the name of the job that is enqueued.
        name: the prefix of its ticks' ids.
        schedule: when the job is enqueued.
        args: the job's positional arguments.
        kwargs: the job's keyword arguments.
        lane: where the job runs.
        queue: the queue; None for the scheduler's.
        unique: whether a tick is enqueued once across all workers; otherwise once by each.
        job_id: one id for all ticks: while a job or result with that id exists, ticks are skipped.
        run_at_startup: whether it is also enqueued when a worker starts.
        remembers: whether to catch up on ticks that were missed while no worker ran.
        catch_up: whether to catch up on all missed ticks, not only the newest.
        options: the options of its runs, as plain values; None for none.
    """

    job_name: str
    name: str
    schedule: Schedule
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    lane: Lane = Lane.IO
    queue: QueueRef | None = None
    unique: bool = True
    job_id: str | None = None
    run_at_startup: bool = False
    remembers: bool = False
    catch_up: bool = False
    options: Mapping[str, Any] | None = None

    @property
    def redis_field(self) -> str:
        """The field of its record and status in Redis; a changed schedule starts over."""
        return f"{self.name} {self.schedule.text}"


def entries_of(crons: Iterable[Cron], codecs: Codecs | None = None) -> list[CronEntry]:
    """The entries of monarq's declarations.

    Args:
        crons: the declarations.
        codecs: the format of their jobs' payloads. Default: msgpack.

    Raises:
        SettingsError: two declarations with one name enqueue different jobs, and so would block each other's ticks; or
            arguments do not match the annotations of the job.
        DeclarationError: an instance of a class in a job's annotations could not be rebuilt.
    """
    encoder = ArgumentEncoder(codecs or Codecs())
    entries = [
        CronEntry(
            job_name=cron.job.name,
            name=cron.name,
            schedule=cron.schedule,
            **_arguments(cron, encoder),
            lane=declared_options(cron.job).lane,
            queue=enqueue_options(cron.job).queue_ref or declared_options(cron.job).queue_ref,
            run_at_startup=cron.run_at_startup,
            remembers=cron.catch_up != "none",
            catch_up=cron.catch_up == "all",
            options=enqueue_options(cron.job).run.to_plain() or None,
        )
        for cron in crons
    ]
    named: dict[str, CronEntry] = {}
    for entry in entries:
        other = named.setdefault(entry.name, entry)
        if (other.job_name, other.args, other.kwargs) != (entry.job_name, entry.args, entry.kwargs):
            raise SettingsError(
                f"two crons with different jobs or arguments are named {entry.name!r}: give one of them a name="
            )
    return entries


def _arguments(cron: Cron, encoder: ArgumentEncoder) -> dict[str, Any]:
    try:
        args, kwargs = encoder.encode(cron.job, cron.args, cron.kwargs)
    except ArgumentsError as error:
        raise SettingsError(f"{cron.name}: {error}") from None
    return {"args": args, "kwargs": kwargs}
