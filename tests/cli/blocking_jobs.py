"""A job that blocks its worker's event loop."""

from __future__ import annotations

import time

from monarq import job


@job
async def block_the_loop(seconds: float) -> None:
    time.sleep(seconds)
