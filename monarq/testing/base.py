"""What the two sandboxes share: everything except waiting for jobs."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import Executor
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from redis.asyncio import Redis

from monarq.producer.results.attendance import set_attendant
from monarq.producer.unaddressed import find_redis_again
from monarq.shared.errors import MonarqError, SettingsError
from monarq.shared.parsing import Duration, check_time, to_count, to_seconds
from monarq.shared.queue import Queue
from monarq.shared.settings.lookup import configured
from monarq.testing.attendance import Attendance
from monarq.testing.clock import LATEST, SandboxClock
from monarq.testing.crons import SandboxCrons
from monarq.testing.drain import DrainPlan, drain
from monarq.testing.enqueued import read_enqueued
from monarq.testing.jobs import CpuLane, Known, find_known
from monarq.testing.matching import missing_text, present_text, wanted_of
from monarq.testing.recorder import Recorder
from monarq.testing.records import Ended, EnqueuedJob
from monarq.testing.server import SandboxServer, sandbox_server

if TYPE_CHECKING:
    from monarq.embedded.discovery import ServerKind

_URL_VARIABLES: Final = ("MONARQ_REDIS", "REDIS_URL")
"""The variable by which producers and commands find Redis if they were given none."""

_open: BaseSandbox | None = None


class BaseSandbox:
    """See `monarq.testing.Sandbox`."""

    _fix: ClassVar[str]
    """How a test runs the jobs, for messages."""

    def __init__(
        self,
        app: object = None,
        *,
        server: ServerKind | None = None,
        cpu: CpuLane = "thread",
        concurrency: int = 1,
    ) -> None:
        if cpu not in ("thread", "process"):
            raise SettingsError(f'cpu is {cpu!r}: give "thread", or "process" for a child process as in a worker')
        self._app = app
        self._kind = server
        self._cpu = cpu
        self._concurrency = to_count(concurrency, "concurrency", least=1)
        self._clock = SandboxClock()
        self._server: SandboxServer | None = None
        self._ended: list[Ended] = []
        self._is_draining = False
        self._crons = SandboxCrons(self._clock)
        self._closing = ExitStack()
        self._left: list[asyncio.Future[None]] = []

    @property
    def url(self) -> str:
        """The address of its Redis."""
        return self._running.url

    @property
    def now(self) -> datetime:
        """The sandbox's time, aware, in UTC."""
        return self._clock.now()

    @property
    def ended(self) -> list[Ended]:
        """The jobs that have ended in the sandbox, in the order in which they ended."""
        return list(self._ended)

    def open(self) -> None:
        """Empties the private Redis and makes it the default Redis of this process, until `close`.

        Raises:
            MonarqError: another sandbox is open.
            EmbeddedRedisError: no server can be started; the message says what to install.
        """
        global _open  # noqa: PLW0603 - the clock and the environment are the process' own
        if _open is not None:
            raise MonarqError(
                "a sandbox is already open, and a process can have only one at a time: use one of the fixtures monarq"
                " and monarq_sync in a test, not both"
            )
        find_known(self._app)  # so that a mistake in the app is found now, not by the first drain
        server = sandbox_server(self._kind or configured("testing", "server"))
        server.empty()
        self._ended.clear()
        with ExitStack() as closing:
            _open = self
            closing.callback(_forget)
            self._server = server
            self._clock.start(server.redis)
            closing.callback(self._clock.stop)
            self._crons = SandboxCrons(self._clock)
            for name in _URL_VARIABLES:
                closing.callback(_set_variable, name, os.environ.get(name))
                os.environ[name] = server.url
            self._attendance = Attendance(server.source, self._fix)
            closing.callback(self._attendance.close)
            set_attendant(self._attendance)
            closing.callback(set_attendant, None)
            self._left = find_redis_again(sandboxed=True)
            self._closing = closing.pop_all()

    def close(self) -> None:
        """Closes the sandbox, and restores the machine's clock and the environment. May be called more than once."""
        if self._server is not None:
            self._closing.close()
            self._left += find_redis_again(sandboxed=False)
            self._server = None

    def travel(
        self,
        duration: Duration | None = None,
        *,
        to: datetime | None = None,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
    ) -> datetime:
        """Moves the sandbox's clock forward, and everything that depends on it. No job runs before the next `drain`.

        Only monarq's clock moves: ``datetime.now()`` in your own code is unaffected.

        Args:
            duration: how far: seconds, a timedelta, or text such as "90s".
            to: an aware datetime to move to, instead of a duration.
            days: days to add.
            hours: hours to add.
            minutes: minutes to add.
            seconds: seconds to add.

        Returns:
            The new time.

        Raises:
            SettingsError: the clock would go back, not move, or go too far.
        """
        by = _length(days=days, hours=hours, minutes=minutes, seconds=seconds)
        by += timedelta(seconds=to_seconds(duration, "duration") or 0.0)
        if to is not None:
            if by:
                raise SettingsError("travel takes either a duration or a time (to=), not both")
            check_time(to, "to")
            by = to - self.now
        if by <= timedelta(0):
            raise SettingsError(f"time only moves forward: it is {self.now:%Y-%m-%d %H:%M:%S} UTC in the sandbox")
        if self.now + by > LATEST:
            raise SettingsError(f"travel goes no further than the year {LATEST:%Y}")
        server, known = self._running, self._known()
        server.run(lambda redis: self._crons.note(redis, known, known.settings))
        self._clock.move(server.redis, by)
        return self.now

    def enqueued(
        self, job: object = None, /, *args: Any, queue: str | Queue | None = None, **kwargs: Any
    ) -> list[EnqueuedJob]:
        """The jobs that are enqueued and have not ended, queue by queue, in the order in which they are due.

        Args:
            job: only calls of this job, given as the job, optionally with ``.options(...)``, or by name; or of this
                task of Django. Default: all.
            args: only calls with these positional arguments.
            queue: only jobs on this queue.
            kwargs: only calls with these keyword arguments.
        """
        known = self._known()
        server = self._running
        found = server.run(lambda redis: read_enqueued(redis, known.settings.codecs, known.jobs))
        if job is None:
            return [each for each in found if queue is None or each.queue == str(getattr(queue, "name", queue))]
        wanted = wanted_of(job, args, kwargs, queue)
        return [each for each in found if wanted.meets(each)]

    def assert_enqueued(
        self, job: object, /, *args: Any, queue: str | Queue | None = None, **kwargs: Any
    ) -> EnqueuedJob:
        """Fails unless a matching job is enqueued and has not ended.

        Args:
            job: the job, optionally with ``.options(job_id=..., queue=...)`` or as ``job.bind(...)``, or its name; or a
                task of Django, optionally with ``.using(queue_name=...)``.
            args: its positional arguments. Without any arguments, every call of the job matches; otherwise all of its
                arguments must be given.
            queue: the queue's name. Default: any queue.
            kwargs: its keyword arguments.

        Returns:
            The first matching job.

        Raises:
            AssertionError: there is none; the message lists the enqueued jobs.
        """
        found = self.enqueued(job, *args, queue=queue, **kwargs)
        if not found:
            wanted = wanted_of(job, args, kwargs, queue)
            raise AssertionError(missing_text(wanted, self.enqueued(), self._ended))
        return found[0]

    def assert_not_enqueued(self, job: object, /, *args: Any, queue: str | Queue | None = None, **kwargs: Any) -> None:
        """Fails if a matching job is enqueued. The arguments are those of `assert_enqueued`.

        Raises:
            AssertionError: there is one; the message lists the matching jobs.
        """
        found = self.enqueued(job, *args, queue=queue, **kwargs)
        if found:
            raise AssertionError(present_text(wanted_of(job, args, kwargs, queue), found))

    @property
    def _running(self) -> SandboxServer:
        if self._server is None:
            raise MonarqError(
                "the sandbox is not open: use it in a `with` block (`async with` for Sandbox), or call open() first"
            )
        return self._server

    def _known(self) -> Known:
        return find_known(self._app)

    async def _drain(self, redis: Redis, executor: Executor | None, max_jobs: int) -> list[Ended]:
        """Runs jobs until none is due; see `drain`."""
        if self._is_draining:
            raise MonarqError(
                "this sandbox is already being drained: a drain runs until nothing is due, so await that one, and never"
                " call drain in a job. Sandbox(concurrency=...) runs several jobs at once"
            )
        self._is_draining = True
        recorder = Recorder()
        try:
            with self._attendance.drain():
                await drain(redis, self._plan(executor), to_count(max_jobs, "max_jobs", least=1), recorder)
        finally:
            self._is_draining = False
            self._ended += recorder.ended
        return recorder.ended

    def _plan(self, executor: Executor | None) -> DrainPlan:
        return DrainPlan(
            known=self._known(),
            crons=self._crons,
            source=self._running.source,
            cpu=self._cpu,
            concurrency=self._concurrency,
            executor=executor,
        )


def _forget() -> None:
    global _open  # noqa: PLW0603
    _open = None


def _set_variable(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def _length(**parts: float) -> timedelta:
    for name, value in parts.items():
        try:
            timedelta(**{name: value})
            is_number = not isinstance(value, bool)
        except (OverflowError, TypeError, ValueError):
            is_number = False
        if not is_number:
            raise SettingsError(f"travel: {name} is not a number, or is too large")
    return timedelta(**parts)
