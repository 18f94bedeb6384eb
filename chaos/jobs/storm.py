"""A job whose downstream service is away for a while: ``monarq worker chaos.jobs.storm``."""

from __future__ import annotations

import os
from pathlib import Path

from chaos.checks.attempt import attempt
from chaos.checks.ledger import DIRECTORY_VARIABLE
from monarq import Context, Exponential, job

AWAY = "downstream-is-away"
"""While a file with this name is in the ledger's directory, every call fails."""

BACKOFF_S, BACKOFF_MAX_S = 4.0, 8.0


@job(retry=Exponential(50, base=BACKOFF_S, max=BACKOFF_MAX_S))
async def call_downstream(ctx: Context) -> str:
    """Fails at once while the downstream service is away."""
    with attempt(ctx.job_id, ctx.job_try) as run:
        if (Path(os.environ[DIRECTORY_VARIABLE]) / AWAY).exists():
            raise ConnectionError("the downstream is away")
    return run
