"""Who minds that leases end even where Redis cannot be asked: stops the runs of those that are over.

A worker that is cut off, or was frozen, cannot hear that its leases are lost. Others run its jobs once the leases have
ended by Redis' clock, and that is never before they have ended by this worker's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from monarq.shared.commands.jobs.claim import Lease
from monarq.workers.leases.keeper import LeaseTable
from monarq.workers.runs.run import CancelReason, Run

_SHORTEST_S = 0.001


class LeaseExpiry:
    """Stops the runs whose leases have ended by this machine's clock."""

    def __init__(self, *, running: Mapping[Lease, Run], table: LeaseTable, lease_s: float) -> None:
        self._running = running
        self._table = table
        # A lease that is claimed while it sleeps ends later than this, however long the claim's reply has taken.
        self._longest_s = lease_s / 6

    async def run(self) -> None:
        """Minds them until cancelled."""
        while True:
            wait_s = self._stop_ended(time.monotonic())
            await asyncio.sleep(wait_s)

    def _stop_ended(self, now_s: float) -> float:
        """Stops what has no lease any more, and gives the seconds until it is time to look again."""
        next_s = now_s + self._longest_s
        for lease, run in list(self._running.items()):
            if lease.ends_s > now_s:
                next_s = min(next_s, lease.ends_s)
            elif self._table.holds(lease):
                self._table.drop(lease)
                run.stop(CancelReason.LOST)
        return max(next_s - now_s, _SHORTEST_S)
