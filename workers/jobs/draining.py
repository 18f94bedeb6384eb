"""Draining: lets the runs of a stopping worker end within a grace period, then cancels the rest and hands them back.

It begins when the claimers have ended, so that no new run is added.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.jobs.runner import Runner
from monarq.workers.runs.run import ActiveRun, CancelReason
from monarq.workers.system.job_processes import JobProcesses

CANCEL_GRACE_S: Final = 1.0
"""How long a cancelled run may take to end before its job is handed back although the run continues."""


class Drain:
    """Ends the runs of one worker.

    Args:
        runner: runs them.
        grace_s: how long they may continue.
        hand_back: set if they must be handed back at once.
        events: notified of the drain.
        processes: the processes that jobs have started, if this process runs only the worker; else None.

    Attributes:
        interrupted_runs: whether runs were cancelled early.
    """

    def __init__(
        self,
        runner: Runner,
        *,
        grace_s: float,
        hand_back: asyncio.Event,
        events: Dispatcher,
        processes: JobProcesses | None = None,
    ) -> None:
        self._runner = runner
        self._grace_s = grace_s
        self._hand_back = hand_back
        self._events = events
        self._processes = processes
        self.interrupted_runs = False

    async def end_runs(self) -> None:
        """Lets the running jobs end within the grace period, then hands the others back."""
        if self._runs:
            self._events.worker_draining(len(self._runs), self._grace_s)
            await self._wait(self._grace_s)
        if self._runs:
            self.interrupted_runs = True
            await self._hand_runs_back()

    async def _hand_runs_back(self) -> None:
        # Before the runs end: the children of a process cannot be found once that process is gone.
        found = self._processes.find() if self._processes else frozenset()
        for run in self._runs:
            run.cancel(CancelReason.HAND_BACK)
        self._hand_back.clear()
        await self._wait(CANCEL_GRACE_S)
        for run in self._runs:
            self._runner.hand_back(run)
        if self._processes:
            await self._processes.terminate(found)
        # Last, since the jobs may run elsewhere from then on.
        self._runner.acknowledge_handed_back()

    @property
    def _runs(self) -> list[ActiveRun]:
        return list(self._runner.running.values())

    async def _wait(self, longest_s: float) -> None:
        tasks = [run.task for run in self._runs if run.task is not None]
        handed_back = asyncio.create_task(self._hand_back.wait())
        all_ended = asyncio.create_task(asyncio.wait(tasks))
        await asyncio.wait([all_ended, handed_back], timeout=longest_s, return_when=asyncio.FIRST_COMPLETED)
        await end_tasks([all_ended, handed_back])


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancels the tasks that have not ended and waits for them; does not raise their exceptions."""
    ending = [task for task in tasks if not task.done()]
    for task in ending:
        task.cancel()
    if ending:
        await asyncio.wait(ending)
