"""The jobs of `chaos.jobs.plain`, and twenty crons that tick each second: ``monarq worker chaos.jobs.crons``."""

from __future__ import annotations

from typing import Final

from chaos.checks.attempt import attempt
from chaos.jobs.plain import burn, carry, generation, retried, work
from monarq import Context, cron, job

PREFIX: Final = "chaos-tick"

__all__ = ["burn", "carry", "generation", "retried", "tick", "work"]


@job
async def tick(ctx: Context) -> str:
    """What the crons run."""
    with attempt(ctx.job_id, ctx.job_try) as run:
        return run


for _number in range(20):
    globals()[f"cron_{_number}"] = cron(tick, "* * * * * *", name=f"{PREFIX}-{_number}", catch_up="all")
