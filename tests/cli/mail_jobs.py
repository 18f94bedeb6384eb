"""A target with jobs, and a cron, that are declared for a native queue."""

from __future__ import annotations

from monarq import Queue, cron, job

MAIL = Queue("mail")


@job(queue=MAIL)
async def greet_by_mail(name: str) -> str:
    return f"hello {name}"


@job(queue=MAIL)
async def report() -> None: ...


@job
async def triple_by_mail(n: int) -> int:
    return 3 * n


each_second = cron(report, "* * * * * *")
