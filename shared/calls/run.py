"""`Run`: one execution of a job, as middleware and listeners see it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, Self

import msgspec

from monarq.shared.lane import Lane

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
NO_KWARGS: Final[Mapping[str, Any]] = MappingProxyType({})


class Run(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """One execution of a job. A value: it does not change while the job runs.

    Attributes:
        job_id: the job's id.
        job_name: the name that it is enqueued by.
        job_try: which try this is, from 1.
        crashes: how often the job was running when its worker or process died.
        queue: the queue's name.
        lane: where it runs.
        headers: what middleware or `.options(headers=)` has sent with the job.
        args: its positional arguments. Empty, as `kwargs` is, where the payload could not be read.
        kwargs: its keyword arguments.
        enqueued_ms: when it was enqueued, unix ms.
        started_ms: when its function was called, unix ms by this machine's clock; None where it was not.
        seconds: how long it has run; 0 where it was not started or has not ended.
        worker_id: the worker's name in Redis.
    """

    job_id: str
    job_name: str
    job_try: int = 1
    crashes: int = 0
    queue: str = ""
    lane: Lane = Lane.IO
    headers: Mapping[str, str] = NO_HEADERS
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = NO_KWARGS
    enqueued_ms: int = 0
    started_ms: int | None = None
    seconds: float = 0.0
    worker_id: str = ""

    @property
    def enqueued_at(self) -> datetime:
        """When it was enqueued, aware, in UTC."""
        return datetime.fromtimestamp(self.enqueued_ms / 1000, tz=UTC)

    @property
    def started_at(self) -> datetime | None:
        """When its function was called, aware, in UTC; None where it was not."""
        return None if self.started_ms is None else datetime.fromtimestamp(self.started_ms / 1000, tz=UTC)

    def replace(self, *, args: tuple[Any, ...] | None = None, kwargs: Mapping[str, Any] | None = None) -> Self:
        """The same run with other arguments, for middleware to pass on.

        Args:
            args: all positional arguments. Default: as they are.
            kwargs: all keyword arguments. Default: as they are.
        """
        changes: dict[str, Any] = {}
        if args is not None:
            changes["args"] = tuple(args)
        if kwargs is not None:
            changes["kwargs"] = kwargs
        return msgspec.structs.replace(self, **changes)
